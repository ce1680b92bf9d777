import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as g from './index.ts';

const fresh = () => ({
  x: g.input('x', ['batch', 'pos', 4]),
  w: g.input('w', [4, 8]),
  b: g.input('b', [8]),
});

const layer = () => {
  const { x, w, b } = fresh();
  return g.relu(g.add(g.matmul(x, w), b));
};

test('the same structure hashes the same, in whatever order it was built', () => {
  const first = g.createProgram({ y: layer() });
  assert.equal(g.createProgram({ y: layer() }).hash, first.hash);
  const b = g.input('b', [8]);
  const w = g.input('w', [4, 8]);
  const product = g.matmul(g.input('x', ['batch', 'pos', 4]), w);
  assert.equal(g.createProgram({ y: g.relu(g.add(product, b)) }).hash, first.hash);
});

test('every part of the structure shows in the hash', () => {
  const { x, w, b } = fresh();
  const programs: Record<string, g.Tensor>[] = [
    { y: g.mul(x, 2) },
    { y: g.mul(x, 3) },
    { z: g.mul(x, 2) },
    { y: g.mul(x, 2), z: x },
    { y: g.mul(g.input('other', ['batch', 'pos', 4]), 2) },
    { y: g.mul(g.input('x', ['batch', 'pos', 5]), 2) },
    { y: g.add(x, 2) },
    { y: g.sum(x) },
    { y: g.sum(x, { axes: 0 }) },
    { y: g.sub(g.matmul(x, w), b) },
    { y: g.sub(b, g.matmul(x, w)) },
    { y: g.matmul(x, w, { alpha: 2 }) },
    { y: g.pad(x, { axis: 0, after: 1, value: Number.POSITIVE_INFINITY }) },
    { y: g.pad(x, { axis: 0, after: 1, value: Number.NEGATIVE_INFINITY }) },
    { y: g.pad(x, { axis: 0, after: 1, value: Number.NaN }) },
    { y: g.pad(x, { axis: 0, after: 1, value: 0 }) },
    { y: g.pad(x, { axis: 0, after: 1, value: -0 }) },
    { y: g.constant(g.tensorData([1], [1])) },
    { y: g.constant(g.tensorData([1], [])) },
    { y: g.constant(g.tensorData([1], [1], 'int64')) },
    { y: g.constant(g.tensorData([0], [1])) },
    { y: g.constant(g.tensorData([-0], [1])) },
    { y: g.constant(g.tensorData(new Array(100).fill(1), [100])) },
    { y: g.constant(g.tensorData([...new Array(99).fill(1), 2], [100])) },
  ];
  const hashes = programs.map((outputs) => g.createProgram(outputs).hash);
  assert.equal(new Set(hashes).size, programs.length);
  for (const hash of hashes) assert.match(hash, /^[0-9a-f]{64}$/);
});

test('nodes that compute the same are merged, unused ones dropped', () => {
  const { x, w, b } = fresh();
  g.exp(g.matmul(x, w));
  const twice = () => g.tanh(g.add(g.matmul(x, w), b));
  const program = g.createProgram({ y: g.mul(twice(), twice()), same: twice() });
  const ops = program.nodes.map((node) => node.op);
  assert.deepEqual(ops, ['input', 'input', 'input', 'matmul', 'add', 'tanh', 'mul']);
  const product = program.nodes.at(-1)!;
  assert.equal(product.inputs[0], product.inputs[1]);
  assert.equal(program.outputs[1].tensor, product.inputs[0]);
  assert.deepEqual(
    program.inputs.map((node) => node.attrs.name),
    ['x', 'w', 'b'],
  );
});

test('merging keeps apart what only looks the same', () => {
  const x = g.input('x', [3]);
  const [up, down] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY].map((value) =>
    g.pad(x, { axis: 0, after: 1, value }),
  );
  const program = g.createProgram({ up, down });
  assert.notEqual(program.outputs[0].tensor, program.outputs[1].tensor);
});

test('dimensions have one spelling', () => {
  const x = g.input('x', ['batch', 'pos']);
  const program = g.createProgram({
    a: g.reshape(x, ['batch*pos']),
    b: g.reshape(x, ['pos*batch']),
  });
  assert.equal(program.outputs[0].tensor, program.outputs[1].tensor);
});

test('the verifier names the node and both shapes', () => {
  const { x } = fresh();
  const node = g.exp(x);
  const forged = { ...node, shape: [7, 4] };
  assert.throws(() => g.createProgram({ y: forged }), {
    code: 'bad-graph',
    message: `node ${node.id} exp [7, 4]: the rule of exp gives float32 [batch, pos, 4], recorded is float32`,
  });
});

test('the verifier refuses names used twice and sizes nobody knows', () => {
  const clash = g.add(g.input('x', [2]), g.input('x', [1]));
  assert.throws(() => g.createProgram({ clash }), { message: /already named 'x'/ });
  assert.throws(() => g.createProgram({ y: g.zeros(['pos', 2]) }), {
    message: /no input binds the dimension 'pos'/,
  });
  const unsolved = g.exp(g.input('x', ['past+pos']));
  assert.throws(() => g.createProgram({ unsolved }), { message: /no input binds/ });
});

test('shape errors name the operation, its operands and what was expected', () => {
  const { x, w, b } = fresh();
  const cases: [() => unknown, string][] = [
    [
      () => g.matmul(w, w),
      'matmul(input [4, 8], input [4, 8]): inner sizes of [4, 8] and [4, 8] differ',
    ],
    [
      () => g.add(x, g.input('y', ['pos', 'batch', 4])),
      'add(input [batch, pos, 4], input [pos, batch, 4]): shapes [batch, pos, 4] and [pos, batch, 4] do not broadcast',
    ],
    [() => g.reshape(b, [3, 3]), 'reshape(input [8]): cannot reshape [8] to [3, 3]: sizes differ'],
    [
      () => g.add(b, g.iota(8)),
      'add(input [8], iota [8]): operands have different types float32 and int64',
    ],
    [
      () => g.layerNorm(x, b, b, 1e-5),
      'layerNorm(input [batch, pos, 4], input [8], input [8]): scale has shape [8], expected [4]',
    ],
    [
      () => g.slice(b, { axis: 0, end: 9 }),
      'slice(input [8]): bounds 0..9 pass the end of axis 0 of [8]',
    ],
    [() => g.topK(b, 9), 'topKValues(input [8]): k = 9 exceeds the axis size 8'],
    [() => g.concat([w, b], 0), 'concat(input [4, 8], input [8]): ranks of [4, 8] and [8] differ'],
    [
      () => g.constant({ dtype: 'float32', shape: [3], data: new Float32Array(2) }),
      'constant(): 2 elements do not fill shape [3]',
    ],
  ];
  for (const [build, message] of cases) assert.throws(build, { code: 'bad-graph', message });
  assert.throws(() => g.sum(b, { axes: 1 }), {
    code: 'bad-axis',
    message: 'axis 1 is outside shape [8]',
  });
});
