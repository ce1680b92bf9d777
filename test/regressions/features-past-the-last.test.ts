import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import {
  featureActivations,
  loadDictionary,
  runDictionary,
  saveDictionary,
} from '../../src/microscope/dictionary/index.ts';
import { orderEvents, textColumns } from '../../src/microscope/dictionary/labels/scan.ts';
import { pruneDictionary } from '../../src/microscope/dictionary/train/prune.ts';
import { loadFixture } from '../../src/model/testing/fixtures.ts';
import { randomSet } from '../support/dictionaries.ts';

const folder = await mkdtemp(join(tmpdir(), 'glassbox-past-'));
after(() => rm(folder, { recursive: true }));
const model = await loadFixture('gpt2');

// `dict features DIR 99 --text …` showed what other features do at later tokens.
test('the activations of a feature that is not there are an error', async () => {
  const [dictionary] = randomSet(model, {}).dictionaries;
  const { dDict } = dictionary.config;
  for (const feature of [dDict, dDict + 3, -1, 0.5]) {
    const asked = featureActivations(model, dictionary, { tokens: [3, 4, 5], features: [feature] });
    await assert.rejects(asked, { code: 'unknown-feature' });
  }
});

// A top-k over more than there is failed inside the runtime, and a first prefix without features could not be read again.
test('a top-k dictionary pruned below k keeps working, also when it is read again', async () => {
  const [whole] = randomSet(model, { activation: { kind: 'topk', k: 4 } }).dictionaries;
  const nested = { ...whole, config: { ...whole.config, prefixes: [2, 6, 12] } };
  const pruned = pruneDictionary(nested, [5, 7]);
  assert.deepEqual(pruned.config.prefixes, [1, 2]);
  assert.deepEqual(pruneDictionary(nested, [7, 8]).config.prefixes, [2]);
  await saveDictionary(folder, pruned);
  const x = Float32Array.from({ length: 3 * whole.config.dIn }, (_, i) => Math.sin(i));
  const { acts } = await runDictionary(model.runtime, await loadDictionary(folder), [x]);
  const { acts: all } = await runDictionary(
    model.runtime,
    { ...whole, config: { ...whole.config, activation: { kind: 'relu' } } },
    [x],
  );
  for (let row = 0; row < 3; row++) {
    assert.ok(Math.abs(acts[2 * row] - all[12 * row + 5]) < 1e-6);
    assert.ok(Math.abs(acts[2 * row + 1] - all[12 * row + 7]) < 1e-6);
  }
  assert.equal(pruneDictionary(nested, []).config.dDict, 12);
});

// Keys that order events hold 22 bits of a token's number; those of longer texts ran into the activations.
test('a text too long for the order of events is refused, the longest is not', () => {
  const row = new Array<number>(1 << 16).fill(7);
  const documents = row.map(() => 0);
  const text = (rows: number) => ({
    name: 'long',
    rows: new Array<number[]>(rows).fill(row),
    documents: new Array<number[]>(rows).fill(documents),
    held: [],
  });
  assert.throws(() => textColumns(text(65), []), { code: 'text-too-long' });
  const last = (1 << 22) - 1;
  const { token, value } = orderEvents(1, {
    token: Uint32Array.of(3, last),
    feature: Uint32Array.of(0, 0),
    value: Float32Array.of(0.25, 0.5),
  });
  assert.deepEqual(
    [[...token], [...value]],
    [
      [last, 3],
      [0.5, 0.25],
    ],
  );
});
