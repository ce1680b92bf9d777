import { Rng } from '../base/rng.ts';
import type { TensorData } from '../graph/op.ts';
import type { Batch } from './data.ts';

/** Which targets of a batch enter the loss, as feeds of the training step. */
export interface TargetFeeds {
  readonly [name: string]: TensorData;
  /** int64 `[targets]`: index of the position in the flattened `[batch · pos]`. */
  readonly rows: TensorData;
  /** int64 `[targets]`: the token that follows. */
  readonly targets: TensorData;
  /** float32 `[targets]` */
  readonly weights: TensorData;
}

/**
 * Picks `count` targets of a batch: the fully weighted ones first, then a random choice of the
 * others. The unembedding is the largest product of a small model, so scoring every word of every
 * question would cost more than it teaches.
 */
export function selectTargets(batch: Batch, count: number, seed: number): TargetFeeds {
  const rng = new Rng(seed);
  const rest: number[] = [];
  let chosen: number[] = [];
  for (let i = 0; i < batch.weights.length; i++) {
    if (batch.weights[i] >= 1) chosen.push(i);
    else if (batch.weights[i] > 0) rest.push(i);
  }
  if (chosen.length > count) chosen = rng.sample(chosen, count);
  else chosen.push(...rng.sample(rest, Math.min(rest.length, count - chosen.length)));
  const rows = new BigInt64Array(count);
  const targets = new BigInt64Array(count);
  const weights = new Float32Array(count);
  chosen.forEach((at, i) => {
    rows[i] = BigInt(at);
    targets[i] = BigInt(batch.targets[at]);
    weights[i] = batch.weights[at];
  });
  const shape = [count];
  return {
    rows: { dtype: 'int64', shape, data: rows },
    targets: { dtype: 'int64', shape, data: targets },
    weights: { dtype: 'float32', shape, data: weights },
  };
}
