import assert from 'node:assert/strict';
import { test } from 'node:test';
import { benchNames } from '../src/bench/index.ts';
import { pairs, toMarkdown, toRows } from './rows.ts';

test('a round compares theirs with ours before and after', () => {
  const round = (before: number, after: number, theirs: number) => ({
    ours: [
      { name: 'forward16', value: before },
      { name: 'forward16', value: after },
    ],
    theirs: [
      { impl: 'a', bench: 'forward16', seconds: theirs },
      { impl: 'b', bench: 'forward16', skipped: 'cannot' },
    ],
  });
  const rows = toRows('forward16', [round(1, 3, 4), round(2, 2, 1), round(1, 1, 2)]);
  assert.deepEqual(rows, [
    {
      bench: 'forward16',
      unit: 'ms',
      ours: 2000,
      theirs: [{ impl: 'a', value: 2000, ratio: 0.5 }],
    },
  ]);
});

test('peak memory is compared without what the imports take', () => {
  const rows = toRows('forward512', [
    {
      ours: [
        { name: 'forward512', value: 0.5 },
        { name: 'memory512', value: 800e6 },
      ],
      theirs: [
        { impl: 'a', bench: 'forward512', seconds: 1, peakRssBytes: 2.1e9, importRssBytes: 0.5e9 },
      ],
    },
  ]);
  assert.equal(
    toMarkdown(rows),
    [
      '| bench | Glassbox | a (ours / theirs) |',
      '| --- | --- | --- |',
      '| forward512 | 500 ms | 1000 (0.50) |',
      '| memory512 | 800 MB | 1600 (0.50) |',
    ].join('\n'),
  );
});

test('what is compared are benches of ours', () => {
  for (const names of pairs.values())
    for (const name of names) assert.ok(benchNames.includes(name));
});
