import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AnalysedPrompt } from '../../../src/lab/api.ts';
import { hexBytes, measureAt, shadeScale, stripGroups, tokenName } from './measures.ts';

/** "a安": one token, then a character in three. */
const prompt: AnalysedPrompt = {
  tokens: [
    { id: 1, text: 'a', bytes: [0x61], group: 0 },
    { id: 2, text: '\ufffd', bytes: [0xe5], group: 1 },
    { id: 3, text: '\ufffd', bytes: [0xae], group: 1 },
    { id: 4, text: '\ufffd', bytes: [0x89], group: 1 },
  ],
  groups: [
    { text: 'a', first: 0, count: 1 },
    { text: '安', first: 1, count: 3 },
  ],
  loss: [null, 8, 4, 0],
  prob: [null, 0.1, 0.5, 1],
  rank: [null, 1023, 1, 0],
  entropy: [2, 1, 0.5, 0],
  next: [[], [], [], []],
  meanLoss: 4,
  answer: null,
  truth: null,
};

test('tokens of one character stand under one bracket', () => {
  const groups = stripGroups(prompt, null);
  assert.deepEqual(
    groups.map(({ text, columns }) => [text, columns.map(({ a }) => a)]),
    [
      ['', [0]],
      ['安', [1, 2, 3]],
    ],
  );
});

test('two prompts keep their columns single', () => {
  const alignment = [
    { a: 0, b: 0, same: true },
    { a: 1, b: null, same: false },
  ];
  assert.equal(stripGroups(prompt, alignment).length, 2);
});

test('the shade follows each measure, and the first token has none', () => {
  const shares = (shade: 'loss' | 'probability' | 'rank' | 'entropy') => {
    const scale = shadeScale([prompt], shade);
    return prompt.tokens.map((_, position) => scale.share(measureAt(prompt, shade, position)));
  };
  assert.deepEqual(shares('loss'), [0, 1, 0.5, 0]);
  assert.deepEqual(shares('probability'), [0, 0.1, 0.5, 1]);
  assert.deepEqual(shares('rank'), [0, 1, 0.1, 0]);
  assert.deepEqual(shares('entropy'), [1, 0.5, 0.25, 0]);
});

test('a prompt without surprises stays pale', () => {
  const calm = { ...prompt, loss: [null, 0.01, 0.02, 0] };
  assert.ok(shadeScale([calm], 'loss').share(0.02) < 0.05);
});

test('a token is named so that the lab finds the same one', () => {
  assert.equal(tokenName({ id: 7, text: ' Mary' }), ' Mary');
  for (const text of ['', '\ufffd', '#5']) assert.equal(tokenName({ id: 7, text }), '#7');
  assert.equal(hexBytes([0xe5, 0x0a]), 'e5 0a');
});
