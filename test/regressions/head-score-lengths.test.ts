import assert from 'node:assert/strict';
import { test } from 'node:test';
import { headScores } from '../../src/microscope/heads.ts';
import { loadFixture } from '../../src/model/testing/fixtures.ts';
import { refusal } from '../support/cli.ts';

// Halves that did not fit into the context were cut without a word, and the scores were of shorter ones.
test('head scores are of the length that was asked for, or refused', async () => {
  const model = await loadFixture('gpt2');
  await assert.rejects(headScores(model, { length: 17, sequences: 2 }), { code: 'bad-option' });
  assert.equal(await refusal('heads', '--length', '5000'), 'bad-option');
});
