import type { Rng } from '../../base/rng.ts';

/** What the inputs of a toy model look like. */
export interface ToyWorld {
  /** n */
  readonly features: number;
  /** Probability that a feature is present, in (0, 1]. */
  readonly probability: number;
}

/** The sets of present features that can occur, with how often each does and how many rows stand for it. */
export interface Stratum {
  /** Whether each feature is present. */
  readonly present: readonly boolean[];
  /** Probability of exactly this set. */
  readonly share: number;
  readonly rows: number;
}

/** Rows `[rows, n]` of all strata one after the other; weighted sums over them are expectations. */
export interface ToySample {
  readonly strata: readonly Stratum[];
  readonly rows: number;
  /** Row-major `[rows, n]`. */
  readonly x: Float32Array;
  /** One per row; they sum to 1. */
  readonly weight: Float32Array;
}

/**
 * Lists every set of present features with its probability, so that only the values have to be drawn: rare sets are in
 * every batch, and the noise of a loss is that of the values alone. Half of the rows go to all sets alike, half to
 * where they occur; the empty set needs one.
 */
export function strataOf({ features, probability }: ToyWorld, rows: number): Stratum[] {
  const sets = Array.from({ length: 2 ** features }, (_, set) => {
    const present = Array.from({ length: features }, (__, f) => ((set >> f) & 1) === 1);
    const share = present.reduce((p, on) => p * (on ? probability : 1 - probability), 1);
    return { present, share };
  }).filter(({ share }) => share > 0);
  const filled = sets.filter(({ present }) => present.includes(true));
  const total = filled.reduce((sum, { share }) => sum + share, 0);
  return sets.map(({ present, share }): Stratum => {
    const part = 0.5 / filled.length + (0.5 * share) / total;
    const own = present.includes(true) ? Math.max(1, Math.round(rows * part)) : 1;
    return { present, share, rows: own };
  });
}

/** Draws the values of all strata. */
export function drawSample(strata: readonly Stratum[], rng: Rng): ToySample {
  const n = strata[0].present.length;
  const rows = strata.reduce((sum, stratum) => sum + stratum.rows, 0);
  const x = new Float32Array(rows * n);
  const weight = new Float32Array(rows);
  let row = 0;
  for (const { present, share, rows: own } of strata) {
    for (let i = 0; i < own; i++, row++) {
      weight[row] = share / own;
      for (let f = 0; f < n; f++) if (present[f]) x[row * n + f] = rng.next();
    }
  }
  return { strata, rows, x, weight };
}

/**
 * The expected squared error of x̂ = relu(Wᵀ W x + b), summed over features, with its standard error.
 *
 * @param directions columns of W, `[features][hidden]`
 */
export function expectedLoss(
  { strata, x }: ToySample,
  directions: readonly (readonly number[])[],
  bias: readonly number[],
): { readonly loss: number; readonly standardError: number } {
  const n = directions.length;
  const overlap = directions.flatMap((a) =>
    directions.map((b) => a.reduce((sum, value, i) => sum + value * b[i], 0)),
  );
  let loss = 0;
  let variance = 0;
  let row = 0;
  for (const { share, rows } of strata) {
    let [sum, squares] = [0, 0];
    for (let i = 0; i < rows; i++, row++) {
      let error = 0;
      for (let f = 0; f < n; f++) {
        let guess = bias[f];
        for (let g = 0; g < n; g++) guess += overlap[f * n + g] * x[row * n + g];
        error += (x[row * n + f] - Math.max(0, guess)) ** 2;
      }
      sum += error;
      squares += error * error;
    }
    const mean = sum / rows;
    loss += share * mean;
    if (rows > 1) variance += (share ** 2 * Math.max(0, squares / rows - mean ** 2)) / (rows - 1);
  }
  return { loss, standardError: Math.sqrt(variance) };
}
