import { bootstrap, bootstrapMean, type Estimate } from '../intervals.ts';

/** Ranks from 0, equal values share their mean rank. */
function ranks(values: readonly number[]): number[] {
  const order = values.map((value, i) => ({ value, i })).sort((a, b) => a.value - b.value);
  const out = new Array<number>(values.length);
  for (let start = 0; start < order.length; ) {
    let end = start;
    while (end + 1 < order.length && order[end + 1].value === order[start].value) end++;
    for (let i = start; i <= end; i++) out[order[i].i] = (start + end) / 2;
    start = end + 1;
  }
  return out;
}

/**
 * Spearman's rank correlation in [−1, 1] with mean ranks for ties; NaN when there are fewer than two
 * values or one side is constant.
 */
export function spearman(a: readonly number[], b: readonly number[]): number {
  const [x, y] = [ranks(a), ranks(b)];
  const n = x.length;
  const mean = (n - 1) / 2;
  let [xy, xx, yy] = [0, 0, 0];
  for (let i = 0; i < n; i++) {
    xy += (x[i] - mean) * (y[i] - mean);
    xx += (x[i] - mean) ** 2;
    yy += (y[i] - mean) ** 2;
  }
  return n > 1 && xx > 0 && yy > 0 ? xy / Math.sqrt(xx * yy) : Number.NaN;
}

/** How much repeated attributions agree. */
export interface Stability {
  /** Mean rank correlation over pairs, in [−1, 1]. */
  readonly mean: number;
  /** Its bootstrap interval over runs, 95 %; null where one comparison says nothing about spread. */
  readonly low: number | null;
  readonly high: number | null;
  readonly worst: number;
  /** Pairs compared. */
  readonly pairs: number;
  /** Pairs without a rank correlation: fewer than two shared tokens, or all values the same. */
  readonly notAssessed: number;
  /** Runs that the pairs are made of, which is what the interval is over: seeds, or paraphrases. */
  readonly n: number;
}

const meanOf = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

function summary(
  correlations: readonly number[],
  { value, low, high, n }: Estimate,
): Stability | null {
  const known = correlations.filter((x) => !Number.isNaN(x));
  if (known.length === 0) return null;
  const bounded = (x: number) => (Number.isFinite(x) ? x : null);
  return {
    mean: value,
    low: bounded(low),
    high: bounded(high),
    worst: Math.min(...known),
    pairs: known.length,
    notAssessed: correlations.length - known.length,
    n,
  };
}

/** Agreement of one run with each of several others; null when no correlation is defined. */
export function stabilityOf(correlations: readonly number[]): Stability | null {
  const known = correlations.filter((x) => !Number.isNaN(x));
  return known.length === 0 ? null : summary(correlations, bootstrapMean(known));
}

/**
 * Agreement of every pair of runs, e.g. of one method under several seeds. Runs are resampled for the interval, not
 * pairs, which are not independent; two copies of one run are no pair.
 */
export function pairwiseStability(runs: readonly (readonly number[])[]): Stability | null {
  const table = runs.map((one) => runs.map((other) => spearman(one, other)));
  const correlations = table.flatMap((row, i) => row.slice(i + 1));
  const estimate = bootstrap(runs.length, (indices) => {
    const pairs = indices.flatMap((i, at) =>
      indices
        .slice(at + 1)
        .flatMap((j) => (i === j || Number.isNaN(table[i][j]) ? [] : table[i][j])),
    );
    return meanOf(pairs);
  });
  return summary(correlations, estimate);
}

/**
 * Places of two prompts that hold the same token, the k-th occurrence in one beside the k-th in the
 * other: what attributions of paraphrases can be compared on.
 */
export function sharedTokens(
  a: readonly number[],
  b: readonly number[],
): (readonly [inA: number, inB: number])[] {
  const places = new Map<number, number[]>();
  b.forEach((token, i) => {
    places.set(token, [...(places.get(token) ?? []), i]);
  });
  return a.flatMap((token, i): (readonly [number, number])[] => {
    const next = places.get(token)?.shift();
    return next === undefined ? [] : [[i, next]];
  });
}
