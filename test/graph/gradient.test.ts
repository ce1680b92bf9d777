import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as g from '../../src/graph/index.ts';
import { evaluate, type ReferenceFeed } from '../../src/runtime/reference/index.ts';
import { assertGradient, normalFeed } from '../support/finite-differences.ts';

const values = (numbers: number[], shape = [numbers.length]): ReferenceFeed => ({
  dtype: 'float32',
  shape,
  data: Float64Array.from(numbers),
});

function run(outputs: Record<string, g.Tensor>, feeds: Record<string, ReferenceFeed>) {
  const results = evaluate(g.createProgram(outputs), feeds);
  return Object.fromEntries(
    Object.entries(results).map(([name, { data }]) => [name, Array.from(data)]),
  );
}

test('stopGradient passes the value and no gradient', () => {
  const x = g.input('x', [2]);
  const y = g.mul(g.stopGradient(g.square(x)), x);
  const [dx] = g.grad(g.sum(y), [x]);
  assert.deepEqual(run({ y, dx }, { x: values([2, 3]) }), { y: [8, 27], dx: [4, 9] });
});

test('straightThrough has the value of one and the gradient of the other', () => {
  const x = g.input('x', [3]);
  const step = g.straightThrough(g.floor(x), g.mul(x, 5));
  const [dx] = g.grad(g.sum(step), [x]);
  const feeds = { x: values([0.5, 1.5, -0.5]) };
  assert.deepEqual(run({ step, dx }, feeds), { step: [0, 1, -1], dx: [5, 5, 5] });
});

test('discrete operations pass no gradient', () => {
  const x = g.input('x', [2]);
  const mask = g.cast(g.greater(x, 0), 'float32');
  const y = g.add(g.mul(mask, x), g.floor(x));
  const [dx] = g.grad(g.sum(y), [x]);
  assert.deepEqual(run({ dx }, { x: values([1.5, -1.5]) }), { dx: [1, 0] });
});

test('what the loss does not depend on gets zeros of its shape', () => {
  const [x, y] = [g.input('x', ['n']), g.input('y', [2, 'n'])];
  const [dx, dy] = g.grad(g.sum(x), [x, y]);
  const results = run({ x, dx, dy }, { x: values([1, 2, 3]) });
  assert.deepEqual(
    [results.dx, results.dy],
    [
      [1, 1, 1],
      [0, 0, 0, 0, 0, 0],
    ],
  );
});

test('gradients reach intermediate values, also those above other wanted ones', () => {
  const x = g.input('x', [2]);
  const middle = g.mul(x, 3);
  const loss = g.sum(g.square(middle));
  const [dx, dMiddle, dLoss] = g.grad(loss, [x, middle, loss]);
  const results = run({ dx, dMiddle, dLoss }, { x: values([1, 2]) });
  assert.deepEqual(results, { dx: [18, 36], dMiddle: [6, 12], dLoss: [1] });
});

test('a sum over repeated axes counts every repetition', () => {
  const column = g.input('column', ['n', 1]);
  const row = g.input('row', [1, 'm']);
  const scalar = g.input('scalar', []);
  const loss = g.mean(g.add(g.add(column, row), scalar));
  const grads = g.grad(g.mul(loss, 12), [column, row, scalar]);
  const feeds = {
    column: values([1, 2, 3], [3, 1]),
    row: values([1, 2], [1, 2]),
    scalar: values([1], []),
  };
  const [dColumn, dRow, dScalar] = grads;
  const results = run({ dColumn, dRow, dScalar, loss }, feeds);
  assert.deepEqual(results, { dColumn: [4, 4, 4], dRow: [6, 6], dScalar: [12], loss: [4.5] });
});

test('vjp weighs several outputs', () => {
  const x = g.input('x', [2]);
  const [c, d] = [g.input('c', [2]), g.input('d', [])];
  const [dx] = g.vjp([g.square(x), g.sum(g.mul(x, 10))], [c, d], [x]);
  const feeds = { x: values([1, 2]), c: values([3, 5]), d: values([7], []) };
  assert.deepEqual(run({ dx }, feeds), { dx: [76, 90] });
});

