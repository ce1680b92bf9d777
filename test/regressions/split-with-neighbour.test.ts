import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTokenizer } from '../../src/model/tokenizer.ts';

const PIECES = ['<s>', 'a', 'b', 'c', '.', '-a', 'a-', '--', '-', 'ab', 'b.', '.c', '..', 'a.'];
const MERGES = ['- a', 'a -', '- -', 'a b', 'b .', '. c', '. .', 'a .'];

/** Ids of `ab--a-ab..c.a.-` by the `tokenizers` library, 0.22. */
const CASES: readonly (readonly [behavior: string, pattern: object, ids: readonly number[]])[] = [
  ['MergedWithNext', { String: '-' }, [9, 8, 5, 5, 10, 11, 4, 13, 8]],
  ['MergedWithNext', { String: '.' }, [9, 8, 5, 5, 2, 4, 11, 4, 1, 4, 8]],
  ['MergedWithNext', { Regex: '[.-]' }, [9, 8, 5, 5, 2, 4, 11, 4, 1, 4, 8]],
  ['MergedWithPrevious', { String: '-' }, [9, 8, 8, 6, 9, 4, 11, 4, 13, 8]],
  ['MergedWithPrevious', { String: '.' }, [9, 8, 5, 5, 10, 4, 3, 4, 13, 8]],
  ['MergedWithPrevious', { Regex: '[.-]' }, [9, 8, 8, 6, 9, 4, 4, 3, 4, 13, 8]],
  ['Contiguous', { String: '-' }, [9, 7, 1, 8, 9, 4, 11, 4, 13, 8]],
  ['Contiguous', { String: '.' }, [9, 8, 5, 5, 2, 12, 3, 4, 1, 4, 8]],
  ['Contiguous', { Regex: '[.-]' }, [9, 7, 1, 8, 9, 12, 3, 4, 1, 4, 8]],
  ['Isolated', { String: '-' }, [9, 8, 8, 1, 8, 9, 4, 11, 4, 13, 8]],
  ['Isolated', { Regex: '[.-]' }, [9, 8, 8, 1, 8, 9, 4, 4, 3, 4, 1, 4, 8]],
];

// Delimiters were cut off whatever the file said of them, so that other tokens came out without a word.
for (const [behavior, pattern, ids] of CASES) {
  test(`a split by ${JSON.stringify(pattern)} is ${behavior}`, () => {
    const tokenizer = createTokenizer({
      tokenizer: {
        version: '1.0',
        added_tokens: [],
        normalizer: null,
        pre_tokenizer: { type: 'Split', pattern, behavior, invert: false },
        post_processor: null,
        decoder: null,
        model: {
          type: 'BPE',
          unk_token: '<s>',
          vocab: Object.fromEntries(PIECES.map((piece, id) => [piece, id])),
          merges: MERGES,
        },
      },
    });
    assert.deepEqual([...tokenizer.encode('ab--a-ab..c.a.-')], ids);
  });
}
