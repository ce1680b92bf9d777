import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  evaluateDictionary,
  featureActivations,
  parseTrainConfig,
  shufflingBuffer,
  strongestFeatures,
} from '../../src/microscope/dictionary/index.ts';
import { loadModel } from '../../src/model/index.ts';
import { randomSet } from '../support/dictionaries.ts';

const model = await loadModel(join(import.meta.dirname, '../fixtures/families/gpt2'));
model.params['blocks.0.ln2.weight'].data[0] = Number.NaN;
const [dictionary] = randomSet(model, {}).dictionaries;
const address = 'blocks.0.mlp.hook_in';
const row = [0, 5, 6, 7];

// `dict eval` printed dashes and succeeded; features on a text were empty; training blamed its learning rate.
test('activations that are NaN are named, with their address, wherever dictionaries read them', async () => {
  const refused = { code: 'not-finite', message: /blocks\.0\.mlp\.hook_in/, kind: 'input' };
  await assert.rejects(evaluateDictionary(model, dictionary, { tokens: [[row]] }), refused);
  const text = { tokens: row, features: [0] };
  await assert.rejects(featureActivations(model, dictionary, text), refused);
  await assert.rejects(strongestFeatures(model, dictionary, { tokens: row, count: 3 }), refused);
  const tokens = { name: 'rows', batch: () => [row] };
  const sources = [{ model, addresses: [address] }];
  await assert.rejects(shufflingBuffer({ sources, tokens, rows: 2, seed: 1 }).next(), refused);
});

test('a corpus that is missing says what one looks like', () => {
  assert.throws(() => parseTrainConfig({ model: 'm' }), { message: /corpus: expected \{ "world"/ });
});
