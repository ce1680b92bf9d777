import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  activationPatching,
  attributionPatching,
  siteAddress,
} from '../../src/microscope/patching/index.ts';
import { loadFixture } from '../../src/model/testing/fixtures.ts';

const PAIR = {
  clean: [3, 7, 9, 11, 4, 8],
  corrupted: [3, 7, 21, 11, 30, 8],
  target: 5,
  distractor: 17,
  site: 'pattern',
} as const;

// A pattern of query 4 was put at query 2, which then attended to tokens after it.
test('attention patterns are exchanged at the same query only', async () => {
  const model = await loadFixture('gpt2');
  for (const sweep of [activationPatching, attributionPatching]) {
    const moved = { ...PAIR, positions: { early: [4, 2] } } as const;
    await assert.rejects(sweep(model, moved), { code: 'positions-differ' });
  }
  const named = { ...PAIR, positions: { there: [4, 4] }, byPosition: true } as const;
  const { logitDiff } = await activationPatching(model, named);
  const address = siteAddress('pattern', 1);
  const { cache } = await model.runWithCache(PAIR.clean, address);
  const edit = {
    op: 'patch',
    from: cache[address],
    at: address,
    positions: [4],
    heads: [1],
  } as const;
  const { logits } = await model.runWithEdits(PAIR.corrupted, [edit], [], { logits: 'last' });
  const row = logits!.data as Float32Array;
  const second = model.config.nHeads + 1;
  assert.ok(Math.abs(logitDiff[second][0] - (row[5] - row[17])) < 1e-4);
});
