import type { PackedFloats } from '../../../src/lab/api.ts';

/** The numbers of a packed tensor, row-major. */
export function unpackFloats({ data }: PackedFloats): Float32Array {
  const binary = atob(data);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  // The contract is little-endian, as every machine that runs a browser is.
  return new Float32Array(bytes.buffer, 0, bytes.length >> 2);
}
