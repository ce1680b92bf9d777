import { GlassboxError } from '../base/error.ts';
import {
  add,
  argmax,
  cast,
  div,
  equal,
  exp,
  gatherElements,
  logSoftmax,
  mean,
  mul,
  neg,
  softplus,
  square,
  squeeze,
  sub,
  sum,
  unsqueeze,
  where,
} from '../graph/build.ts';
import { formatShape, type Shape, sameShape } from '../graph/dim.ts';
import type { Tensor } from '../graph/op.ts';

/** Weights of the terms of a mean. */
export interface WeightOptions {
  /**
   * float32 or bool, one per term (the shape of the terms). The mean is Σ w·x / Σ w; with all
   * weights 0 it is 0, so that a batch without targets does nothing instead of giving NaN.
   */
  readonly weights?: Tensor;
}

/** Settings of the cross-entropy loss. */
export interface CrossEntropyOptions extends WeightOptions {
  /** Share of the target spread over the whole vocabulary (Szegedy et al. 2016), in [0, 1). Default 0. */
  readonly labelSmoothing?: number;
  /** Adds zLoss · (log Σ exp logits)² per token, which keeps logits small (Chowdhery et al. 2022). */
  readonly zLoss?: number;
}

/** Σ w·x / Σ w over all axes, in the unit of the terms; the plain mean without weights. */
export function weightedMean(terms: Tensor, options: WeightOptions = {}): Tensor {
  if (!options.weights) return terms.shape.length === 0 ? terms : mean(terms);
  const weights = cast(options.weights, 'float32');
  requireSameShape(weights.shape, terms.shape, 'the weights');
  const total = sum(weights);
  return div(sum(mul(terms, weights)), where(equal(total, 0), 1, total));
}

function requireSameShape(actual: Shape, expected: Shape, what: string): void {
  if (sameShape(actual, expected)) return;
  throw new GlassboxError(
    `${what} have shape ${formatShape(actual)}, expected ${formatShape(expected)}`,
    { code: 'bad-loss', remedy: 'Give one value per term of the loss.' },
  );
}

/** Picks the last-axis entry at each target: `[..., classes]` and int64 `[...]` to `[...]`. */
function pick(values: Tensor, targets: Tensor): Tensor {
  return squeeze(gatherElements(values, unsqueeze(targets, -1), -1), -1);
}

/**
 * Loss of every token in nats: −log p(target), plus smoothing and z-loss when asked.
 * logits `[..., d_vocab]`, targets int64 `[...]`; gives `[...]`.
 */
export function tokenLosses(
  logits: Tensor,
  targets: Tensor,
  options: Omit<CrossEntropyOptions, 'weights'> = {},
): Tensor {
  const { labelSmoothing = 0, zLoss = 0 } = options;
  requireSameShape(targets.shape, logits.shape.slice(0, -1), 'the targets');
  if (!(labelSmoothing >= 0 && labelSmoothing < 1) || !(zLoss >= 0)) {
    throw new GlassboxError(`label smoothing ${labelSmoothing} or z-loss ${zLoss} out of range`, {
      code: 'bad-loss',
      remedy: 'Give 0 <= labelSmoothing < 1 and zLoss >= 0.',
    });
  }
  const logProbs = logSoftmax(logits);
  const picked = pick(logProbs, targets);
  let losses = neg(picked);
  if (labelSmoothing > 0) {
    const uniform = neg(mean(logProbs, { axes: -1 }));
    losses = add(mul(losses, 1 - labelSmoothing), mul(uniform, labelSmoothing));
  }
  // log Σ exp is the logit minus its log-probability at any token, so no second pass is needed.
  if (zLoss > 0) losses = add(losses, mul(square(sub(pick(logits, targets), picked)), zLoss));
  return losses;
}

/**
 * Mean cross-entropy over weighted tokens, in nats per token: a scalar.
 * logits `[..., d_vocab]`, targets int64 `[...]`, weights `[...]`.
 */
export function crossEntropy(
  logits: Tensor,
  targets: Tensor,
  options: CrossEntropyOptions = {},
): Tensor {
  return weightedMean(tokenLosses(logits, targets, options), options);
}

/** Mean squared error over all elements, a scalar; both `[...]` of one shape. */
export function meanSquaredError(
  prediction: Tensor,
  target: Tensor,
  options: WeightOptions = {},
): Tensor {
  requireSameShape(target.shape, prediction.shape, 'the targets');
  return weightedMean(square(sub(prediction, target)), options);
}

/**
 * Mean Kullback–Leibler divergence KL(p ‖ q) in nats, a scalar, from logits `[..., classes]` of both;
 * weights `[...]`.
 */
export function klDivergence(
  pLogits: Tensor,
  qLogits: Tensor,
  options: WeightOptions = {},
): Tensor {
  requireSameShape(qLogits.shape, pLogits.shape, 'the logits of q');
  const logP = logSoftmax(pLogits);
  const terms = mul(exp(logP), sub(logP, logSoftmax(qLogits)));
  return weightedMean(sum(terms, { axes: -1 }), options);
}

/**
 * Mean binary cross-entropy in nats, a scalar, from logits and labels in [0, 1] (float32), both
 * `[...]`. Computed as softplus(x) − x·y, which does not overflow.
 */
export function binaryCrossEntropy(
  logits: Tensor,
  labels: Tensor,
  options: WeightOptions = {},
): Tensor {
  requireSameShape(labels.shape, logits.shape, 'the labels');
  return weightedMean(sub(softplus(logits), mul(logits, labels)), options);
}

/** Share of tokens whose largest logit is the target, in [0, 1]; shapes as {@link crossEntropy}. */
export function accuracy(logits: Tensor, targets: Tensor, options: WeightOptions = {}): Tensor {
  requireSameShape(targets.shape, logits.shape.slice(0, -1), 'the targets');
  return weightedMean(cast(equal(argmax(logits), targets), 'float32'), options);
}
