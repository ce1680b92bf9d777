import { Rng } from '../../base/rng.ts';

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

/** A loss, and how far it can be trusted. */
export interface ToyLoss {
  /** Expected squared error, summed over features. */
  readonly loss: number;
  /** Of the loss, from the values drawn. */
  readonly standardError: number;
  /** Standard deviation of the error of one input: a mean over N plain inputs is off by this over the root of N. */
  readonly deviation: number;
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
): ToyLoss {
  const n = directions.length;
  const overlap = directions.flatMap((a) =>
    directions.map((b) => a.reduce((sum, value, i) => sum + value * b[i], 0)),
  );
  let loss = 0;
  let variance = 0;
  let secondMoment = 0;
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
    secondMoment += (share * squares) / rows;
    if (rows > 1) variance += (share ** 2 * Math.max(0, squares / rows - mean ** 2)) / (rows - 1);
  }
  const deviation = Math.sqrt(Math.max(0, secondMoment - loss ** 2));
  return { loss, standardError: Math.sqrt(variance), deviation };
}

/**
 * Where the least of several plain estimates of a loss falls, 95 times in 100: what "the best loss found" means when each
 * training is measured on inputs drawn as they come. It lies below the loss, the further the rarer features are.
 * Estimates are taken as normal, which holds where many of the inputs have an error.
 *
 * @param inputs of each estimate
 * @param estimates how many there are
 */
export function leastOfPlainEstimates(
  { loss, deviation }: Pick<ToyLoss, 'loss' | 'deviation'>,
  { inputs, estimates }: { readonly inputs: number; readonly estimates: number },
): { readonly low: number; readonly high: number } {
  const rng = new Rng(0);
  const least = Float64Array.from({ length: 4000 }, () => {
    let z = Number.POSITIVE_INFINITY;
    for (let i = 0; i < estimates; i++) z = Math.min(z, rng.normal());
    return z;
  }).sort();
  const at = (share: number) => loss + (deviation / Math.sqrt(inputs)) * least[share * 4000];
  return { low: at(0.025), high: at(0.975) };
}
