import { type Dim, type DimBindings, evaluateDim } from '../graph/dim.ts';
import type { Tensor } from '../graph/op.ts';
import type { Program } from '../graph/program.ts';

/**
 * Floating-point operations of the matrix products of a program, a multiplication and an addition
 * counting as two. Attention counts as its two products over all pairs of positions, masked or not,
 * because that is what its kernel computes; everything elementwise counts as nothing.
 */
export function matmulFlops(program: Program, bindings: DimBindings): number {
  const size = (dims: readonly Dim[]) =>
    dims.reduce<number>((product, dim) => product * evaluateDim(dim, bindings), 1);
  let total = 0;
  for (const node of program.nodes) {
    if (node.op === 'matmul') {
      const { transposeA } = (node as Tensor<'matmul'>).attrs;
      const inner = node.inputs[0].shape.at(transposeA ? -2 : -1)!;
      total += 2 * size([...node.shape, inner]);
    }
    if (node.op === 'attention') {
      const keys = node.inputs[1].shape.at(-2)!;
      // Queries against keys, and the pattern against values.
      total += 4 * size([...node.shape, keys]);
    }
  }
  return total;
}
