import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultMixture, trainingBatch } from './data.ts';
import { selectTargets } from './targets.ts';
import { createTokenizer } from './tokenizer.ts';
import { createWorld } from './world/world.ts';

const world = createWorld();
const tokenizer = createTokenizer(world);
const options = { seed: 1, batch: 32, length: 96 };

test('a batch depends on the seed and its number alone', () => {
  const first = trainingBatch(world, tokenizer, options, 7);
  trainingBatch(world, tokenizer, options, 8);
  assert.deepEqual(trainingBatch(world, tokenizer, options, 7), first);
  assert.notDeepEqual(trainingBatch(world, tokenizer, options, 8), first);
  assert.notDeepEqual(trainingBatch(world, tokenizer, { ...options, seed: 2 }, 7), first);
});

test('targets are the next tokens, and only they have weight', () => {
  const { tokens, targets, weights } = trainingBatch(world, tokenizer, options, 0);
  const pad = tokenizer.id('<|pad|>');
  for (let row = 0; row < options.batch; row++) {
    assert.equal(tokens[row * 96], tokenizer.id('<|endoftext|>'));
    for (let pos = 0; pos < 95; pos++) {
      const at = row * 96 + pos;
      if (tokens[at + 1] !== pad) assert.equal(targets[at], tokens[at + 1]);
      if (tokens[at] === pad) assert.equal(weights[at], 0);
    }
  }
});

test('rows are full, and documents come in the shares that the mixture asks for', () => {
  let used = 0;
  let worked = 0;
  let documents = 0;
  const [think, end] = [tokenizer.id('<think>'), tokenizer.id('<|endoftext|>')];
  for (let step = 0; step < 40; step++) {
    const { targets, weights } = trainingBatch(world, tokenizer, options, step);
    used += weights.filter((weight) => weight > 0).length / weights.length;
    worked += targets.filter((id) => id === think).length;
    documents += targets.filter((id) => id === end).length;
  }
  assert.ok(used / 40 > 0.93, `${used / 40} of the positions are used`);
  // Two documents joined into one text count once, so the share is a little above the mixture's.
  const share = worked / documents;
  const asked = defaultMixture.shares['worked-sums'];
  assert.ok(share > 0.9 * asked && share < 1.3 * asked, `${share}`);
});

test('all answers enter the loss before anything else does', () => {
  const batch = trainingBatch(world, tokenizer, options, 3);
  const answers = batch.weights.filter((weight) => weight === 1).length;
  const { rows, targets, weights } = selectTargets(batch, answers + 100, 3);
  const kept = (weights.data as Float32Array).filter((weight) => weight === 1).length;
  assert.equal(kept, answers);
  assert.equal(new Set(rows.data as BigInt64Array).size, answers + 100);
  for (let i = 0; i < 50; i++) {
    assert.equal(Number(targets.data[i]), batch.targets[Number(rows.data[i])]);
  }
});
