import {
  add,
  and,
  concat,
  expand,
  greater,
  iota,
  less,
  not,
  reshape,
  slice,
  sub,
  unsqueeze,
  where,
} from '../../graph/build.ts';
import { type Dim, multiplyDims } from '../../graph/dim.ts';
import type { Tensor } from '../../graph/op.ts';
import type { LayerAttention } from '../config.ts';

/** Which keys each query may attend to. */
export interface Mask {
  /** bool, broadcastable to `[batch, n_heads, query, key]`. */
  readonly allowed: Tensor;
  /** The same as numbers to add to scores, for queries of grouped heads stacked along the query axis. */
  readonly bias: (groupSize: number) => Tensor;
}

/** Added to masked scores in fused attention: exp of it is 0 beside any score a float32 can hold. */
const MASKED = -1e30;

/** Keys at or before the query and, in sliding layers, fewer than `window` tokens before it. */
function allowed(query: Tensor, key: Tensor, attention: LayerAttention): Tensor {
  const causal = not(greater(key, query));
  if (attention.kind === 'full') return causal;
  return and(causal, greater(key, sub(query, attention.window)));
}

function fromAllowed(mask: Tensor): Mask {
  const additive = () => where(mask, 0, MASKED);
  return {
    allowed: mask,
    bias: (groupSize) => {
      const bias = additive();
      if (groupSize === 1) return bias;
      const [b, , query, key] = bias.shape;
      const repeated = expand(unsqueeze(bias, 2), [b, 1, groupSize, query, key]);
      return reshape(repeated, [b, 1, multiplyDims(groupSize, query), key]);
    },
  };
}

/** Every query and key of one call, without a cache: `[1, 1, pos, pos]`. */
export function causalMask(pos: Dim, attention: LayerAttention): Mask {
  const index = iota(pos);
  const mask = allowed(reshape(index, [1, 1, pos, 1]), reshape(index, [1, 1, 1, pos]), attention);
  return fromAllowed(mask);
}

/**
 * Queries of one call over the slots of a cache and then the call's own keys:
 * `[batch, 1, pos, capacity + pos]`. Slot j holds position j and counts only before the call's first
 * position, so that what lies in slots that are not filled yet never matters.
 *
 * @param positions int64 `[batch, pos]`, consecutive in each row
 */
export function cachedMask(positions: Tensor, capacity: Dim, attention: LayerAttention): Mask {
  const [batch, pos] = positions.shape;
  const query = reshape(positions, [batch, 1, pos, 1]);
  const slot = reshape(iota(capacity), [1, 1, 1, capacity]);
  const first = reshape(slice(positions, { axis: 1, start: 0, end: 1 }), [batch, 1, 1, 1]);
  const filled = and(less(slot, first), allowed(query, slot, attention));
  const own = allowed(query, reshape(positions, [batch, 1, 1, pos]), attention);
  return fromAllowed(concat([filled, own], 3));
}

/** Finite scores with minus infinity where the mask forbids. Adding is much faster than choosing. */
export function maskScores(scores: Tensor, mask: Mask): Tensor {
  return add(scores, where(mask.allowed, 0, Number.NEGATIVE_INFINITY));
}

/** The same for scores after an edit, which may have turned minus infinity into something else. */
export function maskEditedScores(scores: Tensor, mask: Mask): Tensor {
  return where(mask.allowed, scores, Number.NEGATIVE_INFINITY);
}
