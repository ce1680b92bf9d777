import { GlassboxError, nearestNames } from '../error.ts';
import {
  DTYPE_BYTES,
  decodeValues,
  dtypeOf,
  encodeValues,
  type StoredDtype,
  type TensorData,
} from './dtypes.ts';
import { headerBytes, PREFIX_BYTES, parseHeader, type TensorInfo } from './header.ts';

export type { StoredDtype, TensorData } from './dtypes.ts';
export type { TensorInfo } from './header.ts';

/** A tensor as read: `dtype` is how it was stored, `data` what it was widened to. */
export interface StoredTensor {
  readonly dtype: StoredDtype;
  /** Row-major; a scalar has `[]`. */
  readonly shape: readonly number[];
  readonly data: TensorData;
}

/** A tensor to be written. Without `dtype` it is stored as it is held. */
export interface TensorToStore {
  readonly shape: readonly number[];
  readonly data: TensorData;
  readonly dtype?: StoredDtype;
}

/** How stored values are widened. */
export interface ReadTensorOptions {
  /** Give `F64` as Float64Array instead of rounding it to float32. */
  readonly keepFloat64?: boolean;
}

/** Named tensors that are read one at a time, from a file, a sharded folder or memory. */
export interface TensorSource {
  /** File or folder, for messages. */
  readonly path: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** All names, in the order of the data. */
  readonly names: readonly string[];
  has(name: string): boolean;
  /** @throws GlassboxError `unknown-tensor`, listing the nearest names */
  info(name: string): TensorInfo;
  /** Floating types come as Float32Array, integers as their own kind, BOOL as Uint8Array. */
  readTensor(name: string, options?: ReadTensorOptions): Promise<StoredTensor>;
  close(): Promise<void>;
}

/** Looks a name up; the error lists the nearest ones. */
export function lookUp(
  tensors: ReadonlyMap<string, TensorInfo>,
  name: string,
  path: string,
): TensorInfo {
  const info = tensors.get(name);
  if (info) return info;
  const nearest = nearestNames(name, tensors.keys());
  throw new GlassboxError(`${path} has no tensor "${name}"`, {
    code: 'unknown-tensor',
    remedy: nearest.length > 0 ? `Nearest names: ${nearest.join(', ')}.` : 'The file is empty.',
    details: { path, tensor: name, nearest },
  });
}

/**
 * A safetensors file held in memory, as a {@link TensorSource}. The bytes must not change while it is
 * in use.
 *
 * @throws GlassboxError `bad-safetensors`
 */
export function safetensorsFromBytes(bytes: Uint8Array, path = 'safetensors'): TensorSource {
  const header = headerBytes(bytes.subarray(0, PREFIX_BYTES), bytes.length, path);
  const headerEnd = PREFIX_BYTES + header;
  const { tensors, metadata } = parseHeader(
    bytes.subarray(PREFIX_BYTES, headerEnd),
    bytes.length,
    path,
  );
  const read = (name: string, options?: ReadTensorOptions): StoredTensor => {
    const info = lookUp(tensors, name, path);
    // The copy keeps later changes of a tensor out of the file's bytes, and aligns it. A Buffer's own
    // slice would be a view.
    const copy = new Uint8Array(bytes.subarray(info.begin, info.end));
    return decodeTensor(info, copy, options);
  };
  return {
    path,
    metadata,
    names: [...tensors.keys()],
    has: (name) => tensors.has(name),
    info: (name) => lookUp(tensors, name, path),
    readTensor: async (name, options) => read(name, options),
    close: async () => {},
  };
}

/** Every tensor of a safetensors file in memory. See {@link safetensorsFromBytes}. */
export async function readSafetensors(
  bytes: Uint8Array,
  options: ReadTensorOptions & { readonly path?: string } = {},
): Promise<Map<string, StoredTensor>> {
  return readAll(safetensorsFromBytes(bytes, options.path), options);
}

/** Reads every tensor of a source. */
export async function readAll(
  source: TensorSource,
  options?: ReadTensorOptions,
): Promise<Map<string, StoredTensor>> {
  const out = new Map<string, StoredTensor>();
  for (const name of source.names) out.set(name, await source.readTensor(name, options));
  return out;
}

