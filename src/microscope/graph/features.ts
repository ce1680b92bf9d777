import { GlassboxError } from '../../base/error.ts';
import type { TensorData } from '../../graph/op.ts';
import type { Model } from '../../model/model.ts';
import { runDictionary } from '../dictionary/run.ts';
import { replacedLayer } from '../dictionary/set.ts';
import type { Dictionary, DictionarySet } from '../dictionary/types.ts';

/** A feature that fires at a position. */
export interface ActiveFeature {
  readonly layer: number;
  readonly position: number;
  readonly index: number;
  readonly activation: number;
}

/** A prompt taken apart: what fires where, and what the dictionaries miss. */
export interface Decomposition {
  /** By layer, then position, then index. */
  readonly features: readonly ActiveFeature[];
  /** Per layer, MLP output minus its reconstruction `[pos, d_model]`, zero at the ignored positions. */
  readonly errors: readonly Float32Array[];
}

/**
 * Throws `dictionary-mismatch` unless there is one dictionary per layer, of this model's width, that reads before
 * the layer's MLP and writes to the MLP outputs of its layer and perhaps of later ones.
 */
export function checkSet(model: Model, set: DictionarySet): void {
  const { nLayers, dModel } = model.config;
  const problem = (message: string): never => {
    throw new GlassboxError(message, {
      code: 'dictionary-mismatch',
      remedy: 'Use dictionaries that were trained on this model, one per layer.',
      details: { model: model.name },
    });
  };
  if (set.dictionaries.length !== nLayers) {
    problem(`there are ${set.dictionaries.length} dictionaries for a model of ${nLayers} layers`);
  }
  set.dictionaries.forEach(({ config }, layer) => {
    if (config.dIn !== dModel || config.dOut !== dModel) {
      problem(`the dictionary of layer ${layer} is ${config.dIn} wide, the model is ${dModel}`);
    }
    if (config.normalise) {
      problem(
        `the dictionary of layer ${layer} normalises its input (${config.normalise}): what it reads is not linear`,
      );
    }
    const outputs = Array.from({ length: nLayers - layer }, (_, m) => mlpOut(layer + m));
    const { reads, writes } = config;
    const standsIn =
      replacedLayer({ config }) === layer &&
      writes.every((address, j) => outputs.includes(address) && writes.indexOf(address) === j);
    if (!standsIn) {
      problem(
        `the dictionary of layer ${layer} reads ${reads.join(', ')} and writes ${writes.join(', ')}: it does not stand in for blocks.${layer}.hook_mlp_out`,
      );
    }
  });
}

const mlpOut = (layer: number): string => `blocks.${layer}.hook_mlp_out`;

/** Throws `not-finite` for activations or features that are not numbers. */
function checkFinite(values: Float32Array, what: string): void {
  if (values.every(Number.isFinite)) return;
  throw new GlassboxError(`${what} holds NaN or infinity on this prompt`, {
    code: 'not-finite',
    remedy: 'Check the weights of the model and of the dictionaries.',
    details: { what },
  });
}

/** The layer that the j-th decoder of a dictionary writes to. */
export function writtenLayer(dictionary: Dictionary, j: number): number {
  return Number(/^blocks\.(\d+)\./.exec(dictionary.config.writes[j])![1]);
}

/**
 * Encodes every layer's MLP input.
 *
 * @param options.cache activations of one prompt at all addresses read and written
 * @param options.ignored positions (such as the begin-of-text token) where features and errors count as zero
 * @throws GlassboxError `not-finite`, naming the address
 */
export async function decompose(
  model: Model,
  set: DictionarySet,
  options: {
    readonly cache: Readonly<Record<string, TensorData>>;
    readonly ignored: readonly number[];
  },
): Promise<Decomposition> {
  const { dModel } = model.config;
  const values = (address: string) => options.cache[address].data as Float32Array;
  const errors = set.dictionaries.map((_, layer) => values(mlpOut(layer)).slice());
  const features: ActiveFeature[] = [];
  for (const [layer, dictionary] of set.dictionaries.entries()) {
    const { dDict, reads } = dictionary.config;
    checkFinite(values(reads[0]), reads[0]);
    checkFinite(errors[layer], mlpOut(layer));
    const { acts, outputs } = await runDictionary(model.runtime, dictionary, [values(reads[0])]);
    checkFinite(acts, `what the dictionary of layer ${layer} makes of ${reads[0]}`);
    outputs.forEach((output, j) => {
      const error = errors[writtenLayer(dictionary, j)];
      for (let i = 0; i < error.length; i++) error[i] -= output[i];
    });
    for (let i = 0; i < acts.length; i++) {
      const position = Math.floor(i / dDict);
      if (acts[i] !== 0 && !options.ignored.includes(position)) {
        features.push({ layer, position, index: i % dDict, activation: acts[i] });
      }
    }
  }
  for (const position of options.ignored) {
    for (const error of errors) error.fill(0, position * dModel, (position + 1) * dModel);
  }
  return { features, errors };
}
