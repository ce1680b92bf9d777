import { input, neg, tensorData } from '../../graph/build.ts';
import type { TensorData, TypedData } from '../../graph/op.ts';
import { createProgram } from '../../graph/program.ts';
import { createNodeSession } from '../node/session.ts';

/** True when the array can be read and written from several threads. */
export function isShared({ data }: TensorData): boolean {
  return data.buffer instanceof SharedArrayBuffer;
}

/** A copy in memory that several threads can read and write. */
export function sharedCopy(tensor: TensorData): TensorData {
  const buffer = new SharedArrayBuffer(tensor.data.byteLength);
  const Storage = tensor.data.constructor as new (buffer: ArrayBufferLike) => TypedData;
  const data = new Storage(buffer);
  (data as Float32Array).set(tensor.data as Float32Array);
  return { ...tensor, data };
}

/** The array itself, or a copy when it is in shared memory. */
export function privateCopy(tensor: TensorData): TensorData {
  return isShared(tensor) ? { ...tensor, data: tensor.data.slice() } : tensor;
}

let answer: Promise<boolean> | undefined;

/**
 * Whether ONNX Runtime works on shared memory here. Node's native interface accepts it from
 * version 24 on; tried out once on a program of one operation, because no version number says so.
 */
export function takesSharedMemory(): Promise<boolean> {
  answer ??= (async () => {
    const { model } = createProgram({ y: neg(input('x', [1])) }).toOnnx();
    const session = await createNodeSession(model, [], { threads: 1 });
    const x = sharedCopy(tensorData([1], [1]));
    const y = sharedCopy(tensorData([0], [1]));
    try {
      await session.run({ x }, { y });
      return y.data[0] === -1;
    } catch {
      return false;
    } finally {
      await session.release();
    }
  })();
  return answer;
}
