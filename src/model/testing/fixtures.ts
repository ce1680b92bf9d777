import { join } from 'node:path';
import type { TensorData } from '../../graph/op.ts';
import { nodeRuntime } from '../../runtime/node/index.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { loadModel } from '../load.ts';
import type { Model } from '../model.ts';

/** Where the small reference folders are; for tests. */
export const FAMILIES = join(import.meta.dirname, '../../../test/fixtures/families');

/** A small model of a family, for tests. */
export function loadFixture(name: string, runtime: Runtime = nodeRuntime()): Promise<Model> {
  return loadModel(join(FAMILIES, name), { runtime });
}

/** A runtime that counts what it compiles, for tests of program caches. */
export function countingRuntime(): { runtime: Runtime; compiled: () => number } {
  const inner = nodeRuntime();
  let count = 0;
  return {
    compiled: () => count,
    runtime: {
      name: 'counting',
      compile(program, options) {
        count++;
        return inner.compile(program, options);
      },
    },
  };
}

/** The largest difference of two arrays of one size. */
export function maxDifference(a: TensorData | null, b: TensorData | null): number {
  if (!a || !b || a.data.length !== b.data.length) return Number.POSITIVE_INFINITY;
  let worst = 0;
  for (let i = 0; i < a.data.length; i++) {
    const [x, y] = [Number(a.data[i]), Number(b.data[i])];
    if (x === y) continue;
    const distance = Math.abs(x - y);
    worst = Number.isNaN(distance) ? Number.POSITIVE_INFINITY : Math.max(worst, distance);
  }
  return worst;
}

/** Elements of an array at leading indices, e.g. `at(x, 0, 3)` of `[batch, pos, d]` is a vector. */
export function at(tensor: TensorData, ...indices: number[]): Float32Array {
  const size = tensor.shape.slice(indices.length).reduce((a, b) => a * b, 1);
  let row = 0;
  indices.forEach((index, axis) => {
    row = row * tensor.shape[axis] + index;
  });
  return (tensor.data as Float32Array).subarray(row * size, (row + 1) * size);
}