test('the extreme of equal values shares its gradient', () => {
  const x = g.input('x', [4]);
  const [dx] = g.grad(g.max(x), [x]);
  const [dy] = g.grad(g.sum(g.maximum(x, 2)), [x]);
  assert.deepEqual(run({ dx, dy }, { x: values([2, 2, 1, -1]) }), {
    dx: [0.5, 0.5, 0, 0],
    dy: [0.5, 0.5, 0, 0],
  });
});

test('fourth derivatives', () => {
  const x = g.input('x', [1]);
  let y: g.Tensor = g.exp(g.mul(x, 2));
  for (let order = 0; order < 4; order++) [y] = g.grad(g.sum(y), [x]);
  const [value] = run({ y }, { x: values([0.25]) }).y;
  assert.ok(Math.abs(value - 16 * Math.exp(0.5)) < 1e-12);
});

test('bad requests are refused by name', () => {
  const [x, tokens] = [g.input('x', ['n', 2]), g.input('tokens', ['n'], 'int64')];
  assert.throws(() => g.grad(x, [x]), {
    code: 'bad-gradient',
    message: 'the loss is input [n, 2], not a scalar',
  });
  assert.throws(() => g.grad(g.sum(x), [tokens]), {
    message: 'input [n] is int64 and has no gradient',
  });
  assert.throws(() => g.vjp([x], [], [x]), { message: '1 outputs but 0 cotangents' });
  assert.throws(() => g.vjp([x], [g.sum(x)], [x]), {
    message: 'the cotangent of input [n, 2] has shape []',
  });
});

test('the gradient of a shared weight is one product over all rows', () => {
  const [x, w] = [g.input('x', ['batch', 'pos', 4]), g.input('w', [4, 8])];
  const loss = g.sum(g.square(g.matmul(x, w)));
  const program = g.createProgram({ dw: g.grad(loss, [w])[0] });
  const products = program.nodes.filter((node) => node.op === 'matmul');
  assert.deepEqual(
    products.map((node) => node.inputs.map((one) => one.shape)),
    [
      [
        ['batch', 'pos', 4],
        [4, 8],
      ],
      [
        ['batch*pos', 4],
        ['batch*pos', 8],
      ],
    ],
  );
  assert.ok(!program.nodes.some((node) => node.op === 'transpose' || node.op === 'reduceSum'));
});

test('the gradient of a split is one concatenation, and of overlapping slices a sum', () => {
  const x = g.input('x', [2, 'n']);
  const y = g.input('y', [2, 'n']);
  const both = g.concat([x, y], 1);
  const [a, b] = g.split(both, 1, ['n', 'n']);
  const ops = (loss: g.Tensor, wrt: g.Tensor) =>
    g.createProgram({ d: g.grad(loss, [wrt])[0] }).nodes.map((node) => node.op);
  const tiled = ops(g.sum(g.mul(g.exp(a), g.sin(b))), both);
  assert.ok(tiled.filter((op) => op === 'concat').length === 2 && !tiled.includes('pad'));
  const long = g.slice(both, { axis: 1, end: '2*n+-1' });
  assert.ok(
    ops(g.sum(g.mul(g.exp(long), g.slice(both, { axis: 1, start: 1 }))), both).includes('pad'),
  );
});

test('padded cotangents of the caller are added as they are', () => {
  const x = g.input('x', [4]);
  const half = g.input('half', [2]);
  const left = g.pad(half, { axis: 0, after: 2, value: 5 });
  const right = g.pad(half, { axis: 0, before: 2, value: 7 });
  const [dx] = g.vjp([x, x], [left, right], [x]);
  assert.deepEqual(run({ dx }, { half: values([1, 2]) }), { dx: [8, 9, 6, 7] });
});

test('the loss of a language model needs one dense array over the vocabulary', () => {
  const logits = g.input('logits', ['n', 11]);
  const targets = g.input('targets', ['n', 1], 'int64');
  const loss = g.neg(g.mean(g.gatherElements(g.logSoftmax(logits), targets)));
  const [d] = g.grad(loss, [logits]);
  const program = g.createProgram({ d });
  assert.ok(!program.nodes.some((node) => node.op === 'expand' && node.shape[1] === 11));
  assertGradient(loss, [logits], {
    logits: normalFeed([3, 11], 5),
    targets: { dtype: 'int64', shape: [3, 1], data: BigInt64Array.of(1n, 0n, 10n) },
  });
});
