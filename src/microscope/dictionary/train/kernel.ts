/**
 * `out[i] += scale * row[i]` for 32-bit floats, four at a time; plain JavaScript does one. In WebAssembly text:
 *
 *     (func (export "f") (param $out i32) (param $row i32) (param $end i32) (param $scale f32)
 *       (local $s v128)
 *       (local.set $s (f32x4.splat (local.get $scale)))
 *       (loop
 *         (v128.store (local.get $out)
 *           (f32x4.add (f32x4.mul (local.get $s) (v128.load (local.get $row)))
 *                      (v128.load (local.get $out))))
 *         (local.set $out (i32.add (local.get $out) (i32.const 16)))
 *         (br_if 0 (i32.lt_u (local.tee $row (i32.add (local.get $row) (i32.const 16)))
 *                            (local.get $end)))))
 */
const MODULE = Uint8Array.of(
  ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
  // Types, the imported memory, the function, its export.
  ...[0x01, 0x08, 0x01, 0x60, 0x04, 0x7f, 0x7f, 0x7f, 0x7d, 0x00],
  ...[0x02, 0x08, 0x01, 0x01, 0x6d, 0x01, 0x6d, 0x02, 0x00, 0x01],
  ...[0x03, 0x02, 0x01, 0x00],
  ...[0x07, 0x05, 0x01, 0x01, 0x66, 0x00, 0x00],
  // The body.
  ...[0x0a, 0x3c, 0x01, 0x3a, 0x01, 0x01, 0x7b],
  ...[0x20, 0x03, 0xfd, 0x13, 0x21, 0x04, 0x03, 0x40],
  ...[0x20, 0x00, 0x20, 0x04, 0x20, 0x01, 0xfd, 0x00, 0x04, 0x00, 0xfd, 0xe6, 0x01],
  ...[0x20, 0x00, 0xfd, 0x00, 0x04, 0x00, 0xfd, 0xe4, 0x01, 0xfd, 0x0b, 0x04, 0x00],
  ...[0x20, 0x00, 0x41, 0x10, 0x6a, 0x21, 0x00],
  ...[0x20, 0x01, 0x41, 0x10, 0x6a, 0x22, 0x01, 0x20, 0x02, 0x49, 0x0d, 0x00],
  ...[0x0b, 0x0b],
);

const PAGE = 65536;

/** Memory that both this process and the kernel see, and the kernel on it. */
export interface KernelMemory {
  /** A zeroed array; there is no way to free one. */
  allocate(length: number): Float32Array;
  /** Adds `scale` times a row onto another; places in bytes, `bytes` a multiple of 16. */
  readonly addScaled: (out: number, row: number, end: number, scale: number) => void;
}

/**
 * Allocates memory for a kernel.
 *
 * @param floats all that will be asked for
 */
export async function createKernelMemory(floats: number): Promise<KernelMemory> {
  // Arrays start at multiples of 64 bytes.
  const initial = Math.ceil((4 * floats + 64 * 64) / PAGE) + 1;
  const memory = new WebAssembly.Memory({ initial });
  const { instance } = await WebAssembly.instantiate(MODULE, { m: { m: memory } });
  let next = 64;
  return {
    addScaled: instance.exports.f as KernelMemory['addScaled'],
    allocate(length) {
      const out = new Float32Array(memory.buffer, next, length);
      next = Math.ceil((next + 4 * length) / 64) * 64;
      return out;
    },
  };
}
