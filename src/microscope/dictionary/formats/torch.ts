import { GlassboxError } from '../../../base/error.ts';
import { DTYPE_BYTES, decodeValues, type StoredDtype } from '../../../base/safetensors/dtypes.ts';
import type { TensorToStore } from '../../../base/safetensors/index.ts';
import { openBlob } from './blob.ts';
import { PickleGlobal, PickleRecord, type PickleRules, readPickle } from './pickle.ts';
import { withZip } from './zip.ts';

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
  readonly kind: 'storage';
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

/** Lists and dictionaries within each other at most; torch.save of a state dict needs three. */
const DEPTH = 100;
/** PyTorch's own limit. */
const DIMENSIONS = 64;
/** Numbers that tensors may have beyond four for every byte stored, for views that repeat small storages. */
const SPARE = 2 ** 20;

function isPending(value: unknown): value is Pending {
  return typeof value === 'object' && value !== null && (value as Pending).kind === 'pending';
}

const isStorage = (value: unknown): value is Storage =>
  typeof value === 'object' && value !== null && (value as Storage).kind === 'storage';

const isCount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;

const isCounts = (value: unknown): value is number[] =>
  Array.isArray(value) && value.length <= DIMENSIONS && value.every(isCount);

/** The arguments of `_rebuild_tensor(storage, offset, size, stride, …, metadata)`. */
function pendingOf(args: readonly unknown[], source: string): Pending {
  const [storage, offset, shape, strides] = args;
  const sane = isStorage(storage) && isCount(offset) && isCounts(shape) && isCounts(strides);
  if (!sane || shape.length !== strides.length)
    throw bad(source, 'a tensor is no view of a storage');
  const metadata = args[6];
  const lazy = metadata instanceof Map && (metadata.get('neg') || metadata.get('conj'));
  if (lazy)
    throw bad(
      source,
      'a tensor is stored negated or conjugated; save a copy made by .resolve_neg()',
    );
  return { kind: 'pending', storage, offset, shape, strides };
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
      const known = type instanceof PickleGlobal && Object.hasOwn(STORAGE, type.name);
      const named = typeof key === 'string' || typeof key === 'number';
      if (tag !== 'storage' || !known || !named || !isCount(length)) {
        throw bad(source, 'holds a reference that is no storage');
      }
      const dtype = STORAGE[type.name];
      const storage: Storage = { kind: 'storage', dtype, key: String(key), length };
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
        case 'torch._utils._rebuild_tensor_v2':
          return pendingOf(args, source);
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
  if (size > 0 && last >= values.length) {
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

/**
 * Puts tensors where they are pending. What stands in several places is made once: a few bytes can name a list that holds
 * another twice, and so on, which written out would have no end.
 */
function resolver(source: string, tensor: (pending: Pending) => TorchTensor) {
  const made = new Map<unknown, TorchValue>();
  const make = (value: unknown, depth: number): TorchValue => {
    if (isPending(value)) return tensor(value);
    if (value instanceof Map) {
      return new Map([...value].map(([key, item]) => [key, resolve(item, depth + 1)]));
    }
    if (Array.isArray(value)) return value.map((item) => resolve(item, depth + 1));
    return value as TorchValue;
  };
  const resolve = (value: unknown, depth = 0): TorchValue => {
    if (typeof value !== 'object' || value === null) return make(value, depth);
    const known = made.get(value);
    if (known !== undefined) return known;
    // A list within itself goes deeper for ever.
    if (depth > DEPTH) throw bad(source, `nests lists more than ${DEPTH} deep, or in themselves`);
    const result = make(value, depth);
    made.set(value, result);
    return result;
  };
  return resolve;
}

function materialise(
  value: unknown,
  storages: ReadonlyMap<string, Uint8Array>,
  source: string,
): TorchValue {
  const decoded = new Map<string, TensorToStore['data']>();
  const stored = [...storages.values()].reduce((sum, { length }) => sum + length, 0);
  let numbers = 0;
  const valuesOf = (storage: Storage) => {
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
  const resolve = resolver(source, (pending) => {
    numbers += pending.shape.reduce((a, b) => a * b, 1);
    if (numbers > SPARE + 4 * stored) {
      throw bad(source, `its tensors have far more numbers than the ${stored} bytes stored`);
    }
    const data = gather(valuesOf(pending.storage) as ArrayLike<number>, pending, source);
    return { kind: 'tensor', shape: pending.shape, data };
  });
  return resolve(value);
}

async function readZip(
  blob: Blob,
  source: string,
  records: ReadonlySet<string>,
): Promise<TorchValue> {
  return withZip(
    blob,
    (message) => bad(source, message),
    async ({ names, read }) => {
      const pickle = names.find((name) => name.endsWith('/data.pkl'));
      if (pickle === undefined) throw bad(source, 'holds no data.pkl');
      const root = pickle.slice(0, -'data.pkl'.length);
      const order = `${root}byteorder`;
      const head = await read([pickle, order]);
      if (new TextDecoder().decode(head.get(order)) === 'big') {
        throw bad(source, 'is written in big-endian order');
      }
      const wanted = new Set<string>();
      const rules = rulesFor(source, ({ key }) => wanted.add(key), records);
      const { value } = readPickle(head.get(pickle)!, rules);
      const folder = `${root}data/`;
      const entries = await read([...wanted].map((key) => folder + key));
      const storages = [...entries].map(
        ([name, bytes]) => [name.slice(folder.length), bytes] as const,
      );
      return materialise(value, new Map(storages), source);
    },
  );
}

/** The number every file of the old format starts with, as a pickled long. */
const LEGACY_MAGIC = 0x1950a86a20f9469cfc6cn;

const PLAIN = { allowed: () => false, persistent: () => null, call: () => undefined };

/** Whether a file begins as the old format does; no more than its beginning need be read to know. */
function startsLegacy(head: Uint8Array, source: string): boolean {
  return readPickle(head, { ...PLAIN, source }).value === LEGACY_MAGIC;
}

function readLegacy(bytes: Uint8Array, source: string, records: ReadonlySet<string>): TorchValue {
  const plain: PickleRules = { ...PLAIN, source };
  const magic = readPickle(bytes, plain);
  const version = readPickle(bytes, plain, magic.end);
  const system = readPickle(bytes, plain, version.end);
  if (!(system.value instanceof Map)) throw bad(source, 'does not say how numbers are written');
  if (system.value.get('little_endian') === false) {
    throw bad(source, 'is written in big-endian order');
  }
  const sizes = new Map<string, Storage>();
  const rules = rulesFor(source, (storage) => sizes.set(storage.key, storage), records);
  const object = readPickle(bytes, rules, system.end);
  const keys = readPickle(bytes, plain, object.end);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const storages = new Map<string, Uint8Array>();
  let position = keys.end;
  if (!Array.isArray(keys.value)) throw bad(source, 'does not list its storages');
  for (const key of keys.value) {
    const storage = typeof key === 'string' ? sizes.get(key) : undefined;
    if (!storage || position + 8 > bytes.length) throw bad(source, 'a storage is missing');
    const count = view.getBigInt64(position, true);
    const length = Number(count) * DTYPE_BYTES[storage.dtype];
    position += 8;
    if (count < 0n || position + length > bytes.length) {
      throw bad(source, `storage ${storage.key} of ${count} numbers does not fit into the file`);
    }
    storages.set(storage.key, bytes.subarray(position, position + length));
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
 * @throws GlassboxError `unsafe-pickle`, `bad-pickle`, `bad-torch-file` or `no-file`
 */
export async function readTorchFile(
  path: string,
  options: { readonly records?: ReadonlySet<string> } = {},
): Promise<TorchValue> {
  const { records = new Set<string>() } = options;
  const blob = await openBlob(path);
  try {
    const head = new Uint8Array(await blob.slice(0, 64).arrayBuffer());
    const isZip = head[0] === 0x50 && head[1] === 0x4b;
    if (isZip) return await readZip(blob, path, records);
    if (!startsLegacy(head, path)) throw bad(path, 'is no torch file');
    return readLegacy(new Uint8Array(await blob.arrayBuffer()), path, records);
  } catch (error) {
    if (error instanceof GlassboxError) throw error;
    throw bad(path, `cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}
