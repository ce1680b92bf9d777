import { GlassboxError } from '../../base/error.ts';
import { Rng } from '../../base/rng.ts';
import { add, matmul, mul, relu, square, sub, sum } from '../../graph/build.ts';
import type { TensorData } from '../../graph/op.ts';
import {
  adam,
  cosineSchedule,
  createTrainer,
  init,
  initParams,
  type LossFunction,
} from '../../nn/index.ts';
import type { Runtime } from '../../runtime/runtime.ts';

/**
 * The toy model of Elhage et al. 2022: x̂ = relu(Wᵀ W x + b), where each of n features is, independently with some
 * probability, uniform in [0, 1] and else 0, and has to pass through m < n dimensions.
 */
export interface ToyOptions {
  readonly runtime: Runtime;
  /** n, at most 12. */
  readonly features: number;
  /** m */
  readonly hidden: number;
  /** Probability that a feature is present, in (0, 1]. */
  readonly probability: number;
  /** Trainings side by side from different first weights; 16 unless told. */
  readonly starts?: number;
  /** Default 3000. */
  readonly steps?: number;
  readonly seed?: number;
}

/** One training. */
export interface ToySolution {
  /** Expected squared error, summed over features. */
  readonly loss: number;
  /** Columns of W: the direction of every feature, `[features][hidden]`. */
  readonly directions: readonly (readonly number[])[];
  readonly bias: readonly number[];
}

/** Samples per step, over all sets of present features; sets are enumerated, so only the values are drawn. */
const SAMPLES = 512;
/** Samples that the final loss is measured on. */
const MEASURED = 2 ** 18;

/**
 * Draws rows so that every set of present features occurs equally often, with weights that restore how often it
 * really occurs. Rare sets are so seen in every batch, and the noise of a loss is that of the values alone.
 */
function stratified(options: ToyOptions, perSet: number, rng: Rng) {
  const { features, probability } = options;
  const sets = 2 ** features;
  const x = new Float32Array(sets * perSet * features);
  const weight = new Float32Array(sets * perSet);
  for (let set = 0; set < sets; set++) {
    const present = Array.from({ length: features }, (_, f) => ((set >> f) & 1) === 1);
    const share = present.reduce((p, on) => p * (on ? probability : 1 - probability), 1);
    for (let i = 0; i < perSet; i++) {
      const row = set * perSet + i;
      weight[row] = share / perSet;
      for (let f = 0; f < features; f++) if (present[f]) x[row * features + f] = rng.next();
    }
  }
  const rows = sets * perSet;
  const feeds: Record<string, TensorData> = {
    x: { dtype: 'float32', shape: [1, rows, features], data: x },
    weight: { dtype: 'float32', shape: [1, rows, 1], data: weight },
  };
  return { feeds, x, weight };
}

const loss: LossFunction = (param, { x, weight }) => {
  const w = param('W');
  const code = matmul(x, w, { transposeB: true });
  const guess = relu(add(matmul(code, w), param('b')));
  return sum(mul(square(sub(x, guess)), weight));
};

/** Trains the toy model from several starts; the best solution comes first. */
export async function trainToyModel(options: ToyOptions): Promise<ToySolution[]> {
  const { runtime, features, hidden, probability, starts = 16, steps = 3000, seed = 0 } = options;
  if (!(features >= 1 && features <= 12 && hidden >= 1 && probability > 0 && probability <= 1)) {
    throw new GlassboxError(
      `a toy model with ${features} features, ${hidden} dimensions, probability ${probability}`,
      {
        code: 'bad-toy-model',
        remedy: 'Use 1 to 12 features, at least one dimension and a probability in (0, 1].',
      },
    );
  }
  const rng = new Rng(seed);
  const params = initParams(
    {
      W: { shape: [starts, hidden, features], init: init.normal({ std: 0.6 }) },
      b: { shape: [starts, 1, features], init: init.zeros() },
    },
    rng.fork('weights'),
  );
  const perSet = Math.ceil(SAMPLES / 2 ** features);
  const rows = 2 ** features * perSet;
  const trainer = await createTrainer({
    runtime,
    params,
    batch: {
      x: { shape: [1, rows, features], dtype: 'float32' },
      weight: { shape: [1, rows, 1], dtype: 'float32' },
    },
    loss,
    optimiser: adam(),
  });
  const schedule = cosineSchedule({ peak: 0.02, total: steps });
  const draws = rng.fork('values');
  for (let step = 0; step < steps; step++) {
    await trainer.step([stratified(options, perSet, draws).feeds], schedule(step));
  }
  const trained = trainer.state().params;
  const [w, b] = [trained.W.data as Float32Array, trained.b.data as Float32Array];
  const sample = stratified(options, Math.ceil(MEASURED / 2 ** features), rng.fork('measure'));
  const solutions = Array.from({ length: starts }, (_, start): ToySolution => {
    const directions = Array.from({ length: features }, (_, f) =>
      Array.from({ length: hidden }, (_, d) => w[(start * hidden + d) * features + f]),
    );
    const bias = Array.from(b.subarray(start * features, (start + 1) * features));
    return { directions, bias, loss: expectedLoss(sample, directions, bias) };
  });
  await trainer.release();
  return solutions.sort((a, b) => a.loss - b.loss);
}

function expectedLoss(
  { x, weight }: { readonly x: Float32Array; readonly weight: Float32Array },
  directions: readonly (readonly number[])[],
  bias: readonly number[],
): number {
  const n = directions.length;
  const overlap = directions.map((a) => directions.map((b) => dot(a, b)));
  let total = 0;
  for (let row = 0; row < weight.length; row++) {
    let error = 0;
    for (let f = 0; f < n; f++) {
      let guess = bias[f];
      for (let g = 0; g < n; g++) guess += overlap[f][g] * x[row * n + g];
      error += (x[row * n + f] - Math.max(0, guess)) ** 2;
    }
    total += weight[row] * error;
  }
  return total;
}

const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, value, i) => sum + value * b[i], 0);

/** Length of every feature's direction. */
export function featureNorms({ directions }: ToySolution): number[] {
  return directions.map((row) => Math.hypot(...row));
}

/**
 * Share of a dimension each feature has to itself: D_i = ‖W_i‖² / Σ_j (Ŵ_i · W_j)², 0 for a feature that is not
 * represented (‖W_i‖ < .1).
 */
export function featureDimensions({ directions }: ToySolution): number[] {
  return directions.map((row) => {
    const norm = Math.hypot(...row);
    if (norm < 0.1) return 0;
    const shared = directions.reduce((sum, other) => sum + (dot(row, other) / norm) ** 2, 0);
    return norm ** 2 / shared;
  });
}

/** Angles in degrees between neighbouring directions of a two-dimensional model, ascending round the circle. */
export function neighbourAngles({ directions }: ToySolution): number[] {
  const angles = directions
    .map(([x, y]) => (Math.atan2(y, x) * 180) / Math.PI)
    .sort((a, b) => a - b);
  return angles.map((angle, i) =>
    i === 0 ? angle + 360 - angles[angles.length - 1] : angle - angles[i - 1],
  );
}
