import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { examplePages, examplesIn, outputOf } from '../scripts/lib/examples.ts';
import { ROOT } from '../scripts/lib/run.ts';

const trimmed = (text: string) => text.split('\n').map((line) => line.trimEnd());

let found = 0;
for (const page of examplePages()) {
  for (const example of examplesIn(readFileSync(`${ROOT}${page}`, 'utf8'))) {
    found++;
    test(`${page}:${example.line} prints what it says`, async () => {
      assert.deepEqual(trimmed(await outputOf(example)), trimmed(example.output));
    });
  }
}

test('there are examples to check', () => assert.ok(found > 0));
