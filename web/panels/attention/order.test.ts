import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { unpackFloats } from './floats.ts';
import { tokenLabels } from './labels.ts';
import { headRows, largest, sortHeads } from './order.ts';

const interval = (mean: number) => ({ mean, low: mean - 0.1, high: mean + 0.1, n: 16 });
const kind = (layer: number, head: number, induction: number) => ({
  layer,
  head,
  previousToken: interval(0.5),
  duplicateToken: interval(0.1),
  induction: interval(induction),
});

const rows = headRows(
  { layers: [0, 1], heads: 2 },
  {
    effects: [
      { layer: 0, head: 0, effect: 0.2 },
      { layer: 0, head: 1, effect: -3 },
      { layer: 1, head: 1, effect: 1 },
    ],
    scores: [kind(1, 0, 0.9), kind(0, 1, 0.3)],
  },
);
const names = (list: readonly { layer: number; head: number }[]) =>
  list.map(({ layer, head }) => `${layer}.${head}`);

test('heads are ordered by size of effect, whatever its sign; unknown ones come last', () => {
  assert.deepEqual(names(sortHeads(rows, 'effect')), ['0.1', '1.1', '0.0', '1.0']);
});

test('heads are ordered by score; unknown ones keep their order', () => {
  assert.deepEqual(names(sortHeads(rows, 'induction')), ['1.0', '0.1', '0.0', '1.1']);
  assert.deepEqual(names(sortHeads(rows, 'layer')), ['0.0', '0.1', '1.0', '1.1']);
});

test('every order is the same heads', () => {
  for (const sort of ['effect', 'previousToken', 'duplicateToken', 'induction'] as const) {
    assert.deepEqual(names(sortHeads(rows, sort)).sort(), names(rows).sort());
  }
});

test('the largest weights and the rest make up the row', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true })), fc.nat(12), (list, count) => {
      const { top, rest, hidden } = largest(
        list.map((weight, position) => ({ position, weight })),
        count,
      );
      assert.equal(top.length + hidden, list.length);
      const sum = top.reduce((total, { weight }) => total + weight, 0) + rest;
      assert.ok(Math.abs(sum - list.reduce((a, b) => a + b, 0)) < 1e-9);
      for (let i = 1; i < top.length; i++) assert.ok(top[i - 1].weight >= top[i].weight);
    }),
  );
});

test('packed numbers come back as they were', () => {
  const values = Float32Array.from([0, 1, -2.5, 3e-8, Number.MAX_VALUE]);
  const data = Buffer.from(values.buffer).toString('base64');
  assert.deepEqual(unpackFloats({ shape: [5], data }), values);
});

test('tokens of one character carry its text and their number', () => {
  const view = {
    tokens: [
      { id: 1, text: ' a', bytes: [32, 97], group: 0 },
      { id: 2, text: '\ufffd', bytes: [229, 174], group: 1 },
      { id: 3, text: '\ufffd', bytes: [137], group: 1 },
    ],
    groups: [
      { text: ' a', first: 0, count: 1 },
      { text: '安', first: 1, count: 2 },
    ],
  };
  assert.deepEqual(
    tokenLabels(view, (text) => text.replace(' ', '·')),
    ['·a', '安 1/2', '安 2/2'],
  );
});
