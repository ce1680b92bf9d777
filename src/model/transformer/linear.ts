import { add, matmul, reshape, transpose } from '../../graph/build.ts';
import { type Dim, sizeOf } from '../../graph/dim.ts';
import type { Tensor } from '../../graph/op.ts';
import type { Context } from './context.ts';

/** The most positions of a call, over all rows, for which {@link weightFirst} is the faster way. */
const FEW = 64;

/**
 * Whether a call of this many positions in all should be traced as one of few positions. A single
 * position is no such call: a vector times a matrix reads the matrix once in any case.
 */
export function isFew(positions: number): boolean {
  return positions > 1 && positions <= FEW;
}

/**
 * x `[..., in]` @ weight `[out, in]`ᵀ as (weight @ xᵀ)ᵀ. Matrix kernels copy their right factor into
 * tiles before they compute, which for few positions costs more than the product; the left factor
 * is read as it lies.
 */
function weightFirst(x: Tensor, weight: Tensor): Tensor {
  const lead = x.shape.slice(0, -1);
  const rows = reshape(x, [sizeOf(lead), x.shape.at(-1) as Dim]);
  const product = transpose(matmul(weight, rows, { transposeB: true }), [1, 0]);
  return reshape(product, [...lead, weight.shape[0]]);
}

/** x `[..., in]` @ weight `[in, out]`, plus the bias when the layer has one. */
export function linear(
  context: Context,
  x: Tensor,
  layer: { readonly name: string; readonly bias: boolean },
): Tensor {
  const name = `${layer.name}.weight`;
  const product = context.transposed
    ? weightFirst(x, context.transposed(name))
    : matmul(x, context.param(name));
  return layer.bias ? add(product, context.param(`${layer.name}.bias`)) : product;
}

/** x `[..., d_model]` against the unembedding `[d_vocab, d_model]`. */
export function unembedLinear(context: Context, x: Tensor, weight: Tensor): Tensor {
  return context.few ? weightFirst(x, weight) : matmul(x, weight, { transposeB: true });
}
