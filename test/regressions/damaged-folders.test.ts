import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { GlassboxError } from '../../src/base/error.ts';
import { writeFrontEnd } from '../../src/cli/commands/front-end.ts';
import {
  evaluateDictionary,
  harvest,
  loadAnyDictionary,
  openHarvest,
} from '../../src/microscope/dictionary/index.ts';
import { parseGraphFile } from '../../src/microscope/graph/index.ts';
import { randomSet } from '../support/dictionaries.ts';
import { writeWordsModel } from '../support/words-model.ts';

const folder = await mkdtemp(join(tmpdir(), 'glassbox-damaged-'));
after(() => rm(folder, { recursive: true }));
const model = await writeWordsModel(join(folder, 'words'));
const [dictionary] = randomSet(model, { seed: 1 }).dictionaries;

const refused = (code: string) => (error: unknown) => {
  assert.ok(error instanceof GlassboxError, String(error));
  assert.equal(error.code, code);
  return true;
};

// Each of these was told as a fault of the program, not of the folder.
test('a release that lacks a file, or holds another kind of text, is a bad dictionary', async () => {
  const files = {
    yaml: { 'config.yaml': 'a: [1, 2' },
    torch: { 'ae.pt': 'nothing' },
    saelens: { 'sae_weights.safetensors': 'nothing', 'cfg.json': '{}' },
  };
  for (const [name, contents] of Object.entries(files)) {
    const place = join(folder, name);
    await mkdir(place);
    for (const [file, text] of Object.entries(contents)) await writeFile(join(place, file), text);
    await assert.rejects(loadAnyDictionary(place), (error) => error instanceof GlassboxError, name);
  }
  await assert.rejects(loadAnyDictionary(join(folder, 'yaml')), refused('bad-dictionary'));
});

test('a harvest that lost a file is a bad harvest', async () => {
  for (const name of ['tokens.bin', 'events.bin', 'features.safetensors']) {
    const place = join(folder, `without-${name}`);
    await harvest(place, model, dictionary, {
      tokens: { name: 'one row', batch: (i) => (i === 0 ? [[3, 4, 5, 6]] : undefined) },
      batches: 1,
    });
    await rm(join(place, name));
    await assert.rejects(openHarvest(place), refused('bad-harvest'));
  }
});

test('text whose tokens are all left out gives no figures', async () => {
  const tokens = [[[3, 3, 3]]];
  const evaluating = evaluateDictionary(model, dictionary, { tokens, filter: { excluded: [3] } });
  await assert.rejects(evaluating, refused('empty-corpus'));
  // A batch without rows beside others counts nothing.
  const filter = { excluded: [3] };
  const alone = await evaluateDictionary(model, dictionary, { tokens: [[[4, 5, 6]]], filter });
  const both = await evaluateDictionary(model, dictionary, {
    tokens: [[[3, 3, 3]], [[4, 5, 6]]],
    filter,
  });
  assert.deepEqual(both.reconstruction, alone.reconstruction);
});

test('a list of graphs that is none is named, not overwritten', async () => {
  const site = join(folder, 'site');
  await mkdir(site);
  const file = parseGraphFile({
    metadata: { slug: 'a', scan: 'words', prompt: 'a', prompt_tokens: ['a'] },
    qParams: {},
    nodes: [],
    links: [],
  });
  const context = { signal: new AbortController().signal, progress: () => {} };
  for (const text of ['{"graphs": [', '{"graphs": 3}']) {
    await writeFile(join(site, 'graph-metadata.json'), text);
    const parts = { file, model, source: folder, dictionaries: [] };
    await assert.rejects(writeFrontEnd(context as never, site, parts), refused('bad-graph-list'));
  }
});
