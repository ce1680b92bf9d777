import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { startTinyLab } from '../../src/lab/testing/tiny-lab.ts';
import {
  type DictionarySet,
  harvest,
  saveDictionary,
} from '../../src/microscope/dictionary/index.ts';
import { encodePrompt } from '../../src/microscope/prompt.ts';
import { openModel } from '../../src/model/index.ts';
import { randomSet } from '../support/dictionaries.ts';
import { writeModelWithDictionaries } from '../support/dictionary-model.ts';

let set: DictionarySet;
const { folder, client, close } = await startTinyLab(async (place) => {
  set = await writeModelWithDictionaries(place);
});
const own = join(folder, 'dictionaries');
after(close);

// The answer of before was given until the lab was started again.
test('a feature asked about again after its harvest is made shows it', async () => {
  const asked = { layer: 0, index: 3 };
  const { harvest: none } = await client.ask('/api/feature', asked);
  assert.equal(none, null);
  assert.equal((await client.ask('/api/feature', asked)).provenance.cached, true);
  const model = await openModel(folder);
  const rows = [encodePrompt(model, '37 + 48 = 85')];
  await harvest(join(own, 'transcoder-0', 'harvest'), model, set.dictionaries[0], {
    tokens: { name: 'one row', batch: (i) => (i === 0 ? rows : undefined) },
    batches: 1,
  });
  await model.release();
  assert.equal((await client.ask('/api/feature', asked)).harvest?.corpus, 'one row');
});

test('a graph asked for again after its transcoders are trained anew is made of those', async () => {
  const asked = { prompt: '37 + 48 =', maxLogits: 1 };
  const first = await client.ask('/api/trace', asked);
  const model = await openModel(folder);
  const other = randomSet(model, { width: 64, activation: { kind: 'topk', k: 6 }, seed: 77 });
  await model.release();
  for (const [layer, one] of other.dictionaries.entries()) {
    await saveDictionary(join(own, `transcoder-${layer}`), one);
  }
  const second = await client.ask('/api/trace', asked);
  const features = ({ nodes }: typeof first) =>
    nodes.filter(({ kind }) => kind === 'feature').map(({ key }) => key);
  assert.notDeepEqual(features(second), features(first));
});

// A card that was cut short was "internal: Unexpected end of JSON input".
test('a damaged card is named', async () => {
  await writeFile(join(own, 'transcoder-1', 'metrics.json'), '{"figures": {');
  const { status, body } = await client.post('/api/dictionaries', {});
  assert.equal(status, 400);
  assert.equal(body.error.code, 'bad-card');
  assert.match(body.error.message, /transcoder-1/);
});
