import type { ProgressListener } from '../base/progress.ts';
import { type Clock, median } from './clock.ts';
import type { Rates, Rooflines } from './roofline.ts';

/** What every bench is given. */
export interface Settings {
  readonly rooflines: Rooflines;
  readonly clock: Clock;
  /** How often each figure is measured. */
  readonly repeats: number;
  readonly progress: ProgressListener;
  readonly signal?: AbortSignal;
}

/** The work of one sample, for the roofline. */
export interface Work {
  readonly flops?: number;
  readonly bytes?: number;
}

/** The least time in seconds that work can take at these rates. */
export function bound({ flops = 0, bytes = 0 }: Work, rates: Rates): number {
  return Math.max(flops / rates.flops, bytes / rates.bytes);
}

/** Samples in order, each with the roofline around it. */
export interface Paired {
  readonly values: readonly number[];
  readonly rooflines: readonly number[];
  /** Median over samples of roofline / value. */
  readonly ratio: number;
}

const mean = (a: number, b: number): number => (a + b) / 2;

/**
 * Measures a figure between rooflines: roofline, sample, roofline, sample, … A sample is compared with
 * the mean of the rooflines just before and after it, so that a machine that gets hot and slows down
 * slows both. Other programs slow the sample more, which errs on the side of too low a ratio.
 */
export async function paired(
  settings: Settings,
  bench: {
    readonly name: string;
    readonly work: Work;
    /** Runs once and says how many seconds it took, or per token. */
    readonly run: () => Promise<number>;
  },
): Promise<Paired> {
  const { rooflines, repeats, progress, signal } = settings;
  const values: number[] = [];
  const bounds: number[] = [];
  let before = bound(bench.work, await rooflines.sample());
  for (let done = 0; done < repeats; done++) {
    progress({ label: bench.name, done, total: repeats, unit: 'repeats' });
    signal?.throwIfAborted();
    values.push(await bench.run());
    const after = bound(bench.work, await rooflines.sample());
    bounds.push(mean(before, after));
    before = after;
  }
  progress({ label: bench.name, done: repeats, total: repeats, unit: 'repeats' });
  return {
    values,
    rooflines: bounds,
    ratio: median(values.map((value, i) => bounds[i] / value)),
  };
}

/** The fields of a result that describe its samples. */
export function spread(values: readonly number[]) {
  return {
    value: median(values),
    n: values.length,
    min: Math.min(...values),
    max: Math.max(...values),
  };
}
