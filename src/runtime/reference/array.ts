import type { DType } from '../../graph/op.ts';
import { elementCount } from '../feeds.ts';

/**
 * An array of the reference evaluator: float64 whatever its type, so that float32 programs can be
 * checked by finite differences. Integers are exact up to 2^53; a bool is 0 or 1.
 */
export interface ReferenceArray {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

/** Row-major strides. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}

/** Strides that read an array of `shape` as if it were broadcast to a shape of `rank` axes. */
export function broadcastStrides(shape: readonly number[], rank: number): number[] {
  const strides = stridesOf(shape).map((stride, axis) => (shape[axis] === 1 ? 0 : stride));
  return [...new Array<number>(rank - shape.length).fill(0), ...strides];
}

/**
 * The offset `start + Σ index · stride` of every index of `shape` in row-major order. Broadcasting,
 * transposing, cutting and reducing are all this with other strides.
 */
export function offsets(
  shape: readonly number[],
  strides: readonly number[],
  start = 0,
): Int32Array {
  let out = Int32Array.of(start);
  for (let axis = 0; axis < shape.length; axis++) {
    const next = new Int32Array(out.length * shape[axis]);
    for (let i = 0, at = 0; i < out.length; i++) {
      for (let j = 0; j < shape[axis]; j++) next[at++] = out[i] + j * strides[axis];
    }
    out = next;
  }
  return out;
}

/** Without the axes listed. */
export function without(values: readonly number[], axes: readonly number[]): number[] {
  return values.filter((_, axis) => !axes.includes(axis));
}

/** Reads `source` at every offset. */
export function pick(source: Float64Array, from: Int32Array): Float64Array {
  const out = new Float64Array(from.length);
  for (let i = 0; i < out.length; i++) out[i] = source[from[i]];
  return out;
}

/** An array of one value. */
export function filled(shape: readonly number[], value: number): Float64Array {
  return new Float64Array(elementCount(shape)).fill(value);
}