/** Bytes of one tensor to values. */
export function decodeTensor(
  info: TensorInfo,
  bytes: Uint8Array,
  options?: ReadTensorOptions,
): StoredTensor {
  return { dtype: info.dtype, shape: info.shape, data: decodeValues(info.dtype, bytes, options) };
}

/** How tensors are stored. */
export interface EncodeOptions {
  /** Store float32 tensors in half the space. A tensor's own `dtype` has priority. */
  readonly floats?: 'F32' | 'F16' | 'BF16';
  /** Text kept in the header; `{format: 'pt'}` is what other readers expect. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** Tensors by name. */
export type TensorsToStore =
  | ReadonlyMap<string, TensorToStore>
  | Readonly<Record<string, TensorToStore>>;

/**
 * A safetensors file in pieces: first the header, then one tensor at a time, converted only when it
 * is asked for. Larger element sizes come first, so that every tensor is aligned; equal content
 * gives equal bytes.
 *
 * @throws GlassboxError `bad-tensor` for a shape that does not fit the data, or a dtype that would
 *   change the kind of the values
 */
export function encodeSafetensorsParts(
  tensors: TensorsToStore,
  options: EncodeOptions = {},
): Iterable<Uint8Array> {
  const given = tensors instanceof Map ? [...tensors] : Object.entries(tensors);
  const entries = given
    .map(([name, tensor]: readonly [string, TensorToStore]): Entry => {
      return { name, ...tensor, dtype: storageDtype(tensor, options) };
    })
    .sort((a, b) => DTYPE_BYTES[b.dtype] - DTYPE_BYTES[a.dtype] || (a.name < b.name ? -1 : 1));
  for (const entry of entries) checkTensor(entry);
  const header = encodeHeader(entries, options.metadata ?? { format: 'pt' });
  return {
    *[Symbol.iterator]() {
      yield header;
      for (const { dtype, data } of entries) yield encodeValues(dtype, data) as Uint8Array;
    },
  };
}

/** A whole safetensors file in memory. See {@link encodeSafetensorsParts}. */
export function encodeSafetensors(tensors: TensorsToStore, options?: EncodeOptions): Uint8Array {
  const parts = [...encodeSafetensorsParts(tensors, options)];
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let position = 0;
  for (const part of parts) {
    out.set(part, position);
    position += part.length;
  }
  return out;
}

function storageDtype(tensor: TensorToStore, options: EncodeOptions): StoredDtype {
  if (tensor.dtype) return tensor.dtype;
  const held = dtypeOf(tensor.data);
  return held === 'F32' ? (options.floats ?? 'F32') : held;
}

interface Entry extends TensorToStore {
  readonly name: string;
  readonly dtype: StoredDtype;
}

function checkTensor({ name, shape, data, dtype }: Entry): void {
  const fail = (problem: string): never => {
    throw new GlassboxError(`cannot store tensor "${name}": ${problem}`, {
      code: 'bad-tensor',
      remedy: 'Give a shape whose product is the number of values, and a dtype of the same kind.',
      details: { tensor: name, shape, dtype },
    });
  };
  if (name === '__metadata__') fail('this name is reserved');
  const count = shape.reduce((product, size) => product * size, 1);
  if (count !== data.length) fail(`shape [${shape.join(', ')}] has not ${data.length} values`);
  if (encodeValues(dtype, data.subarray(0, 0) as TensorData) === undefined) {
    fail(`${data.constructor.name} cannot become ${dtype}`);
  }
}

function encodeHeader(
  entries: readonly Entry[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  let offset = 0;
  const fields = entries.map(({ name, dtype, shape, data }) => {
    const begin = offset;
    offset += data.length * DTYPE_BYTES[dtype];
    return [name, { dtype, shape, data_offsets: [begin, offset] }] as const;
  });
  // Built from pairs, because an object would move names that look like numbers to the front.
  const pairs = [['__metadata__', metadata] as const, ...fields]
    .map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`)
    .join(',');
  const text = new TextEncoder().encode(`{${pairs}}`);
  const padded = Math.ceil(text.length / 8) * 8;
  const out = new Uint8Array(PREFIX_BYTES + padded).fill(0x20, PREFIX_BYTES);
  new DataView(out.buffer).setBigUint64(0, BigInt(padded), true);
  out.set(text, PREFIX_BYTES);
  return out;
}
