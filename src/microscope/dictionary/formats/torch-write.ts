import { BlobWriter, TextReader, Uint8ArrayReader, ZipWriter } from '@zip.js/zip.js';
import { writeFileAtomic } from '../../../base/files.ts';

/** A tensor to store: float32, or int32 for counts. */
export interface TensorForTorch {
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array;
}

const encoder = new TextEncoder();

/** Little by little, the bytes of a pickle of protocol 2. */
class PickleBytes {
  readonly #parts: number[] = [0x80, 2];

  op(code: string): this {
    this.#parts.push(code.charCodeAt(0));
    return this;
  }

  int(value: number): this {
    this.op('J');
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setInt32(0, value, true);
    this.#parts.push(...bytes);
    return this;
  }

  text(value: string): this {
    const bytes = encoder.encode(value);
    this.op('X');
    const length = new Uint8Array(4);
    new DataView(length.buffer).setUint32(0, bytes.length, true);
    this.#parts.push(...length, ...bytes);
    return this;
  }

  global(module: string, name: string): this {
    this.op('c');
    this.#parts.push(...encoder.encode(`${module}\n${name}\n`));
    return this;
  }

  ints(values: readonly number[]): this {
    this.op('(');
    for (const value of values) this.int(value);
    return this.op('t');
  }

  done(): Uint8Array {
    return Uint8Array.from([...this.#parts, '.'.charCodeAt(0)]);
  }
}

/** A contiguous tensor over storage `key`, as `torch._utils._rebuild_tensor_v2` puts it together. */
function tensor(out: PickleBytes, key: string, { shape, data }: TensorForTorch): void {
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
  const storage = data instanceof Int32Array ? 'IntStorage' : 'FloatStorage';
  out.global('torch._utils', '_rebuild_tensor_v2').op('(').op('(').text('storage');
  out.global('torch', storage).text(key).text('cpu').int(data.length).op('t').op('Q');
  out.int(0).ints(shape).ints(strides).op('\x89');
  out.global('collections', 'OrderedDict').op(')').op('R').op('t').op('R');
}

/**
 * Writes named tensors as `torch.save` writes a state dict, in the zip format of PyTorch 1.6 and later; `torch.load`
 * reads it with `weights_only=True`.
 */
export async function writeTorchFile(
  path: string,
  tensors: Readonly<Record<string, TensorForTorch>>,
): Promise<void> {
  const pickle = new PickleBytes().op('}').op('(');
  const zip = new ZipWriter(new BlobWriter(), { level: 0, dataDescriptor: false, zip64: false });
  const storages: [string, Uint8Array][] = [];
  Object.entries(tensors).forEach(([name, value], i) => {
    pickle.text(name);
    tensor(pickle, String(i), value);
    const { buffer, byteOffset, byteLength } = value.data;
    storages.push([`archive/data/${i}`, new Uint8Array(buffer, byteOffset, byteLength)]);
  });
  await zip.add('archive/data.pkl', new Uint8ArrayReader(pickle.op('u').done()));
  await zip.add('archive/byteorder', new TextReader('little'));
  for (const [name, bytes] of storages) await zip.add(name, new Uint8ArrayReader(bytes));
  await zip.add('archive/version', new TextReader('3\n'));
  await writeFileAtomic(path, new Uint8Array(await (await zip.close()).arrayBuffer()));
}
