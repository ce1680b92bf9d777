import { Rng } from '../base/rng.ts';

/** An estimate with a 95 % interval and the number of samples it comes from. */
export interface Estimate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
  readonly n: number;
}

/** Resamples of a bootstrap unless told. */
const RESAMPLES = 1000;

/**
 * A statistic of samples with a percentile bootstrap interval (Efron 1979) over the samples, 95 %. With
 * fewer than two samples nothing is known about spread: the interval is unbounded.
 *
 * @param statistic computes the figure from the indices of a resample
 */
export function bootstrap(
  n: number,
  statistic: (indices: readonly number[]) => number,
  options: { readonly seed?: number; readonly resamples?: number } = {},
): Estimate {
  const value = statistic(Array.from({ length: n }, (_, i) => i));
  if (n < 2) return { value, low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY, n };
  const rng = new Rng(options.seed ?? 0);
  const resamples = options.resamples ?? RESAMPLES;
  const found = Array.from({ length: resamples }, () =>
    statistic(Array.from({ length: n }, () => rng.int(n))),
  )
    .filter((x) => !Number.isNaN(x))
    .sort((a, b) => a - b);
  const at = (share: number) => found[Math.round(share * (found.length - 1))] ?? Number.NaN;
  return { value, low: at(0.025), high: at(0.975), n };
}

/** The mean of samples with its bootstrap interval. */
export function bootstrapMean(
  values: readonly number[],
  options: { readonly seed?: number; readonly resamples?: number } = {},
): Estimate {
  const mean = (indices: readonly number[]) =>
    indices.reduce((sum, i) => sum + values[i], 0) / indices.length;
  return bootstrap(values.length, mean, options);
}
