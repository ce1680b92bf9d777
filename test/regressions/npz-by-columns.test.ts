import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseNpy } from '../../src/microscope/dictionary/formats/npz.ts';

/** `np.save` of `np.asfortranarray(np.arange(24).reshape(2, 3, 4))` as int16, and as int64 from 0 to 5 in `(2, 3)`. */
function saved(descr: string, shape: string, numbers: ArrayBufferView): Uint8Array {
  const header = `{'descr': '${descr}', 'fortran_order': True, 'shape': (${shape}), }`.padEnd(117);
  const start = Uint8Array.of(0x93, ...Buffer.from('NUMPY'), 1, 0, 118, 0);
  return Uint8Array.from(
    Buffer.concat([start, Buffer.from(`${header}\n`), Buffer.from(numbers.buffer)]),
  );
}

// NumPy stores a transposed array column by column, as whoever saves `W_enc.T` does. Such files were refused.
test('an array stored column by column is read as what it is', () => {
  const stored = [
    0, 12, 4, 16, 8, 20, 1, 13, 5, 17, 9, 21, 2, 14, 6, 18, 10, 22, 3, 15, 7, 19, 11, 23,
  ];
  const three = parseNpy(saved('<i2', '2, 3, 4', Int16Array.from(stored)), 'three');
  assert.deepEqual(three.shape, [2, 3, 4]);
  assert.deepEqual(
    Array.from(three.data),
    Array.from({ length: 24 }, (_, i) => i),
  );
  const wide = BigInt64Array.of(0n, 3n, 1n, 4n, 2n, 5n);
  assert.deepEqual(
    Array.from(parseNpy(saved('<i8', '2, 3', wide), 'wide').data),
    [0, 1, 2, 3, 4, 5],
  );
});
