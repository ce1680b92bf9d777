import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { harvest } from '../../src/microscope/dictionary/index.ts';
import { loadModel } from '../../src/model/index.ts';
import { randomSet } from '../support/dictionaries.ts';

const folder = await mkdtemp(join(tmpdir(), 'harvest-ends-'));
after(() => rm(folder, { recursive: true, force: true }));
const model = await loadModel(join(import.meta.dirname, '../fixtures/families/gpt2'));
const [dictionary] = randomSet(model, {}).dictionaries;
const tokens = { name: 'one batch', batch: (i: number) => (i < 3 ? [[0, 5, 6, 7, 8]] : undefined) };
const options = { tokens, batches: 3 };

// Killed between writing the index and naming the folder, the next call looked for chunks that were gone.
test('a harvest killed while it was tidied up is carried on with', async () => {
  const whole = join(folder, 'whole');
  const info = await harvest(whole, model, dictionary, options);
  const killed = join(folder, 'killed');
  await cp(whole, `${killed}.partial`, { recursive: true });
  const { model: name, corpus, excluded, dictionary: hash } = info!;
  const state = { model: name, corpus, excluded, dictionary: hash, done: 3 };
  await writeFile(join(`${killed}.partial`, 'state.json'), JSON.stringify(state));
  await writeFile(join(`${killed}.partial`, 'chunk-00002.bin'), 'what was not deleted yet');
  await writeFile(join(`${killed}.partial`, 'state.json.123.ab.tmp'), 'a write that did not end');
  assert.deepEqual(await harvest(killed, model, dictionary, options), info);
  assert.deepEqual(await readdir(killed), await readdir(whole));
  for (const file of await readdir(whole)) {
    assert.deepEqual(await readFile(join(killed, file)), await readFile(join(whole, file)));
  }
});

// All text was read before the rename failed with "internal: ENOTEMPTY".
test('a folder with other files in it is refused before anything is read', async () => {
  const taken = join(folder, 'taken');
  await mkdir(taken);
  await writeFile(join(taken, 'notes.txt'), 'mine');
  await assert.rejects(harvest(taken, model, dictionary, options), { code: 'folder-not-empty' });
  assert.deepEqual(await readdir(taken), ['notes.txt']);
});

test('a damaged state of an unfinished harvest is named', async () => {
  const path = join(folder, 'damaged');
  await mkdir(`${path}.partial`);
  await writeFile(join(`${path}.partial`, 'state.json'), '{"done": 1');
  await assert.rejects(harvest(path, model, dictionary, options), { code: 'bad-harvest' });
});

// Activations that are NaN counted as silent.
test('a model with NaN in its weights is not harvested', async () => {
  const sick = await loadModel(join(import.meta.dirname, '../fixtures/families/gpt2'));
  sick.params['blocks.0.ln2.weight'].data[0] = Number.NaN;
  const path = join(folder, 'sick');
  await assert.rejects(harvest(path, sick, dictionary, options), { code: 'not-finite' });
});
