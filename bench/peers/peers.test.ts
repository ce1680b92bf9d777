import assert from 'node:assert/strict';
import { test } from 'node:test';
import { largestDifference, relativeDistance } from './compare.ts';
import { agreementTable, ratios, timesTable } from './table.ts';

test('differences are relative and do not let NaN pass', () => {
  assert.equal(largestDifference([1, 2], [1, 4]), 0.5);
  assert.equal(largestDifference([0, 3], [0, 0]), 3);
  assert.equal(largestDifference([Number.NaN, 4], [1, 4]), Number.POSITIVE_INFINITY);
  assert.throws(() => largestDifference([1], [1, 2]));
  assert.equal(relativeDistance([3, 4], [0, 0], [3, 4]), 1);
  assert.equal(relativeDistance([1, 1], [1, 2], [1, 1]), 1);
});

test('ratios go round by round', () => {
  assert.deepEqual(ratios([1, 2, 4], [4, 4, 4]), { median: 2, low: 1, high: 4 });
});

test('a bar is met by the median and, better, in every round', () => {
  const side = (name: string, walls: readonly number[]) => ({
    name,
    first: { wall: 9, cpu: 9 },
    rounds: walls.map((wall) => ({ wall, cpu: 2 * wall })),
  });
  const row = (theirs: readonly number[]) =>
    timesTable(side('Glassbox', [1, 1, 2]), [side('other', theirs)], 2).split('\n')[2];
  assert.equal(
    row([2, 3, 8]),
    '| other | wall | 1.00 / 1.00 (first 9.00) | 2.00 / 3.00 (first 9.00) | 3.00 (2.00 – 4.00) | ≥ 2 met in every round |',
  );
  assert.match(row([1, 3, 8]), /≥ 2 met \|$/);
  assert.match(row([1, 1, 2]), /≥ 2 not met \|$/);
});

test('results beyond their limit differ; without one they are only told', () => {
  const [, , ...lines] = agreementTable('other', [
    { what: 'edges', difference: 1e-4, limit: 1e-3 },
    { what: 'nodes', difference: 1, limit: 0 },
    { what: 'NaN', difference: Number.NaN, limit: 1 },
    { what: 'more', difference: 2, limit: null },
  ]).split('\n');
  assert.deepEqual(
    lines.map((line) => line.split(' | ').at(-1)),
    ['agrees |', '**differs** |', '**differs** |', ' |'],
  );
});
