/** A training task with a known answer: predict the next state of a Markov chain. */
import { Rng } from '../../src/base/rng.ts';
import { add, gather, matmul, tanh, tensorData } from '../../src/graph/build.ts';
import type { TensorData } from '../../src/graph/op.ts';
import {
  adamW,
  type CheckpointOptions,
  cosineSchedule,
  crossEntropy,
  dataSource,
  init,
  initParams,
  type LossFunction,
  noDecayOnVectors,
  runTraining,
  type TrainListener,
  type TrainOptions,
  type TrainResult,
} from '../../src/nn/index.ts';
import { nodeRuntime } from '../../src/runtime/node/index.ts';
import type { Feeds } from '../../src/runtime/runtime.ts';

export const STATES = 7;
const PAIRS = 96;

/** Rows are the distributions of the next state. */
export const transitions: readonly (readonly number[])[] = (() => {
  const rng = new Rng(11).fork('transitions');
  return Array.from({ length: STATES }, () => {
    const row = Array.from({ length: STATES }, () => Math.exp(1.5 * rng.normal()));
    const total = row.reduce((a, b) => a + b, 0);
    return row.map((x) => x / total);
  });
})();

/** The chain's long-run distribution, by repeated application. */
export const stationary: readonly number[] = (() => {
  let p: number[] = new Array(STATES).fill(1 / STATES);
  for (let i = 0; i < 500; i++) {
    p = p.map((_, to) => p.reduce((sum, mass, from) => sum + mass * transitions[from][to], 0));
  }
  return p;
})();

/** The least loss any model can reach, in nats per token: Σ π(i) H(next | i). */
export const entropyRate: number = stationary.reduce(
  (sum, mass, i) => sum - mass * transitions[i].reduce((h, p) => h + p * Math.log(p), 0),
  0,
);

function draw(rng: Rng, distribution: readonly number[]): number {
  let left = rng.next();
  const index = distribution.findIndex((p) => (left -= p) < 0);
  return index < 0 ? distribution.length - 1 : index;
}

const ids = (values: readonly number[]) => tensorData(values, [values.length], 'int64');

/** Pairs (state, next) of batch `index`, the same whenever it is asked for. */
export function pairs(index: number): Feeds {
  const rng = new Rng(23).fork(`batch ${index}`);
  const tokens = Array.from({ length: PAIRS }, () => draw(rng, stationary));
  const targets = tokens.map((token) => draw(rng, transitions[token]));
  const weights = tensorData(new Array(PAIRS).fill(1), [PAIRS]);
  return { tokens: ids(tokens), targets: ids(targets), weights };
}

/** Every pair once with its exact probability: the loss on it is the exact cross-entropy. */
export function allPairs(): Feeds {
  const cells = Array.from({ length: STATES * STATES }, (_, i) => ({
    from: Math.floor(i / STATES),
    to: i % STATES,
  }));
  return {
    tokens: ids(cells.map(({ from }) => from)),
    targets: ids(cells.map(({ to }) => to)),
    weights: tensorData(
      cells.map(({ from, to }) => stationary[from] * transitions[from][to]),
      [cells.length],
    ),
  };
}

export const batchSpec = {
  tokens: { shape: ['batch'], dtype: 'int64' },
  targets: { shape: ['batch'], dtype: 'int64' },
  weights: { shape: ['batch'], dtype: 'float32' },
} as const;

/** Embedding, tanh, output: two layers over one state. */
export const loss: LossFunction = (p, { tokens, targets, weights }) => {
  const hidden = tanh(add(gather(p('embed'), tokens), p('bias')));
  return crossEntropy(matmul(hidden, p('out')), targets, { weights });
};

export function initialParams(): Record<string, TensorData> {
  const specs = {
    embed: { shape: [STATES, 16], init: init.normal({ std: 0.3 }) },
    bias: { shape: [16], init: init.zeros() },
    out: { shape: [16, STATES], init: init.xavierNormal() },
  };
  return initParams(specs, new Rng(1));
}

export function markovTraining(options: Partial<TrainOptions> = {}): TrainOptions {
  const { steps = 20 } = options;
  return {
    runtime: nodeRuntime(),
    params: initialParams(),
    batch: batchSpec,
    loss,
    data: dataSource(pairs),
    optimiser: adamW({ weightDecay: 0.01 }),
    groups: [noDecayOnVectors],
    schedule: cosineSchedule({ peak: 0.02, warmup: 5, total: 400 }),
    clipNorm: 1,
    emaDecay: 0.9,
    steps,
    ...options,
  };
}

export function trainMarkov(
  steps: number,
  checkpoints?: CheckpointOptions,
  ...listeners: readonly TrainListener[]
): Promise<TrainResult> {
  return runTraining(markovTraining({ steps, ...(checkpoints && { checkpoints }) }), ...listeners);
}

/** For a child process that will be killed: a checkpoint at every step, each told on stdout. */
export async function trainUntilKilled(folder: string): Promise<void> {
  await trainMarkov(100_000, { folder, every: 1, keep: 3, resume: true }, (event) => {
    if (event.type === 'checkpoint') process.stdout.write(`${event.step}\n`);
  });
}
