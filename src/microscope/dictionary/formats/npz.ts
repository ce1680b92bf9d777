import { GlassboxError } from '../../../base/error.ts';
import { decodeValues, type StoredDtype } from '../../../base/safetensors/dtypes.ts';
import { openBlob } from './blob.ts';
import { badDictionary, type ForeignTensor } from './tensors.ts';
import { withZip } from './zip.ts';

const DTYPES: Readonly<Record<string, StoredDtype>> = {
  '<f4': 'F32',
  '<f8': 'F64',
  '<f2': 'F16',
  '<i8': 'I64',
  '<i4': 'I32',
  '<i2': 'I16',
  '|i1': 'I8',
  '|u1': 'U8',
  '|b1': 'BOOL',
};

const MAGIC = '\x93NUMPY';

/**
 * One array of NumPy's `.npy` format (versions 1 to 3), little-endian numbers in C or Fortran order.
 *
 * @throws GlassboxError `bad-dictionary`, also for Python objects, which are never read
 */
export function parseNpy(bytes: Uint8Array, source: string): ForeignTensor {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = String.fromCharCode(...bytes.subarray(0, 6));
  if (magic !== MAGIC || bytes.length < 12) throw badDictionary(source, 'is no .npy array');
  const wide = view.getUint8(6) > 1;
  const start = wide ? 12 : 10;
  const length = wide ? view.getUint32(8, true) : view.getUint16(8, true);
  const header = new TextDecoder('latin1').decode(bytes.subarray(start, start + length));
  const descr = /'descr':\s*'([^']+)'/.exec(header)?.[1];
  const fortran = /'fortran_order':\s*(True|False)/.exec(header)?.[1];
  const dims = /'shape':\s*\(([^)]*)\)/.exec(header)?.[1];
  const dtype = DTYPES[descr ?? ''];
  if (!dtype || dims === undefined) {
    throw badDictionary(source, `holds ${descr ?? 'something'} that is no array of numbers`);
  }
  const shape = dims.split(',').flatMap((dim) => (dim.trim() === '' ? [] : [Number(dim)]));
  const data = decodeValues(dtype, bytes.slice(start + length)) as ArrayLike<number>;
  const size = shape.reduce((a, b) => a * b, 1);
  if (data.length !== size) {
    throw badDictionary(
      source,
      `holds ${data.length} numbers, its shape [${shape}] asks for ${size}`,
    );
  }
  return { shape, data: fortran === 'True' ? byRows(shape, data) : data };
}

/** Numbers whose first index runs fastest, as NumPy stores a transposed array, with the last one fastest instead. */
function byRows(shape: readonly number[], data: ArrayLike<number>): Float64Array {
  const out = new Float64Array(data.length);
  const index = new Array<number>(shape.length).fill(0);
  for (let from = 0; from < data.length; from++) {
    out[index.reduce((at, i, axis) => at * shape[axis] + i, 0)] = Number(data[from]);
    for (let axis = 0; axis < shape.length && ++index[axis] === shape[axis]; axis++)
      index[axis] = 0;
  }
  return out;
}

/** All arrays of an `.npz` file by name. Throws `bad-dictionary` or `no-file`. */
export async function readNpz(path: string): Promise<Map<string, ForeignTensor>> {
  const refuse = (message: string) => badDictionary(path, message);
  try {
    return await withZip(await openBlob(path), refuse, async ({ names, read }) => {
      const arrays = await read(names.filter((name) => name.endsWith('.npy')));
      return new Map(
        [...arrays].map(([full, bytes]) => {
          const name = full.slice(0, -'.npy'.length);
          return [name, parseNpy(bytes, `${path}: ${name}`)];
        }),
      );
    });
  } catch (error) {
    if (error instanceof GlassboxError) throw error;
    throw refuse(`is no .npz file: ${error instanceof Error ? error.message : error}`);
  }
}
