import { Rng } from '../../../base/rng.ts';
import { cosines } from './matching.ts';

/**
 * A world of features known by construction, as in SynthSAEBench (arXiv 2602.14687) at a size of one's choice: rows
 * are sums of the directions of the features present.
 */
export interface SyntheticWorldOptions {
  /** True features. */
  readonly features: number;
  /** Dimensions. */
  readonly width: number;
  readonly seed?: number;
  /** Exponent of how probability falls with rank. Default .5. */
  readonly zipf?: number;
  /** Probabilities of the rarest and the commonest feature. Default [5e-4, .4]. */
  readonly probability?: readonly [low: number, high: number];
  /** Trees of features: a child is present only with its parent, and at most one child at a time. */
  readonly hierarchy?: {
    readonly roots: number;
    readonly branching: number;
    readonly depth: number;
  };
  /** Correlations from this many shared factors. Default rank 25 and scale .1. */
  readonly correlation?: { readonly rank: number; readonly scale: number };
  /** Steps that push directions apart. Default 100. */
  readonly orthogonalisation?: number;
}

/** Rows with what is in them. */
export interface SyntheticRows {
  readonly rows: number;
  /** `[rows, width]` */
  readonly x: Float32Array;
  /** Size of every feature, 0 where absent, `[rows, features]`. */
  readonly truth: Float32Array;
}

/** A world of sparse features whose directions and probabilities are known. */
export interface SyntheticWorld {
  readonly features: number;
  readonly width: number;
  /** Unit directions, `[features, width]`. */
  readonly directions: Float32Array;
  /** Probability of each feature before hierarchy takes some away. */
  readonly probabilities: Float64Array;
  sample(rows: number, rng: Rng): SyntheticRows;
}

/** Builds a world. Same options, same world. */
export function createSyntheticWorld(options: SyntheticWorldOptions): SyntheticWorld {
  const { features, width, seed = 0, zipf = 0.5, hierarchy } = options;
  const { rank, scale } = options.correlation ?? { rank: 25, scale: 0.1 };
  const [low, high] = options.probability ?? [5e-4, 0.4];
  const rng = new Rng(seed);
  const directions = spreadDirections(features, width, rng.fork('directions'), options);
  const probabilities = Float64Array.from({ length: features }, (_, f) =>
    Math.max(low, high * (f + 1) ** -zipf),
  );
  const loadings = factorLoadings(features, rank, rng.fork('loadings'));
  const parents = hierarchy ? treeParents(features, hierarchy) : new Int32Array(features).fill(-1);
  // A child must fire more often where its parent does, to keep its own probability.
  const thresholds = probabilities.map((p, f) => {
    const parent = parents[f];
    return normalQuantile(1 - Math.min(0.95, parent < 0 ? p : p / probabilities[parent]));
  });
  const sizes = rng.fork('sizes');
  const means = Float64Array.from(
    { length: features },
    (_, f) => 5 - f / Math.max(1, features - 1),
  );
  const deviations = means.map(() => Math.abs(0.5 + 0.5 * sizes.normal()));
  const noise = Math.sqrt(1 - scale * scale);

  return {
    features,
    width,
    directions,
    probabilities,
    sample(rows, draws) {
      const x = new Float32Array(rows * width);
      const truth = new Float32Array(rows * features);
      const factors = new Float64Array(rank);
      for (let row = 0; row < rows; row++) {
        for (let r = 0; r < rank; r++) factors[r] = draws.normal();
        // Which child of each parent is present already.
        const taken = new Set<number>();
        for (let f = 0; f < features; f++) {
          let z = noise * draws.normal();
          for (let r = 0; r < rank; r++) z += scale * loadings[f * rank + r] * factors[r];
          const parent = parents[f];
          if (z < thresholds[f]) continue;
          if (parent >= 0) {
            if (truth[row * features + parent] === 0 || taken.has(parent)) continue;
            taken.add(parent);
          }
          const size = Math.max(0, means[f] + deviations[f] * draws.normal());
          truth[row * features + f] = size;
          for (let d = 0; d < width; d++) x[row * width + d] += size * directions[f * width + d];
        }
      }
      return { rows, x, truth };
    },
  };
}

/** Random directions, pushed apart by gradient steps on their squared cosines. */
function spreadDirections(
  features: number,
  width: number,
  rng: Rng,
  { orthogonalisation = 100 }: SyntheticWorldOptions,
): Float32Array {
  const out = Float32Array.from({ length: features * width }, () => rng.normal());
  for (let step = 0; step <= orthogonalisation; step++) {
    for (let f = 0; f < features; f++) {
      const row = out.subarray(f * width, (f + 1) * width);
      const length = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0));
      for (let d = 0; d < width; d++) row[d] /= length;
    }
    if (step === orthogonalisation) break;
    const overlap = cosines(out, out, width);
    const before = out.slice();
    const rate = Math.min(0.1, (0.3 * width) / features);
    for (let f = 0; f < features; f++) {
      for (let g = 0; g < features; g++) {
        if (g === f) continue;
        const pull = rate * overlap[f * features + g];
        for (let d = 0; d < width; d++) out[f * width + d] -= pull * before[g * width + d];
      }
    }
  }
  return out;
}

/** Unit rows, so that each feature's latent normal keeps variance 1. */
function factorLoadings(features: number, rank: number, rng: Rng): Float64Array {
  const out = Float64Array.from({ length: features * rank }, () => rng.normal());
  for (let f = 0; f < features; f++) {
    const row = out.subarray(f * rank, (f + 1) * rank);
    const length = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0)) || 1;
    for (let r = 0; r < rank; r++) row[r] /= length;
  }
  return out;
}

/** The parent of every feature, −1 for roots and for features outside the trees. Parents come first. */
function treeParents(
  features: number,
  { roots, branching, depth }: { roots: number; branching: number; depth: number },
): Int32Array {
  const parents = new Int32Array(features).fill(-1);
  let level = Array.from({ length: Math.min(roots, features) }, (_, f) => f);
  let next = level.length;
  for (let d = 1; d < depth; d++) {
    const children: number[] = [];
    for (const parent of level) {
      for (let child = 0; child < branching && next < features; child++) {
        parents[next] = parent;
        children.push(next++);
      }
    }
    level = children;
  }
  return parents;
}

/** Inverse of the standard normal distribution by bisection on its tail; |error| < 1e-9. */
export function normalQuantile(p: number): number {
  let [low, high] = [-9, 9];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (normalProbability(middle) < p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** Φ(z) by the series and continued fraction of the error function (Abramowitz and Stegun 7.1.5, 7.1.14). */
function normalProbability(z: number): number {
  const x = Math.abs(z) / Math.SQRT2;
  let erf: number;
  if (x < 3) {
    let [term, sum] = [x, x];
    for (let n = 1; n < 80; n++) {
      term *= (-x * x) / n;
      sum += term / (2 * n + 1);
    }
    erf = (2 / Math.sqrt(Math.PI)) * sum;
  } else {
    let fraction = x;
    for (let n = 60; n > 0; n--) fraction = x + n / 2 / fraction;
    erf = 1 - Math.exp(-x * x) / (Math.sqrt(Math.PI) * fraction);
  }
  return z < 0 ? (1 - erf) / 2 : (1 + erf) / 2;
}
