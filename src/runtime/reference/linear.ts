import type { OpAttrs } from '../../graph/op.ts';
import { elementCount } from '../feeds.ts';
import { broadcastStrides, offsets, type ReferenceArray } from './array.ts';

const flip = ([a, b]: readonly number[], yes: boolean) => (yes ? [b, a] : [a, b]);

/** `alpha · op(a) @ op(b)` into an array of `shape`. */
export function matmul(
  a: ReferenceArray,
  b: ReferenceArray,
  { transposeA, transposeB, alpha }: OpAttrs['matmul'],
  shape: readonly number[],
): Float64Array {
  const rank = shape.length;
  const batch = shape.slice(0, -2);
  const [m, n] = shape.slice(-2);
  const outer = ({ shape: from }: ReferenceArray) => {
    const strides = broadcastStrides(from, rank).slice(0, -2);
    return offsets(batch, strides);
  };
  const inner = ({ shape: from }: ReferenceArray) => [from[from.length - 1], 1];
  const [aRow, aColumn] = flip(inner(a), transposeA);
  const [bRow, bColumn] = flip(inner(b), transposeB);
  const k = a.shape[a.shape.length - (transposeA ? 2 : 1)];
  const out = new Float64Array(elementCount(shape));
  const [aStarts, bStarts] = [outer(a), outer(b)];
  let at = 0;
  for (let index = 0; index < aStarts.length; index++) {
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        let total = 0;
        let p = aStarts[index] + i * aRow;
        let q = bStarts[index] + j * bColumn;
        for (let step = 0; step < k; step++) {
          total += a.data[p] * b.data[q];
          p += aColumn;
          q += bRow;
        }
        out[at++] = alpha * total;
      }
    }
  }
  return out;
}
