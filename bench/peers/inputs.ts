import { join } from 'node:path';
import { Rng } from '../../src/base/rng.ts';
import { fullSizes, tinySizes } from '../../src/bench/sizes.ts';
import type { TensorData } from '../../src/graph/op.ts';
import { saveCircuitTracer } from '../../src/microscope/dictionary/formats/save.ts';
import {
  type Dictionary,
  type DictionaryConfig,
  type DictionarySet,
  dictionaryShapes,
} from '../../src/microscope/dictionary/types.ts';
import { type Model, randomModel, saveModel } from '../../src/model/index.ts';
import { nodeRuntime } from '../../src/runtime/node/index.ts';
import type { BenchContext } from './types.ts';

/** A random model of GPT-2 small's shape, written where a peer reads it. */
export async function sharedModel({ folder, threads, tiny }: BenchContext): Promise<Model> {
  const { model: config } = tiny ? tinySizes : fullSizes;
  const model = randomModel(config, 1, { runtime: nodeRuntime({ threads }) });
  await saveModel(join(folder, 'model'), model);
  return model;
}

/** Two prompts of 16 tokens that differ in one, and the two tokens whose logits are compared. */
export function promptPair(model: Model) {
  const { dVocab } = model.config;
  const clean = Array.from({ length: 16 }, (_, i) => (100 + 7 * i) % dVocab);
  const corrupted = clean.map((token, i) => (i === 10 ? 9999 % dVocab : token));
  return { clean, corrupted, target: 5, distractor: 17 };
}

/** Uniform values of a given deviation: quick to make, and made once for both sides. */
export function uniform(shape: readonly number[], deviation: number, rng: Rng): TensorData {
  const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
  const scale = 2 * Math.sqrt(3) * deviation;
  for (let i = 0; i < data.length; i++) data[i] = (rng.next() - 0.5) * scale;
  return { dtype: 'float32', shape, data };
}

/**
 * Random transcoders for every layer. MLP inputs have length √d_model after the norm, so pre-activations have
 * deviation 1 and a bias says how many of them are positive.
 */
export async function sharedTranscoders(
  model: Model,
  options: { readonly folder: string; readonly dDict: number; readonly bias: number },
): Promise<DictionarySet> {
  const { dModel, nLayers } = model.config;
  const { dDict, bias } = options;
  const rng = new Rng(5);
  const deviations: Record<string, number> = {
    'W_enc.0': 1 / Math.sqrt(dModel),
    'W_dec.0': 1 / Math.sqrt(dModel),
    'b_dec.0': 0.01,
  };
  const dictionaries = Array.from({ length: nLayers }, (_, layer): Dictionary => {
    const config: DictionaryConfig = {
      activation: { kind: 'relu' },
      reads: [`blocks.${layer}.mlp.hook_in`],
      writes: [`blocks.${layer}.hook_mlp_out`],
      dIn: dModel,
      dOut: dModel,
      dDict,
      centreInput: false,
      skip: false,
      scale: 1,
      model: { name: 'bench', hash: null },
    };
    const params = Object.fromEntries(
      Object.entries(dictionaryShapes(config)).map(([name, shape]) => [
        name,
        uniform(shape, deviations[name] ?? 0, rng),
      ]),
    );
    (params.b_enc.data as Float32Array).fill(bias);
    return { config, params };
  });
  const set: DictionarySet = { kind: 'per-layer', dictionaries };
  await saveCircuitTracer(join(options.folder, 'transcoders'), set);
  return set;
}
