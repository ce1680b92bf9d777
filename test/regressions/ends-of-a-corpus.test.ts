import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import {
  diskSource,
  shufflingBuffer,
  storeActivations,
} from '../../src/microscope/dictionary/index.ts';
import { loadFixture } from '../../src/model/testing/fixtures.ts';

const folder = await mkdtemp(join(tmpdir(), 'glassbox-corpus-'));
after(() => rm(folder, { recursive: true }));
const model = await loadFixture('gpt2');
const sources = [{ model, addresses: ['blocks.0.hook_resid_pre'] }];
/** Five batches of four tokens: after four of them a batch of eight rows is left without half of them. */
const tokens = {
  name: 'five rows',
  batch: (index: number) => (index < 5 ? [[index, 11, 12, 13]] : undefined),
};
const settings = { rows: 8, seed: 3 };

// Training stopped in its middle with too-few-activations, whatever the length of the text.
test('what is left at the end of a corpus is filled up from its beginning', async () => {
  const buffer = () => shufflingBuffer({ sources, tokens, ...settings, capacity: 16 });
  const running = buffer();
  for (let i = 0; i < 3; i++) await running.next();
  const state = running.state();
  const expected = [];
  for (let i = 0; i < 5; i++)
    expected.push(Float32Array.from(Object.values(await running.next())[0]));
  const resumed = buffer();
  resumed.restore(state);
  for (const values of expected) assert.deepEqual(Object.values(await resumed.next())[0], values);
});

test('a corpus that never gives one batch is still refused', async () => {
  const few = { sources, tokens, rows: 32, seed: 3, capacity: 64 };
  await assert.rejects(shufflingBuffer(few).next(), { code: 'too-few-activations' });
});

test('a last block on disk that is less than a batch is left out', async () => {
  const store = join(folder, 'store');
  await storeActivations(store, { sources, tokens, rows: 100, blockRows: 16 });
  const source = await diskSource(store, settings);
  for (let i = 0; i < 8; i++) await source.next();
  const wide = await diskSource(store, { ...settings, rows: 32 });
  await assert.rejects(wide.next(), { code: 'too-few-activations' });
});
