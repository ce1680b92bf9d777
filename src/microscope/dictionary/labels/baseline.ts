import { Rng } from '../../../base/rng.ts';
import type { TensorData } from '../../../graph/op.ts';
import type { Model } from '../../../model/model.ts';
import { readActivations } from '../data/source.ts';
import type { Dictionary } from '../types.ts';
import type { ConceptText } from './types.ts';

/** Rows of text that the mean activation is taken over. */
const ROWS = 64;

/**
 * The dictionary with random encoder directions (normal entries, all of one length), centred on the mean of what it
 * reads, keeping the `l0` strongest per token: what labels score when features mean nothing beyond their direction.
 */
export async function randomDirections(
  model: Model,
  dictionary: Dictionary,
  options: {
    readonly text: ConceptText;
    readonly excluded?: readonly number[];
    /** Features per token of the dictionary it is compared with. */
    readonly l0: number;
    readonly seed?: number;
  },
): Promise<Dictionary> {
  const { text, excluded, l0, seed = 1 } = options;
  const { config } = dictionary;
  const { reads, dIn, dDict } = config;
  const read = await readActivations([{ model, addresses: reads }], text.rows.slice(0, ROWS), {
    excluded,
  });
  const rng = new Rng(seed).fork('random directions');
  const params: Record<string, TensorData> = { ...dictionary.params };
  const bias = new Float32Array(dDict);
  for (const [i, address] of reads.entries()) {
    const encoder = new Float32Array(dIn * dDict);
    const lengths = new Float64Array(dDict);
    for (let at = 0; at < encoder.length; at++) {
      encoder[at] = rng.normal();
      lengths[at % dDict] += encoder[at] ** 2;
    }
    const mean = new Float64Array(dIn);
    read.values[address].forEach((value, at) => {
      mean[at % dIn] += value / read.rows;
    });
    for (let at = 0; at < encoder.length; at++) {
      encoder[at] /= Math.sqrt(lengths[at % dDict]);
      bias[at % dDict] -= encoder[at] * mean[Math.floor(at / dDict)];
    }
    params[`W_enc.${i}`] = { dtype: 'float32', shape: [dIn, dDict], data: encoder };
  }
  params.b_enc = { dtype: 'float32', shape: [dDict], data: bias };
  const k = Math.max(1, Math.min(dDict, Math.round(l0)));
  return {
    config: { ...config, activation: { kind: 'topk', k }, centreInput: false, scale: 1 },
    params,
  };
}
