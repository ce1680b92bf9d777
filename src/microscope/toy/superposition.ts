import { GlassboxError } from '../../base/error.ts';
import type { ProgressListener } from '../../base/progress.ts';
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
import type { Directions } from './geometry.ts';
import {
  drawSample,
  expectedLoss,
  strataOf,
  type ToyLoss,
  type ToySample,
  type ToyWorld,
} from './samples.ts';

/**
 * The toy model of Elhage et al. 2022: x̂ = relu(Wᵀ W x + b), where each of n features is, independently with some
 * probability, uniform in [0, 1] and else 0, and has to pass through m < n dimensions.
 */
export interface ToyOptions extends ToyWorld {
  readonly runtime: Runtime;
  /** m */
  readonly hidden: number;
  /** Trainings side by side from different first weights; 16 unless told. */
  readonly starts?: number;
  /** Default 3000. */
  readonly steps?: number;
  readonly seed?: number;
  readonly progress?: ProgressListener;
  readonly signal?: AbortSignal;
}

/** One training, with its loss on values that did not choose the order of solutions. */
export interface ToySolution extends ToyLoss {
  readonly directions: Directions;
  readonly bias: readonly number[];
}

/** Rows per step, rows that put the solutions in order, and rows that the losses reported are measured on. */
const ROWS = { step: 512, order: 2 ** 16, measure: 2 ** 19 } as const;

const squaredError: LossFunction = (param, { x, weight }) => {
  const w = param('W');
  const code = matmul(x, w, { transposeB: true });
  const guess = relu(add(matmul(code, w), param('b')));
  return sum(mul(square(sub(x, guess)), weight));
};

function feedsOf({ rows, x, weight }: ToySample, features: number): Record<string, TensorData> {
  return {
    x: { dtype: 'float32', shape: [1, rows, features], data: x },
    weight: { dtype: 'float32', shape: [1, rows, 1], data: weight },
  };
}

function requireToy({ features, hidden, probability, starts = 1, steps = 1 }: ToyOptions): void {
  const between = (value: number, most: number) =>
    Number.isInteger(value) && value >= 1 && value <= most;
  const wrong = [
    between(features, 12) ? '' : `${features} features, expected 1 to 12`,
    between(hidden, features) ? '' : `${hidden} dimensions, expected 1 to as many as features`,
    probability > 0 && probability <= 1 ? '' : `probability ${probability}, expected (0, 1]`,
    between(starts, Number.MAX_SAFE_INTEGER) ? '' : `${starts} starts, expected at least 1`,
    between(steps, Number.MAX_SAFE_INTEGER) ? '' : `${steps} steps, expected at least 1`,
  ].filter((text) => text !== '');
  if (wrong.length === 0) return;
  throw new GlassboxError(`no toy model with ${wrong.join('; ')}`, {
    code: 'bad-toy-model',
    remedy: 'Change what is named; every set of features is listed, so there are at most 12.',
  });
}

/**
 * Trains the toy model from several starts; the best solution comes first. The order is found on other values than the
 * losses: the least of several noisy losses would be too low.
 *
 * @throws GlassboxError `bad-toy-model`
 */
export async function trainToyModel(options: ToyOptions): Promise<ToySolution[]> {
  requireToy(options);
  const { runtime, features, hidden, starts = 16, steps = 3000, seed = 0 } = options;
  const rng = new Rng(seed);
  const params = initParams(
    {
      W: { shape: [starts, hidden, features], init: init.normal({ std: 0.6 }) },
      b: { shape: [starts, 1, features], init: init.zeros() },
    },
    rng.fork('weights'),
  );
  const strata = strataOf(options, ROWS.step);
  const rows = strata.reduce((total, stratum) => total + stratum.rows, 0);
  const trainer = await createTrainer({
    runtime,
    params,
    batch: {
      x: { shape: [1, rows, features], dtype: 'float32' },
      weight: { shape: [1, rows, 1], dtype: 'float32' },
    },
    loss: squaredError,
    optimiser: adam(),
  });
  const schedule = cosineSchedule({ peak: 0.02, total: steps });
  const draws = rng.fork('values');
  for (let step = 0; step < steps; step++) {
    options.signal?.throwIfAborted();
    await trainer.step([feedsOf(drawSample(strata, draws), features)], schedule(step));
    const done = step + 1;
    if (done % 100 === 0 || done === steps) {
      options.progress?.({ label: 'training', done, total: steps, unit: 'steps' });
    }
  }
  const trained = trainer.state().params;
  await trainer.release();
  const [w, b] = [trained.W.data as Float32Array, trained.b.data as Float32Array];
  const order = drawSample(strataOf(options, ROWS.order), rng.fork('order'));
  const measure = drawSample(strataOf(options, ROWS.measure), rng.fork('measure'));
  return Array.from({ length: starts }, (_, start) => {
    const directions = Array.from({ length: features }, (__, f) =>
      Array.from({ length: hidden }, (___, d) => w[(start * hidden + d) * features + f]),
    );
    const bias = Array.from(b.subarray(start * features, (start + 1) * features));
    const rank = expectedLoss(order, directions, bias).loss;
    return { rank, directions, bias, ...expectedLoss(measure, directions, bias) };
  })
    .sort((a, b) => a.rank - b.rank)
    .map(({ rank: _, ...solution }) => solution);
}
