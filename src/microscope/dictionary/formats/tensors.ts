import { GlassboxError } from '../../../base/error.ts';
import type { TensorData } from '../../../graph/op.ts';

/** A tensor of some file format, before its place in a dictionary is known. */
export interface ForeignTensor {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number | bigint>;
}

/** Named tensors of a file, looked up with a clear error. */
export class ForeignTensors {
  readonly source: string;
  readonly #tensors: ReadonlyMap<string, ForeignTensor>;

  constructor(source: string, tensors: ReadonlyMap<string, ForeignTensor>) {
    this.source = source;
    this.#tensors = tensors;
  }

  has(name: string): boolean {
    return this.#tensors.has(name);
  }

  names(): string[] {
    return [...this.#tensors.keys()];
  }

  /** The shape of a tensor. Throws `bad-dictionary` when it is missing. */
  shape(name: string): readonly number[] {
    return this.#get(name).shape;
  }

  /** One number, from a scalar or an array of one. */
  scalar(name: string): number {
    return Number(this.#get(name).data[0]);
  }

  /** All numbers of a small tensor. */
  numbers(name: string): number[] {
    return Array.from(this.#get(name).data, Number);
  }

  /** Numbers as float32 of an expected shape. Throws `bad-dictionary` on another shape, NaN or infinity. */
  floats(name: string, shape: readonly number[]): TensorData {
    const tensor = this.#get(name);
    if (tensor.shape.join() !== shape.join()) {
      throw badDictionary(
        this.source,
        `"${name}" has shape [${tensor.shape}], expected [${shape}]`,
      );
    }
    const data =
      tensor.data instanceof Float32Array ? tensor.data : Float32Array.from(tensor.data, Number);
    const odd = data.findIndex((value) => !Number.isFinite(value));
    if (odd >= 0) throw badDictionary(this.source, `"${name}" holds ${data[odd]} at place ${odd}`);
    return { dtype: 'float32', shape: [...shape], data };
  }

  /** A matrix of an expected shape, rows and columns exchanged. */
  transposed(name: string, shape: readonly [number, number]): TensorData {
    return transpose(this.floats(name, shape));
  }

  #get(name: string): ForeignTensor {
    const tensor = this.#tensors.get(name);
    if (tensor) return tensor;
    throw badDictionary(
      this.source,
      `there is no tensor "${name}" (there are ${this.names().join(', ')})`,
    );
  }
}

export function badDictionary(source: string, message: string): GlassboxError {
  return new GlassboxError(`${source}: ${message}`, {
    code: 'bad-dictionary',
    remedy: message.endsWith('has no form for')
      ? 'Choose another format; docs/formats.md has what each one holds.'
      : 'Give a complete folder of one of the supported formats, unchanged.',
    details: { source },
  });
}

/** Exchanges rows and columns of a matrix. */
export function transpose({ shape, data }: TensorData): TensorData {
  const [rows, columns] = shape;
  const out = new Float32Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) out[j * rows + i] = Number(data[i * columns + j]);
  }
  return { dtype: 'float32', shape: [columns, rows], data: out };
}

/** The same number for every feature. */
export function constantVector(value: number, size: number): TensorData {
  return { dtype: 'float32', shape: [size], data: new Float32Array(size).fill(value) };
}
