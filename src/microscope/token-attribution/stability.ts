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
  readonly worst: number;
  /** Pairs compared. */
  readonly pairs: number;
}

/** Summary of correlations; null when none is defined. */
export function stabilityOf(correlations: readonly number[]): Stability | null {
  const known = correlations.filter((x) => !Number.isNaN(x));
  if (known.length === 0) return null;
  const mean = known.reduce((a, b) => a + b, 0) / known.length;
  return { mean, worst: Math.min(...known), pairs: known.length };
}

/** Agreement of every pair of runs, e.g. of one method under several seeds. */
export function pairwiseStability(runs: readonly (readonly number[])[]): Stability | null {
  return stabilityOf(
    runs.flatMap((one, i) => runs.slice(i + 1).map((other) => spearman(one, other))),
  );
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
