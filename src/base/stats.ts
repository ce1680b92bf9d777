/** A proportion with its sample size and interval. All of rate, low and high lie in [0, 1]. */
export interface Rate {
  readonly n: number;
  readonly correct: number;
  readonly rate: number;
  readonly low: number;
  readonly high: number;
}

/**
 * Wilson score interval for a binomial proportion (Wilson 1927), 95 % by default.
 * With n = 0 nothing is known: the rate is NaN and the interval is [0, 1].
 */
export function wilson(correct: number, n: number, z = 1.959963984540054): Rate {
  if (n === 0) return { n, correct, rate: Number.NaN, low: 0, high: 1 };
  const p = correct / n;
  const z2 = z * z;
  const centre = (p + z2 / (2 * n)) / (1 + z2 / n);
  const half = (z / (1 + z2 / n)) * Math.sqrt((p * (1 - p)) / n + z2 / (4 * n * n));
  return { n, correct, rate: p, low: Math.max(0, centre - half), high: Math.min(1, centre + half) };
}
