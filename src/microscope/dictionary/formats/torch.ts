import { openAsBlob } from 'node:fs';
import { BlobReader, type Entry, Uint8ArrayWriter, ZipReader } from '@zip.js/zip.js';
import { GlassboxError } from '../../../base/error.ts';
import { DTYPE_BYTES, decodeValues, type StoredDtype } from '../../../base/safetensors/dtypes.ts';
import type { TensorToStore } from '../../../base/safetensors/index.ts';
import { PickleGlobal, PickleRecord, type PickleRules, readPickle } from './pickle.ts';

/** A tensor out of a `.pt` file; floats are widened to float32. */
export interface TorchTensor extends TensorToStore {
  readonly kind: 'tensor';
}

/** What a `.pt` file holds: tensors in dictionaries and lists, and plain values. */
export type TorchValue =
  | TorchTensor
  | ReadonlyMap<unknown, unknown>
  | readonly unknown[]
  | PickleRecord
  | string
  | number
  | boolean
  | null;

const STORAGE: Readonly<Record<string, StoredDtype>> = {
  DoubleStorage: 'F64',
  FloatStorage: 'F32',
  HalfStorage: 'F16',
  BFloat16Storage: 'BF16',
  LongStorage: 'I64',
  IntStorage: 'I32',
  ShortStorage: 'I16',
  CharStorage: 'I8',
  ByteStorage: 'U8',
  BoolStorage: 'BOOL',
};

const CALLABLE = new Set([
  'torch._utils._rebuild_tensor_v2',
  'torch._utils._rebuild_tensor',
  'torch._utils._rebuild_parameter',
  'collections.OrderedDict',
]);

/** A stretch of numbers that tensors are views of. */
interface Storage {
  readonly dtype: StoredDtype;
  readonly key: string;
  readonly length: number;
}

/** A tensor before its numbers are read. */
interface Pending {
  readonly kind: 'pending';
  readonly storage: Storage;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}

function isPending(value: unknown): value is Pending {
  return typeof value === 'object' && value !== null && (value as Pending).kind === 'pending';
}

function bad(source: string, message: string): GlassboxError {
  return new GlassboxError(`${source}: ${message}`, {
    code: 'bad-torch-file',
    remedy: 'Give a file written by torch.save, complete and unchanged.',
    details: { source },
  });
}

/** Names of number types, such as `torch.float32`; they are only ever mentioned. */
const DTYPE = /^torch\.(?:u?int|float|bfloat|complex|bool)\d*$/;

function rulesFor(
  source: string,
  onStorage: (storage: Storage) => void,
  records: ReadonlySet<string>,
): PickleRules {
  return {
    source,
    allowed: ({ module, name }) => {
      const full = `${module}.${name}`;
      const storage = module === 'torch' && Object.hasOwn(STORAGE, name);
      return (
        CALLABLE.has(full) || storage || (records.size > 0 && DTYPE.test(full)) || records.has(full)
      );
    },
    persistent(id) {
      const [tag, type, key, , length] = Array.isArray(id) ? id : [];
      if (tag !== 'storage' || !(type instanceof PickleGlobal) || !(type.name in STORAGE)) {
        throw bad(source, 'holds a reference that is no storage');
      }
      const storage = { dtype: STORAGE[type.name], key: String(key), length: Number(length) };
      onStorage(storage);
      return storage;
    },
    call({ module, name }, args) {
      switch (`${module}.${name}`) {
        case 'collections.OrderedDict':
          return new Map();
        case 'torch._utils._rebuild_parameter':
          return args[0];
        case 'torch._utils._rebuild_tensor':
        case 'torch._utils._rebuild_tensor_v2': {
          const [storage, offset, shape, strides] = args as [Storage, number, number[], number[]];
          return { kind: 'pending', storage, offset, shape, strides } satisfies Pending;
        }
        default: {
          const full = `${module}.${name}`;
          return records.has(full) ? new PickleRecord(full, args) : undefined;
        }
      }
    },
  };
}

