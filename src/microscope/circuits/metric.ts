import {
  exp,
  gather,
  gatherElements,
  input,
  logSoftmax,
  mul,
  neg,
  reshape,
  squeeze,
  sub,
  sum,
  unsqueeze,
} from '../../graph/build.ts';
import type { Tensor, TensorData } from '../../graph/op.ts';

/**
 * What a circuit is judged by at the last position: `logit-diff` (logit of the target minus that of the
 * distractor), `log-prob` (log-probability of the target in nats), or `kl` (minus the divergence in nats of
 * the run's distribution from the clean one's). Higher is better for all three.
 */
export const circuitMetrics = ['logit-diff', 'log-prob', 'kl'] as const;
/** The name of a metric that circuits are judged by. */
export type CircuitMetric = (typeof circuitMetrics)[number];

/** A clean prompt, a corrupted one of the same length, and the tokens that tell them apart. */
export interface CircuitExample {
  readonly clean: readonly number[];
  readonly corrupted: readonly number[];
  readonly target: number;
  readonly distractor: number;
}

/** Inputs a metric adds to a program, of one entry per example. */
export function metricInputs(metric: CircuitMetric, dVocab: number): Record<string, Tensor> {
  if (metric === 'kl') return { cleanLogProbs: input('cleanLogProbs', ['examples', dVocab]) };
  const target = input('target', ['examples'], 'int64');
  if (metric === 'log-prob') return { target };
  return { target, distractor: input('distractor', ['examples'], 'int64') };
}

/**
 * The metric of every row.
 *
 * @param logits `[batch, 1, d_vocab]`
 * @param row int64 `[batch]`, the example of each row
 */
export function traceMetric(metric: CircuitMetric, logits: Tensor, row: Tensor): Tensor {
  const [batch, , dVocab] = logits.shape;
  const given = metricInputs(metric, dVocab as number);
  const flat = squeeze(logits, 1);
  const at = (x: Tensor, name: 'target' | 'distractor') =>
    reshape(gatherElements(x, unsqueeze(gather(given[name], row), 1), 1), [batch]);
  if (metric === 'logit-diff') return sub(at(flat, 'target'), at(flat, 'distractor'));
  const logProbs = logSoftmax(flat);
  if (metric === 'log-prob') return at(logProbs, 'target');
  const clean = gather(given.cleanLogProbs, row);
  return neg(sum(mul(exp(clean), sub(clean, logProbs)), { axes: 1 }));
}

const int64 = (values: readonly number[]): TensorData => ({
  dtype: 'int64',
  shape: [values.length],
  data: BigInt64Array.from(values, BigInt),
});

/** Log-probabilities of rows of logits `[rows, 1, d_vocab]`, as `[rows, d_vocab]`. */
export function logProbabilities(logits: TensorData): TensorData {
  const [rows, , vocab] = logits.shape;
  const data = new Float32Array(rows * vocab);
  for (let row = 0; row < rows; row++) {
    const from = (logits.data as Float32Array).subarray(row * vocab, (row + 1) * vocab);
    let top = Number.NEGATIVE_INFINITY;
    for (const x of from) top = Math.max(top, x);
    let total = 0;
    for (const x of from) total += Math.exp(x - top);
    const norm = top + Math.log(total);
    for (let i = 0; i < vocab; i++) data[row * vocab + i] = from[i] - norm;
  }
  return { dtype: 'float32', shape: [rows, vocab], data };
}

/** The arrays of {@link metricInputs}. */
export function metricFeeds(
  metric: CircuitMetric,
  examples: readonly CircuitExample[],
  cleanLogits: TensorData,
): Record<string, TensorData> {
  if (metric === 'kl') return { cleanLogProbs: logProbabilities(cleanLogits) };
  const target = int64(examples.map((example) => example.target));
  if (metric === 'log-prob') return { target };
  return { target, distractor: int64(examples.map(({ distractor }) => distractor)) };
}
