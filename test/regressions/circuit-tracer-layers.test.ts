import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import {
  loadAnyDictionary,
  saveCircuitTracer,
} from '../../src/microscope/dictionary/formats/index.ts';
import { asSet } from '../../src/microscope/dictionary/set.ts';

const folder = await mkdtemp(join(tmpdir(), 'glassbox-layers-'));
after(() => rm(folder, { recursive: true }));
const fixtures = join(import.meta.dirname, '../fixtures/dictionaries');
const load = async (path: string) => (await loadAnyDictionary(join(fixtures, path))).dictionaries;

// The layer of a file is its number: layer 1 alone was written as layer 0, a crosscoder as a transcoder without its second half.
test('only whole sets in order of layers are written for circuit-tracer', async () => {
  const set = await load('circuit-tracer-set');
  const cross = await load('circuit-tracer-clt');
  const wrong = [
    [set[1]],
    [set[1], set[0]],
    [set[0], set[0]],
    [cross[1]],
    [cross[0]],
    [cross[0], set[1], set[1]],
    await load('crosscoder'),
    await load('saelens-topk'),
  ];
  for (const [i, dictionaries] of wrong.entries()) {
    await assert.rejects(
      saveCircuitTracer(join(folder, String(i)), asSet(dictionaries)),
      { code: 'bad-dictionary-set' },
      `case ${i}`,
    );
  }
  assert.deepEqual(await readdir(folder), []);
});
