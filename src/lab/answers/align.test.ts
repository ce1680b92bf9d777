import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { alignTokens } from './align.ts';

test('equally long prompts are paired by position', () => {
  assert.deepEqual(alignTokens([1, 2, 3], [1, 9, 3]), [
    { a: 0, b: 0, same: true },
    { a: 1, b: 1, same: false },
    { a: 2, b: 2, same: true },
  ]);
});

test('an insertion leaves the rest in the same columns', () => {
  assert.deepEqual(alignTokens([1, 2, 3], [1, 7, 8, 2, 3]), [
    { a: 0, b: 0, same: true },
    { a: null, b: 1, same: false },
    { a: null, b: 2, same: false },
    { a: 1, b: 3, same: true },
    { a: 2, b: 4, same: true },
  ]);
});

test('every position of both prompts has one column, in order', () => {
  const prompt = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 30 });
  fc.assert(
    fc.property(prompt, prompt, (a, b) => {
      const columns = alignTokens(a, b);
      const side = (key: 'a' | 'b') => columns.map((c) => c[key]).filter((at) => at !== null);
      assert.deepEqual(side('a'), [...a.keys()]);
      assert.deepEqual(side('b'), [...b.keys()]);
      for (const { a: i, b: j, same } of columns) {
        assert.equal(same, i !== null && j !== null && a[i] === b[j]);
      }
    }),
  );
});
