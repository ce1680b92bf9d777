import type { DType, TensorData, TypedData } from '../graph/op.ts';
import { elementCount } from './feeds.ts';

const constructors: {
  readonly [D in DType]: {
    readonly BYTES_PER_ELEMENT: number;
    new (buffer: ArrayBufferLike, offset: number, length: number): TypedData;
  };
} = { float32: Float32Array, int64: BigInt64Array, bool: Uint8Array };

/** Views of one buffer that are kept; more shapes than this in rotation only cost a small object each. */
const KEPT_VIEWS = 16;

interface Slot {
  buffer: ArrayBufferLike;
  views: Map<string, TensorData>;
}

type Allocate = (bytes: number) => ArrayBufferLike;

function view(slot: Slot, dtype: DType, shape: readonly number[]): TensorData {
  const key = shape.join(',');
  let tensor = slot.views.get(key);
  if (!tensor) {
    if (slot.views.size >= KEPT_VIEWS) slot.views.clear();
    const data = new constructors[dtype](slot.buffer, 0, elementCount(shape));
    slot.views.set(key, (tensor = { dtype, shape, data }));
  }
  return tensor;
}

/**
 * The arrays one output of an executable is written to, reused from run to run. There are two at
 * most: when the caller feeds an earlier result back in, the next one goes to the other array. A
 * buffer grows when a shape needs more and never shrinks, so memory is bounded by the largest shape.
 */
export class OutputBuffers {
  readonly #dtype: DType;
  readonly #allocate: Allocate;
  readonly #slots: Slot[] = [];

  constructor(dtype: DType, allocate: Allocate) {
    this.#dtype = dtype;
    this.#allocate = allocate;
  }

  /** An array of the shape that shares no memory with the buffers being read. */
  take(shape: readonly number[], reading: ReadonlySet<ArrayBufferLike>): TensorData {
    const bytes = elementCount(shape) * constructors[this.#dtype].BYTES_PER_ELEMENT;
    let slot = this.#slots.find((candidate) => !reading.has(candidate.buffer));
    if (!slot) {
      slot = { buffer: this.#allocate(bytes), views: new Map() };
      this.#slots.push(slot);
    } else if (slot.buffer.byteLength < bytes) {
      // A key-value cache grows at every step: doubling keeps the number of allocations small, up
      // to a limit that keeps the waste small.
      const growth = Math.min(2 * slot.buffer.byteLength, slot.buffer.byteLength + (16 << 20));
      slot.buffer = this.#allocate(Math.max(bytes, growth));
      slot.views.clear();
    }
    return view(slot, this.#dtype, shape);
  }
}
