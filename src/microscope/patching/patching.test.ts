import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GlassboxError } from '../../base/error.ts';
import type { Model } from '../../model/index.ts';
import { loadFixture } from '../../model/testing/fixtures.ts';
import {
  activationPatching,
  averagePatching,
  type PatchSite,
  patchSites,
  siteAddress,
} from './index.ts';

const CLEAN = [3, 7, 9, 11, 4, 8];
const CORRUPTED = [3, 7, 21, 11, 30, 8];
const PAIR = { clean: CLEAN, corrupted: CORRUPTED, target: 5, distractor: 17 };

async function logitDifference(model: Model, tokens: readonly number[], edits: object[]) {
  const { logits } = await model.runWithEdits(tokens, edits as never, [], { logits: 'last' });
  const row = logits!.data as Float32Array;
  return row[PAIR.target] - row[PAIR.distractor];
}

const SITES: Readonly<Record<string, readonly PatchSite[]>> = {
  gpt2: patchSites,
  'gpt-neox': ['mlp_out', 'z'],
  llama3: ['k', 'pattern'],
};

for (const [name, sites] of Object.entries(SITES)) {
  test(`sites equal an edited run of the whole model: ${name}`, async () => {
    const model = await loadFixture(name);
    for (const [i, site] of sites.entries()) {
      const direction = i % 2 ? 'denoise' : 'noise';
      const found = await activationPatching(model, {
        ...PAIR,
        site,
        direction,
        byPosition: true,
        batch: 5,
      });
      const [base, other] = direction === 'denoise' ? [CORRUPTED, CLEAN] : [CLEAN, CORRUPTED];
      const address = siteAddress(site, 1);
      const { cache } = await model.runWithCache(other, address);
      const perHead = found.axes.rows.name === 'layer.head';
      const row = found.axes.rows.labels.indexOf(perHead ? '1.0' : '1');
      const at = { at: address, positions: [4], ...(perHead ? { heads: [0] } : {}) };
      const expected = await logitDifference(model, base, [
        { op: 'patch', from: cache[address], ...at },
      ]);
      const difference = Math.abs(found.logitDiff[row][4] - expected);
      assert.ok(difference < 1e-4, `${site} ${direction}: off by ${difference}`);
    }
  });
}

test('named positions align prompts of different length', async () => {
  const model = await loadFixture('gpt2');
  const longer = [3, 40, 7, 21, 11, 30, 8];
  const positions = { first: [0, 0], changed: [2, 3], end: [-1, -1] } as const;
  const options = { ...PAIR, corrupted: longer, positions, site: 'resid_post' } as const;
  const { axes, effect, logitDiff } = await activationPatching(model, options);
  assert.deepEqual(axes.columns.labels, ['first', 'changed', 'end']);
  // After the last layer only the last position is read.
  assert.ok(Math.abs(effect[1][2] - 1) < 1e-3 && Math.abs(effect[1][0]) < 1e-3);
  const address = siteAddress('resid_post', 0);
  const { cache } = await model.runWithCache(CLEAN, address);
  const { dModel } = model.config;
  const value = (cache[address].data as Float32Array).slice(2 * dModel, 3 * dModel);
  const expected = await logitDifference(model, longer, [
    { op: 'set', value, at: address, positions: [3] },
  ]);
  assert.ok(Math.abs(logitDiff[0][1] - expected) < 1e-4);
  await assert.rejects(activationPatching(model, { ...options, site: 'pattern' }), {
    code: 'prompts-differ-in-length',
  });
  await assert.rejects(
    activationPatching(model, { ...options, positions: { far: [9, 0] } }),
    (error: GlassboxError) => error instanceof GlassboxError && error.code === 'bad-position',
  );
});

test('all positions at once at the first stream is the other run', async () => {
  const model = await loadFixture('gpt2');
  const options = { ...PAIR, site: 'resid_pre', byPosition: false } as const;
  const { axes, effect } = await activationPatching(model, options);
  assert.deepEqual(axes.columns.labels, ['all']);
  for (const [value] of effect) assert.ok(Math.abs(value - 1) < 1e-3);
});

test('averages normalise means and have intervals around them', async () => {
  const model = await loadFixture('gpt2');
  const second = { ...PAIR, corrupted: [3, 7, 21, 12, 30, 8] };
  const third = { ...PAIR, corrupted: [1, 2, 9, 11, 30, 8] };
  const found = await averagePatching(model, [PAIR, second, third], { site: 'z' });
  const single = await Promise.all(
    [PAIR, second, third].map((pair) => activationPatching(model, { ...pair, site: 'z' })),
  );
  const mean = (of: (i: (typeof single)[number]) => number) =>
    single.reduce((sum, one) => sum + of(one), 0) / 3;
  const corrupted = mean(({ metric }) => metric.corrupted);
  const clean = mean(({ metric }) => metric.clean);
  const cell = found.effect[0][1];
  const expected = (mean(({ logitDiff }) => logitDiff[0][1]) - corrupted) / (clean - corrupted);
  assert.ok(Math.abs(cell.value - expected) < 1e-6);
  assert.ok(cell.low <= cell.value && cell.value <= cell.high && cell.n === 3);
  const shorter = { ...PAIR, clean: [1, 2], corrupted: [2, 2] };
  await assert.rejects(averagePatching(model, [PAIR, shorter], { site: 'resid_pre' }), {
    code: 'pairs-do-not-align',
  });
  await assert.rejects(averagePatching(model, [], { site: 'z' }), { code: 'no-prompts' });
});

test('weights that are not finite are named as the cause', async () => {
  const model = await loadFixture('gpt2');
  (model.params['ln_final.weight'].data as Float32Array)[0] = Number.NaN;
  await assert.rejects(activationPatching(model, { ...PAIR, site: 'z' }), { code: 'not-finite' });
});