/** The numbers of a view, row-major. */
function gather(values: ArrayLike<number | bigint>, pending: Pending, source: string) {
  const { shape, strides, offset } = pending;
  const size = shape.reduce((a, b) => a * b, 1);
  const last = shape.reduce((end, dim, axis) => end + (dim - 1) * strides[axis], offset);
  const sane =
    shape.length === strides.length &&
    [...shape, ...strides, offset].every((x) => Number.isInteger(x) && x >= 0);
  if (!sane || (size > 0 && last >= values.length)) {
    throw bad(source, `a tensor [${shape}] reaches past its storage of ${values.length} numbers`);
  }
  const make = (values as Float32Array).constructor as new (length: number) => Float32Array;
  const out = new make(size) as unknown as (number | bigint)[];
  const index = shape.map(() => 0);
  for (let i = 0, at = offset; i < size; i++) {
    out[i] = values[at];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at += strides[axis];
      if (++index[axis] < shape[axis]) break;
      at -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return out as unknown as TensorToStore['data'];
}

function resolve(value: unknown, tensor: (pending: Pending) => TorchTensor): TorchValue {
  if (isPending(value)) return tensor(value);
  if (value instanceof Map) {
    return new Map([...value].map(([key, item]) => [key, resolve(item, tensor)]));
  }
  if (Array.isArray(value)) return value.map((item) => resolve(item, tensor));
  return value as TorchValue;
}

function materialise(
  value: unknown,
  storages: ReadonlyMap<string, Uint8Array>,
  source: string,
): TorchValue {
  const decoded = new Map<string, TensorToStore['data']>();
  const numbers = (storage: Storage) => {
    const known = decoded.get(storage.key);
    if (known) return known;
    const bytes = storages.get(storage.key);
    const expected = storage.length * DTYPE_BYTES[storage.dtype];
    if (!bytes || bytes.length < expected) {
      throw bad(
        source,
        `storage ${storage.key} has ${bytes?.length ?? 0} bytes, expected ${expected}`,
      );
    }
    const values = decodeValues(storage.dtype, bytes.slice(0, expected));
    decoded.set(storage.key, values);
    return values;
  };
  return resolve(value, (pending) => ({
    kind: 'tensor',
    shape: pending.shape,
    data: gather(numbers(pending.storage) as ArrayLike<number>, pending, source),
  }));
}

async function entryBytes(entry: Entry): Promise<Uint8Array> {
  if (entry.directory || !entry.getData) return new Uint8Array();
  return entry.getData(new Uint8ArrayWriter());
}

async function readZip(
  blob: Blob,
  source: string,
  records: ReadonlySet<string>,
): Promise<TorchValue> {
  const zip = new ZipReader(new BlobReader(blob));
  try {
    const entries = await zip.getEntries();
    const pickle = entries.find(({ filename }) => filename.endsWith('/data.pkl'));
    if (!pickle) throw bad(source, 'holds no data.pkl');
    const root = pickle.filename.slice(0, -'data.pkl'.length);
    const order = entries.find(({ filename }) => filename === `${root}byteorder`);
    if (order && new TextDecoder().decode(await entryBytes(order)) === 'big') {
      throw bad(source, 'is written in big-endian order');
    }
    const wanted = new Set<string>();
    const rules = rulesFor(source, ({ key }) => wanted.add(key), records);
    const { value } = readPickle(await entryBytes(pickle), rules);
    const storages = new Map<string, Uint8Array>();
    for (const entry of entries) {
      const key = entry.filename.startsWith(`${root}data/`)
        ? entry.filename.slice(root.length + 5)
        : '';
      if (wanted.has(key)) storages.set(key, await entryBytes(entry));
    }
    return materialise(value, storages, source);
  } finally {
    await zip.close();
  }
}

/** The number every file of the old format starts with, as a pickled long. */
const LEGACY_MAGIC = 0x1950a86a20f9469cfc6cn;

function readLegacy(bytes: Uint8Array, source: string, records: ReadonlySet<string>): TorchValue {
  const plain: PickleRules = {
    source,
    allowed: () => false,
    persistent: () => null,
    call: () => undefined,
  };
  const magic = readPickle(bytes, plain);
  if (magic.value !== LEGACY_MAGIC) throw bad(source, 'is no torch file');
  const version = readPickle(bytes, plain, magic.end);
  const system = readPickle(bytes, plain, version.end);
  if ((system.value as Map<string, unknown>).get('little_endian') === false) {
    throw bad(source, 'is written in big-endian order');
  }
  const sizes = new Map<string, Storage>();
  const rules = rulesFor(source, (storage) => sizes.set(storage.key, storage), records);
  const object = readPickle(bytes, rules, system.end);
  const keys = readPickle(bytes, plain, object.end);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const storages = new Map<string, Uint8Array>();
  let position = keys.end;
  for (const key of keys.value as string[]) {
    const storage = sizes.get(key);
    if (!storage || position + 8 > bytes.length) throw bad(source, `storage ${key} is missing`);
    const length = Number(view.getBigInt64(position, true)) * DTYPE_BYTES[storage.dtype];
    position += 8;
    storages.set(key, bytes.subarray(position, position + length));
    position += length;
  }
  return materialise(object.value, storages, source);
}

/**
 * Reads a file written by `torch.save`: the zip format, or the one before PyTorch 1.6. Tensors, dictionaries, lists
 * and plain values only; a file that refers to anything else is refused, and nothing in it is ever run.
 *
 * @param options.records full names of classes whose objects may be in the file; they are read as records of their fields, and
 *   the classes are neither looked for nor run
 * @throws GlassboxError `unsafe-pickle`, `bad-pickle` or `bad-torch-file`
 */
export async function readTorchFile(
  path: string,
  options: { readonly records?: ReadonlySet<string> } = {},
): Promise<TorchValue> {
  const { records = new Set<string>() } = options;
  const blob = await openAsBlob(path).catch((cause) => {
    throw new GlassboxError(`cannot read ${path}`, {
      code: 'no-file',
      remedy: 'Give the path of an existing file.',
      cause,
    });
  });
  const head = new Uint8Array(await blob.slice(0, 4).arrayBuffer());
  const isZip = head[0] === 0x50 && head[1] === 0x4b;
  try {
    if (isZip) return await readZip(blob, path, records);
    return readLegacy(new Uint8Array(await blob.arrayBuffer()), path, records);
  } catch (error) {
    if (error instanceof GlassboxError) throw error;
    throw bad(path, error instanceof Error ? error.message : String(error));
  }
}
