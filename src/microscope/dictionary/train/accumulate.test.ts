import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Rng } from '../../../base/rng.ts';
import { addOuter, addScales, type Chosen, countFirings } from './accumulate.ts';
import { createKernelMemory } from './kernel.ts';

test('rows are added to the features that were chosen, with and without the kernel', async () => {
  const memory = await createKernelMemory(1 << 16);
  fc.assert(
    fc.property(
      fc.record({
        seed: fc.integer(),
        rows: fc.integer({ min: 1, max: 5 }),
        k: fc.integer({ min: 1, max: 4 }),
        width: fc.constantFrom(1, 3, 4, 8, 12),
        parts: fc.integer({ min: 1, max: 3 }),
      }),
      ({ seed, rows, k, width, parts }) => {
        const rng = new Rng(seed);
        const features = 6;
        const draw = (length: number) => Float32Array.from({ length }, () => rng.normal());
        const chosen: Chosen = {
          rows,
          k,
          indices: BigInt64Array.from({ length: rows * k }, () => BigInt(rng.int(features))),
        };
        const scales = draw(rows * k).map((value) => (rng.next() < 0.3 ? 0 : value));
        const values = draw(rows * parts * width);
        const partOf = Uint8Array.from({ length: features }, () => rng.int(parts));
        const expected = new Float64Array(features * width);
        for (let b = 0; b < rows; b++) {
          for (let i = 0; i < k; i++) {
            const feature = Number(chosen.indices[b * k + i]);
            const from = (b * parts + partOf[feature]) * width;
            for (let d = 0; d < width; d++) {
              expected[feature * width + d] += scales[b * k + i] * values[from + d];
            }
          }
        }
        const held = memory.allocate(values.length);
        held.set(values);
        const out = memory.allocate(features * width);
        const options = { scales, width, parts, partOf };
        addOuter(out, chosen, { ...options, rows: held, kernel: memory });
        const plain = new Float32Array(features * width);
        addOuter(plain, chosen, { ...options, rows: values });
        expected.forEach((value, i) => {
          assert.ok(Math.abs(out[i] - value) < 1e-5 && Math.abs(plain[i] - value) < 1e-5);
        });
      },
    ),
    { numRuns: 60 },
  );
});

test('scales and firings are summed per feature', () => {
  const chosen: Chosen = { rows: 2, k: 2, indices: BigInt64Array.of(3n, 1n, 1n, 0n) };
  const [sums, counts] = [new Float32Array(4), new Float32Array(4)];
  const values = Float32Array.of(0.5, 2, 1, 0);
  addScales(sums, chosen, values);
  countFirings(counts, chosen, values);
  assert.deepEqual([...sums], [0, 3, 0, 0.5]);
  assert.deepEqual([...counts], [0, 2, 0, 1]);
});
