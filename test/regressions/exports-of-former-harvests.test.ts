import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { harvest, saveDictionary } from '../../src/microscope/dictionary/index.ts';
import { refusal } from '../support/cli.ts';
import { randomSet } from '../support/dictionaries.ts';
import { writeWordsModel } from '../support/words-model.ts';

const folder = await mkdtemp(join(tmpdir(), 'glassbox-former-'));
after(() => rm(folder, { recursive: true }));

// Pages of the dictionary that was there before were written as those of the one that is there now.
test('feature pages are not exported from the harvest of another dictionary', async () => {
  const words = join(folder, 'words');
  const model = await writeWordsModel(words);
  const [before] = randomSet(model, { seed: 1 }).dictionaries;
  const [now] = randomSet(model, { seed: 2 }).dictionaries;
  const place = join(folder, 'dictionary');
  await saveDictionary(place, before);
  await harvest(join(place, 'harvest'), model, before, {
    tokens: { name: 'one row', batch: (i) => (i === 0 ? [[3, 4, 5, 6]] : undefined) },
    batches: 1,
  });
  await saveDictionary(place, now);
  const line = ['dict', 'export', place, '--model', words, '--to', 'neuronpedia'];
  assert.equal(await refusal(...line, '--out', join(folder, 'pages.json')), 'harvest-mismatch');
});
