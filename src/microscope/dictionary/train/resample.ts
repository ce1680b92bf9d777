import { Rng } from '../../../base/rng.ts';
import type { Arrays } from './params.ts';
import type { DictionaryTask } from './rule.ts';
import { slotName } from './update.ts';

/**
 * Gives dead features a new start (Bricken et al. 2023, appendix): each takes the direction of a row that is badly
 * reconstructed, drawn in proportion to its squared error, with an encoder of a fifth of the mean length, no bias
 * and no momentum.
 */
export function resample(options: {
  readonly task: DictionaryTask;
  readonly part: number;
  readonly features: readonly number[];
  /** Changed in place. */
  readonly params: Arrays;
  readonly slots: readonly string[];
  readonly batch: Readonly<Arrays>;
  /** Squared error of every row of the batch. */
  readonly rowErrors: Float32Array;
  readonly step: number;
}): readonly number[] {
  const { task, part, features, params, slots, batch, rowErrors, step } = options;
  if (features.length === 0) return features;
  const rng = new Rng(task.seed).fork(`resample ${part} ${step}`);
  const { reads, writes } = task.parts[part];
  const values = (name: string) => params[`${part}.${name}`].data as Float32Array;
  const encoders = reads.map((_, i) => meanLength(values(`W_enc.${i}`), task.dIn));
  const decoders = writes.map((_, j) => meanLength(values(`W_dec.${j}`), task.dOut));
  for (const feature of features) {
    const row = draw(rowErrors, rng);
    reads.forEach((address, i) => {
      const length = 0.2 * encoders[i];
      place(values(`W_enc.${i}`), feature, batch[address].data as Float32Array, row, {
        width: task.dIn,
        length,
      });
    });
    writes.forEach((address, j) => {
      const length = decoders[j];
      place(values(`W_dec.${j}`), feature, batch[address].data as Float32Array, row, {
        width: task.dOut,
        length,
      });
    });
    for (const name of ['b_enc', 'b_gate', 'b_mag']) {
      const bias = params[`${part}.${name}`];
      if (bias) (bias.data as Float32Array)[feature] = 0;
    }
    clearSlots({ task, part, feature, params, slots });
  }
  return features;
}

/** Sets the optimiser's memory of one feature to zero. */
export function clearSlots(options: {
  readonly task: DictionaryTask;
  readonly part: number;
  readonly feature: number;
  readonly params: Arrays;
  readonly slots: readonly string[];
}): void {
  const { task, part, feature, params, slots } = options;
  for (const slot of slots) {
    for (const name of Object.keys(params)) {
      if (!name.startsWith(slotName(slot, `${part}.`))) continue;
      const { data, shape } = params[name];
      if (shape[0] !== task.dDict) continue;
      const width = data.length / task.dDict;
      (data as Float32Array).fill(0, feature * width, (feature + 1) * width);
    }
  }
}

function meanLength(data: Float32Array, width: number): number {
  const rows = data.length / width;
  let total = 0;
  for (let row = 0; row < rows; row++) {
    let square = 0;
    for (let d = row * width; d < (row + 1) * width; d++) square += data[d] ** 2;
    total += Math.sqrt(square);
  }
  return total / rows;
}

/** Writes row `row` of `source`, brought to a length, over row `feature` of `target`. */
function place(
  target: Float32Array,
  feature: number,
  source: Float32Array,
  row: number,
  options: { readonly width: number; readonly length: number },
): void {
  const { width, length } = options;
  const from = source.subarray(row * width, (row + 1) * width);
  const norm = Math.sqrt(from.reduce((sum, value) => sum + value * value, 0));
  if (norm === 0) return;
  for (let d = 0; d < width; d++) target[feature * width + d] = (from[d] * length) / norm;
}

function draw(weights: Float32Array, rng: Rng): number {
  const total = weights.reduce((sum, value) => sum + value, 0);
  let left = rng.next() * total;
  for (let i = 0; i < weights.length; i++) if ((left -= weights[i]) < 0) return i;
  return 0;
}
