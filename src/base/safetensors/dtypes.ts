/** Element types of stored tensors that can be read, with their safetensors names. */
export type StoredDtype =
  | 'F64'
  | 'F32'
  | 'F16'
  | 'BF16'
  | 'I64'
  | 'I32'
  | 'I16'
  | 'I8'
  | 'U8'
  | 'BOOL';

/** What a tensor's values are held in. Every floating type is widened or rounded to float32. */
export type TensorData =
  | Float32Array
  | Float64Array
  | BigInt64Array
  | Int32Array
  | Int16Array
  | Int8Array
  | Uint8Array;

/** Bytes per element. */
export const DTYPE_BYTES: Readonly<Record<StoredDtype, number>> = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
};

/** Names the format defines and this library does not read. */
export const UNSUPPORTED_DTYPES: readonly string[] = [
  'F8_E4M3',
  'F8_E5M2',
  'F8_E8M0',
  'F8_E4M3FNUZ',
  'F8_E5M2FNUZ',
  'F6_E2M3',
  'F6_E3M2',
  'F4',
  'U16',
  'U32',
  'U64',
  'C64',
];

export function isStoredDtype(name: unknown): name is StoredDtype {
  return typeof name === 'string' && Object.hasOwn(DTYPE_BYTES, name);
}

/** float16 is in the language from Node 24 on; its conversions run in native code there. */
type Float16Constructor = new (
  source: ArrayBufferLike | ArrayLike<number>,
) => ArrayLike<number> & { readonly buffer: ArrayBuffer };

const NativeFloat16: Float16Constructor | undefined = Reflect.get(globalThis, 'Float16Array');

let halfTable: Float32Array | undefined;

/** The value of each of the 65,536 float16 bit patterns. */
function halfValues(): Float32Array {
  if (halfTable) return halfTable;
  const table = new Float32Array(65536);
  for (let bits = 0; bits < 65536; bits++) {
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    const sign = bits & 0x8000 ? -1 : 1;
    if (exponent === 31) table[bits] = fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
    else if (exponent === 0) table[bits] = sign * fraction * 2 ** -24;
    else table[bits] = sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  }
  halfTable = table;
  return table;
}

/** float16 bit patterns to float32, exactly; subnormals, infinities and NaN included. */
export function halfToFloat32(bits: Uint16Array): Float32Array {
  const table = halfValues();
  const out = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) out[i] = table[bits[i]];
  return out;
}

/** bfloat16 bit patterns to float32, exactly: they are its upper halves. */
export function bfloat16ToFloat32(bits: Uint16Array): Float32Array {
  const out = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) out[i] = bits[i] << 16;
  return new Float32Array(out.buffer);
}

/** float32 to float16 bit patterns, rounded to nearest, ties to even; too large becomes infinite. */
export function float32ToHalf(values: Float32Array): Uint16Array {
  if (NativeFloat16) return new Uint16Array(new NativeFloat16(values).buffer);
  return float32ToHalfPortable(values);
}

/** The same in plain arithmetic, for engines without a native float16. */
export function float32ToHalfPortable(values: Float32Array): Uint16Array {
  const source = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const out = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) out[i] = halfBits(source[i]);
  return out;
}

function halfBits(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  // From 65520 on the nearest float16 is infinity.
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude >= 0x38800000) {
    // Rebias the exponent by 127 - 15, then round the 13 dropped bits to even; a carry into the
    // exponent is the correct result.
    const rebiased = magnitude - 0x38000000;
    return sign | ((rebiased + 0xfff + ((rebiased >>> 13) & 1)) >>> 13);
  }
  // Below 2^-14 the result is subnormal: a whole number of units of 2^-24.
  if (magnitude <= 0x33000000) return sign;
  const shift = 126 - (magnitude >>> 23);
  const significand = (magnitude & 0x7fffff) | 0x800000;
  const half = 2 ** (shift - 1);
  const kept = significand >>> shift;
  const rest = significand - kept * 2 ** shift;
  return sign | (kept + (rest > half || (rest === half && kept & 1) ? 1 : 0));
}

/** float32 to bfloat16 bit patterns, rounded to nearest, ties to even. */
export function float32ToBfloat16(values: Float32Array): Uint16Array {
  const source = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const out = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const bits = source[i];
    // Rounding could carry a NaN's payload into the sign, so NaN keeps one quiet pattern.
    if ((bits & 0x7fffffff) > 0x7f800000) out[i] = (bits >>> 16) | 0x40;
    else out[i] = (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
  }
  return out;
}

/**
 * Raw little-endian bytes to values. `F64` is rounded to float32 unless `keepFloat64`.
 * The result never shares memory with `bytes`, except where `bytes` owns its whole buffer.
 */
export function decodeValues(
  dtype: StoredDtype,
  bytes: Uint8Array,
  options: { readonly keepFloat64?: boolean } = {},
): TensorData {
  // A view must start at a multiple of the element size; a copy always does.
  const whole = bytes.byteOffset === 0 && bytes.byteLength === bytes.buffer.byteLength;
  const buffer = whole ? bytes.buffer : bytes.slice().buffer;
  switch (dtype) {
    case 'F64': {
      const exact = new Float64Array(buffer);
      return options.keepFloat64 ? exact : Float32Array.from(exact);
    }
    case 'F32':
      return new Float32Array(buffer);
    case 'F16':
      return halfToFloat32(new Uint16Array(buffer));
    case 'BF16':
      return bfloat16ToFloat32(new Uint16Array(buffer));
    case 'I64':
      return new BigInt64Array(buffer);
    case 'I32':
      return new Int32Array(buffer);
    case 'I16':
      return new Int16Array(buffer);
    case 'I8':
      return new Int8Array(buffer);
    case 'U8':
    case 'BOOL':
      return new Uint8Array(buffer);
  }
}

/** The dtype in which values are stored when nothing else is asked for. */
export function dtypeOf(data: TensorData): StoredDtype {
  if (data instanceof Float32Array) return 'F32';
  if (data instanceof Float64Array) return 'F64';
  if (data instanceof BigInt64Array) return 'I64';
  if (data instanceof Int32Array) return 'I32';
  if (data instanceof Int16Array) return 'I16';
  return data instanceof Int8Array ? 'I8' : 'U8';
}

/** Values to the bytes of `dtype`, or undefined where that would change their kind. */
export function encodeValues(dtype: StoredDtype, data: TensorData): Uint8Array | undefined {
  const bytes = (array: ArrayBufferView) =>
    new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  if (dtype === dtypeOf(data)) return bytes(data);
  if (dtype === 'BOOL' && data instanceof Uint8Array) return bytes(data);
  if (data instanceof Float64Array && dtype === 'F32') return bytes(Float32Array.from(data));
  if (!(data instanceof Float32Array)) return undefined;
  if (dtype === 'F16') return bytes(float32ToHalf(data));
  if (dtype === 'BF16') return bytes(float32ToBfloat16(data));
  return dtype === 'F64' ? bytes(Float64Array.from(data)) : undefined;
}
