import { Rng } from '../../../base/rng.ts';
import type { ActivationStatistics, Arrays } from './params.ts';
import { clearSlots } from './resample.ts';
import { biasOwner, type DictionaryTask } from './rule.ts';

/** Dead features that start anew at a time, as a share of the rows of a batch, so that few get the same start. */
const AT_ONCE = 1 / 32;

/**
 * Gives dead features of top-k kinds a new start at rows that are badly reconstructed, in the manner of Bricken et al.
 * (2023), for features that have to win a place among the k largest: a decoder along the row's error, and an encoder
 * that gives on this row what the error needs, and nothing half-way between the mean input and the row, so that the
 * others are disturbed little. Rows are drawn without replacement in proportion to their squared error: what is
 * rare in the text and shares its features with other things gets one of its own in this way.
 *
 * @returns the features that started anew
 */
export function revive(options: {
  readonly task: DictionaryTask;
  readonly part: number;
  /** Dead features. */
  readonly features: readonly number[];
  /** Changed in place. */
  readonly params: Arrays;
  readonly slots: readonly string[];
  readonly batch: Readonly<Arrays>;
  readonly statistics: Readonly<Record<string, ActivationStatistics>>;
  readonly scales: Readonly<Record<string, number>>;
  /** x − x̂ of every address written, scaled, `[rows, d_out]`. */
  readonly errors: Readonly<Record<string, Float32Array>>;
  readonly step: number;
}): number[] {
  const { task, part, params, slots, batch, errors, step } = options;
  const { dIn, dOut } = task;
  const { reads, writes } = task.parts[part];
  const rows = errors[writes[0]].length / dOut;
  const rng = new Rng(task.seed).fork(`revive ${part} ${step}`);
  const count = Math.max(1, Math.floor(AT_ONCE * rows));
  const chosen = rng.sample(options.features, Math.min(count, options.features.length));
  const squares = Float64Array.from({ length: rows }, (_, row) =>
    writes.reduce((sum, address) => sum + squared(rowOf(errors[address], row, dOut)), 0),
  );
  const values = (name: string) => params[`${part}.${name}`].data as Float32Array;
  const done: number[] = [];
  for (const feature of chosen) {
    const row = draw(squares, rng);
    const length = Math.sqrt(squares[row]);
    // A row gives one start only.
    squares[row] = 0;
    const inputs = reads.map((_, i) => deviation(i, row));
    const reach = inputs.reduce((sum, x) => sum + squared(x), 0);
    if (length === 0 || reach === 0) continue;
    writes.forEach((address, j) => {
      const error = rowOf(errors[address], row, dOut);
      values(`W_dec.${j}`).set(
        error.map((value) => value / length),
        feature * dOut,
      );
    });
    let bias = -length;
    inputs.forEach((x, i) => {
      const encoder = x.map((value) => (2 * value * length) / reach);
      values(`W_enc.${i}`).set(encoder, feature * dIn);
      if (task.centreInput) return;
      const mean = scaledMean(reads[i]);
      encoder.forEach((value, d) => {
        bias -= value * mean[d];
      });
    });
    values('b_enc')[feature] = bias;
    clearSlots({ task, part, feature, params, slots });
    done.push(feature);
  }
  return done;

  function scaledMean(address: string): Float32Array {
    const scale = options.scales[address];
    return options.statistics[address].mean.map((value) => value * scale);
  }

  /** What the i-th encoder sees of a row, less what it sees of the mean input. */
  function deviation(i: number, row: number): Float32Array {
    const scale = options.scales[reads[i]];
    const x = rowOf(batch[reads[i]].data as Float32Array, row, dIn);
    const mean = task.centreInput
      ? (params[biasOwner(task, writes[i])].data as Float32Array)
      : scaledMean(reads[i]);
    return x.map((value, d) => value * scale - mean[d]);
  }
}

const rowOf = (data: Float32Array, row: number, width: number): Float32Array =>
  data.subarray(row * width, (row + 1) * width);

const squared = (x: Float32Array): number => x.reduce((sum, value) => sum + value * value, 0);

function draw(weights: Float64Array, rng: Rng): number {
  let left = rng.next() * weights.reduce((sum, value) => sum + value, 0);
  for (let i = 0; i < weights.length; i++) if ((left -= weights[i]) < 0) return i;
  return 0;
}
