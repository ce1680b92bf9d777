import assert from 'node:assert/strict';
import { test } from 'node:test';
import { initialParams } from '../../src/microscope/dictionary/train/params.ts';
import { autoencoder } from '../../src/microscope/dictionary/train/rule.ts';

// Feature 7 of one layer had the cosine 1 with feature 7 of the next, where neither had learnt anything.
test('dictionaries of one run start from different weights, the same one from the same', () => {
  const width = 16;
  const statistics = { x: { mean: new Float32Array(width), meanNorm: 1 } };
  const decoder = (name: string, seed = 0) => {
    const task = autoencoder({
      name,
      seed,
      rule: { kind: 'topk', k: 2 },
      width,
      dDict: 32,
      at: 'x',
    });
    return initialParams(task, statistics, { x: 1 })['0.W_dec.0'].data as Float32Array;
  };
  assert.deepEqual(decoder('layer-0'), decoder('layer-0'));
  // A further seed of a dictionary is named after it.
  assert.deepEqual(decoder('layer-0', 3), decoder('layer-0@3', 3));
  for (const other of [decoder('layer-1'), decoder('layer-0', 3)]) {
    const own = decoder('layer-0');
    for (let f = 0; f < 32; f++) {
      const row = own.subarray(f * width, (f + 1) * width);
      const cosine = row.reduce((sum, v, d) => sum + v * other[f * width + d], 0);
      assert.ok(Math.abs(cosine) < 0.95, `feature ${f}: ${cosine}`);
    }
  }
});
