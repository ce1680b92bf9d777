import type { TensorData } from '../../graph/op.ts';
import type { Place } from './places.ts';
import type { PatchSite } from './sites.ts';

/**
 * Values of the other run moved to the positions of the patched one: `[1, …site]` with the length of the
 * patched prompt. Only the places of the layout matter; the rest stays zero.
 */
function moved(value: TensorData, places: readonly Place[], pos: number): TensorData {
  const [, length, ...rest] = value.shape;
  if (length === pos && places.every(({ positions }) => positions.every(([a, b]) => a === b))) {
    return value;
  }
  const width = rest.reduce((a, b) => a * b, 1);
  const data = new Float32Array(pos * width);
  const source = value.data as Float32Array;
  for (const { positions } of places) {
    for (const [to, from] of positions) {
      data.set(source.subarray(from * width, (from + 1) * width), to * width);
    }
  }
  return { dtype: 'float32', shape: [1, pos, ...rest], data };
}

/**
 * A site's values of the other run at the positions of the patched one, whose prompt has `pos` tokens.
 */
export function aligned(
  site: PatchSite,
  value: TensorData,
  places: readonly Place[],
  pos: number,
): TensorData {
  // Patterns are only exchanged at the same query.
  return site === 'pattern' ? value : moved(value, places, pos);
}
