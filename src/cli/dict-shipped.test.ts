import assert from 'node:assert/strict';
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import {
  dictionaryHash,
  evaluateDictionary,
  evaluateSet,
  figuresOf,
  findDictionaries,
  loadDictionary,
  modelHash,
  openHarvest,
  readLabels,
  summariseLabels,
} from '../microscope/dictionary/index.ts';
import { openModel } from '../model/index.ts';
import { excludedTokens, openCorpus } from './corpus.ts';
import { run } from './run.ts';

const root = join(import.meta.dirname, '../../models/glassbox-atlas/dictionaries');
const crossLayer = join(root, '../cross-layer');
const model = await openModel();
const folders = await findDictionaries(root);
const dictionaries = await Promise.all(folders.map(loadDictionary));
const corpus = await openCorpus(model, { world: { seed: 991, split: 'held-out' } });
const options = {
  tokens: [corpus.batch(0)!.slice(0, 32)],
  filter: { excluded: excludedTokens(model, ['<|endoftext|>', '<|pad|>']) },
};

async function bytesBelow(path: string): Promise<number> {
  const found = await stat(path);
  if (!found.isDirectory()) return found.size;
  const names = await readdir(path);
  const sizes = await Promise.all(names.map((name) => bytesBelow(join(path, name))));
  return sizes.reduce((sum, size) => sum + size, 0);
}

test('there is a transcoder and a residual dictionary for every layer, in at most 40 MB', async () => {
  const names = folders.map((folder) => basename(folder));
  const layers = Array.from({ length: model.config.nLayers }, (_, l) => l);
  const expected = ['resid', 'transcoder'].flatMap((kind) => layers.map((l) => `${kind}-${l}`));
  assert.deepEqual(names.sort(), expected.sort());
  const all = (await bytesBelow(root)) + (await bytesBelow(crossLayer));
  assert.ok(all <= 40e6, `${all} bytes`);
});

test('every shipped dictionary was trained on the shipped model and reaches its bars on held-out text', async () => {
  for (const [i, dictionary] of dictionaries.entries()) {
    assert.equal(dictionary.config.model.hash, modelHash(model), folders[i]);
    const { l0, explainedVariance, ceRecovered } = figuresOf(
      await evaluateDictionary(model, dictionary, options),
    );
    const told = `${folders[i]}: L0 ${l0}, EV ${explainedVariance}, CE ${ceRecovered}`;
    assert.ok(l0 <= 40 && explainedVariance >= 0.85 && ceRecovered >= 0.95, told);
  }
});

test('all transcoders together keep the predictions', async () => {
  const set = dictionaries.filter((_, i) => basename(folders[i]).startsWith('transcoder'));
  const { splice } = await evaluateSet(model, set, options);
  assert.ok(splice.ceRecovered >= 0.95, `${splice.ceRecovered}`);
});

test('cards tell the spread over at least three seeds', async () => {
  for (const folder of folders) {
    const metrics = JSON.parse(await readFile(join(folder, 'metrics.json'), 'utf8'));
    assert.ok(metrics.seeds >= 3 && metrics.spread.explainedVariance.n >= 3);
  }
});

test('most features fire, and labels hold at the largest activations', async () => {
  let compared = 0;
  for (const [i, folder] of folders.entries()) {
    const labels = await readLabels(folder);
    assert.equal(labels?.dictionary, dictionaryHash(dictionaries[i]), folder);
    const { labelled, features, bar, largestBar, random } = labels;
    assert.ok(
      labelled.length > 0.6 * features,
      `${folder}: ${labelled.length} of ${features} fire`,
    );
    for (const { feature, source, concept, tokens } of labelled) {
      if (source === 'weak') continue;
      const label = source === 'concept' ? concept : tokens;
      const told = `${folder} ${feature}: ${label?.f1}, ${label?.largest}`;
      assert.ok(label && label.f1 >= bar && label.largest >= largestBar, told);
    }
    // Random directions were measured for some of the dictionaries; they are the chance level there.
    if (!random) continue;
    compared++;
    const { concept, tokens } = summariseLabels(labels);
    const own = concept.rate + tokens.rate;
    const chance = random.concept.rate + random.tokens.rate;
    assert.ok(own > 3 * chance, `${folder}: ${own} labelled, ${chance} of random directions`);
  }
  assert.ok(compared > 0);
});

test('every harvest belongs to its dictionary and opens its pages', async () => {
  for (const [i, folder] of folders.entries()) {
    const store = await openHarvest(join(folder, 'harvest'));
    assert.equal(store.info.dictionary, dictionaryHash(dictionaries[i]));
    const busiest = store.list().reduce((a, b) => (b.fired > a.fired ? b : a));
    const page = await store.page(busiest.feature);
    assert.equal(page.groups[0].examples.length, 20);
    await store.close();
  }
});

test('the cross-layer set is found by its name, keeps the predictions and has harvests and labels', async () => {
  const out: string[] = [];
  const told: string[] = [];
  const code = await run(
    [
      'trace',
      'The river of the state containing Daekwell is',
      '--dictionaries',
      'cross-layer',
      '--json',
    ],
    {
      stdout: { write: (text) => void out.push(text) },
      stderr: { write: (text) => void told.push(text) },
    },
  );
  assert.equal(code, 0, told.join(''));
  const parts = await Promise.all((await findDictionaries(crossLayer)).map(loadDictionary));
  assert.deepEqual(
    parts.map(({ config }) => config.writes.length),
    [4, 3, 2, 1],
  );
  const { splice } = await evaluateSet(model, parts, options);
  assert.ok(splice.ceRecovered >= 0.95, `${splice.ceRecovered}`);
  for (const [i, folder] of (await findDictionaries(crossLayer)).entries()) {
    const labels = await readLabels(folder);
    assert.equal(labels?.dictionary, dictionaryHash(parts[i]), folder);
    assert.ok(labels.random, folder);
    const store = await openHarvest(join(folder, 'harvest'));
    assert.equal(store.info.dictionary, dictionaryHash(parts[i]));
    await store.close();
  }
});
