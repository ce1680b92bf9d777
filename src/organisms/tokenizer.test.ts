import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Tokenizer } from '@huggingface/tokenizers';
import fc from 'fast-check';
import { Rng } from '../base/rng.ts';
import { trainingBatch } from './data.ts';
import { createTokenizer, tokenizerConfig, tokenizerJson } from './tokenizer.ts';
import { documentText, mechanisms } from './world/types.ts';
import { createWorld } from './world/world.ts';

const world = createWorld();
const own = createTokenizer(world);
const library = new Tokenizer(tokenizerJson(world), tokenizerConfig(96));

test('the vocabulary is small, without duplicates, and holds every byte', () => {
  assert.ok(own.size <= 4096, `${own.size} tokens`);
  assert.equal(new Set(own.tokens).size, own.size);
  assert.equal(own.decode(own.encode('\u0000\u007f')), '\u0000\u007f');
});

test('any text round-trips', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
      assert.equal(own.decode(own.encode(text)), text.toWellFormed());
    }),
    { numRuns: 500 },
  );
});

test('the library reads tokenizer.json to the same ids', () => {
  const check = (text: string) => {
    const { ids } = library.encode(text);
    assert.deepEqual(ids, [0, ...own.encode(text)], JSON.stringify(text));
  };
  fc.assert(fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), check), { numRuns: 300 });
  const rng = new Rng(1);
  for (const mechanism of mechanisms) {
    for (let i = 0; i < 20; i++) check(documentText(world.write(mechanism, rng, 'train')));
  }
});

test('words of the world are single tokens; only invented unknown names are spelled out', () => {
  const rng = new Rng(2);
  for (const mechanism of mechanisms.filter((name) => name !== 'unknown')) {
    for (let i = 0; i < 200; i++) {
      const text = documentText(world.write(mechanism, rng, 'train'));
      const spelled = own
        .encode(text)
        .map((id) => own.tokens[id])
        .filter((token) => /^[A-Za-zĠ]$/.test(token));
      assert.deepEqual(
        spelled.filter((token) => !/^[aAIQĠ]$/.test(token)),
        [],
        text,
      );
    }
  }
});

test('a mark or an earlier sentence does not cut the words after it into bytes', () => {
  for (let step = 0; step < 5; step++) {
    const { tokens } = trainingBatch(world, own, { seed: 3, batch: 32, length: 96 }, step);
    const bytes = [...tokens]
      .map((id) => own.tokens[id])
      .filter((token) => /^[^ -~Ġ]$/.test(token));
    assert.deepEqual(bytes, []);
  }
});

test('digits and Han characters are single tokens', () => {
  assert.equal(own.encode('37 + 48 = 85').length, 8);
  assert.equal(own.encode('大小').length, 2);
});

test('a lone surrogate becomes the replacement character', () => {
  assert.equal(own.decode(own.encode('a\ud800b')), 'a\ufffdb');
});
