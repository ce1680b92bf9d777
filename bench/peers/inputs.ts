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

/** Which transcoders. */
export interface TranscoderShape {
  readonly kind: DictionarySet['kind'];
  readonly dDict: number;
  /** A pre-activation, whose deviation is 1, makes a feature fire above this. */
  readonly above: number;
}

/**
 * Random transcoders for every layer, written as circuit-tracer reads them. MLP inputs have length √d_model
 * after the norm, so pre-activations have deviation 1. Those of one layer have a ReLU and a bias, those that
 * write to all later layers thresholds.
 */
export async function sharedTranscoders(
  model: Model,
  options: TranscoderShape & { readonly folder: string },
): Promise<DictionarySet> {
  const { dModel, nLayers } = model.config;
  const { kind, dDict, above } = options;
  const rng = new Rng(5);
  const dictionaries = Array.from({ length: nLayers }, (_, layer): Dictionary => {
    const last = kind === 'per-layer' ? layer + 1 : nLayers;
    const config: DictionaryConfig = {
      activation: { kind: kind === 'per-layer' ? 'relu' : 'jumprelu' },
      reads: [`blocks.${layer}.mlp.hook_in`],
      writes: Array.from({ length: last - layer }, (_, j) => `blocks.${layer + j}.hook_mlp_out`),
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
        uniform(shape, name.startsWith('b_') ? 0.01 : 1 / Math.sqrt(dModel), rng),
      ]),
    );
    if (kind === 'per-layer') (params.b_enc.data as Float32Array).fill(-above);
    else (params.threshold.data as Float32Array).fill(above);
    return { config, params };
  });
  const set: DictionarySet = { kind, dictionaries };
  await saveCircuitTracer(join(options.folder, 'transcoders'), set);
  return set;
}
