import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import * as g from '../../src/graph/index.ts';
import { evaluate } from '../../src/runtime/reference/index.ts';
import { assertGradient, normalFeed } from '../support/finite-differences.ts';

/** Smooth, bounded building blocks over matrices `[n, m]`, `[n, 1]`, `[1, m]` and scalars alike. */
const blocks: readonly ((a: g.Tensor, b: g.Tensor) => g.Tensor)[] = [
  (a, b) => g.add(a, b),
  (a, b) => g.sub(a, g.mul(b, 0.5)),
  (a, b) => g.mul(g.tanh(a), b),
  (a, b) => g.div(a, g.add(g.square(b), 1)),
  (a) => g.sin(a),
  (a) => g.gelu(a),
  (a) => g.gelu(a, { approximate: 'tanh' }),
  (a) => g.silu(g.neg(a)),
  (a) => g.sum(g.mul(a, 0.25), { axes: 0, keepDims: true }),
  (a) => g.mean(a, { axes: 1, keepDims: true }),
  (a) => g.mean(a, { keepDims: true }),
  (a) => g.softmax(a),
  (a) => g.logSoftmax(a, 0),
  (a, b) => g.matmul(g.matmul(a, b, { transposeB: a.shape[1] === b.shape[1], alpha: 0.5 }), b),
  (a) => g.transpose(g.transpose(g.sigmoid(a), [1, 0]), [1, 0]),
  (a) => g.cumsum(a, { axis: 0, reverse: true }),
  (a, b) => g.concat([g.slice(a, { axis: 0, end: 1 }), g.slice(b, { axis: 0, end: 1 })], 0),
  (a) => g.expand(g.mean(a, { axes: 0, keepDims: true }), ['n', a.shape[1]]),
  (a) => g.reshape(g.reshape(a, [g.sizeOf(a.shape)]), a.shape),
  (a) => g.where(g.greater(g.stopGradient(a), 1e6), 0, a),
];

interface Step {
  readonly block: number;
  readonly left: number;
  readonly right: number;
}

const steps = fc.array(
  fc.record({
    block: fc.nat(blocks.length - 1),
    left: fc.nat(),
    right: fc.nat(),
  }),
  { minLength: 2, maxLength: 12 },
);

const N = 3;
const M = 4;

/** A scalar of three inputs; a block that does not fit its operands is left out. */
function build(plan: readonly Step[]) {
  const inputs = [g.input('x', ['n', M]), g.input('column', ['n', 1]), g.input('row', [1, M])];
  const pool: g.Tensor[] = [...inputs];
  for (const { block, left, right } of plan) {
    try {
      pool.push(blocks[block](pool[left % pool.length], pool[right % pool.length]));
    } catch (error) {
      assert.equal((error as { code?: string }).code, 'bad-graph');
    }
  }
  const last = pool.slice(3).map((node) => g.mean(g.square(node)));
  const loss = [...last, ...inputs.map((one) => g.mean(one))].reduce((a, b) => g.add(a, b));
  return { inputs, loss };
}

const feeds = () => ({
  x: normalFeed([N, M], 1),
  column: normalFeed([N, 1], 2),
  row: normalFeed([1, M], 3),
});

test('gradients of random graphs agree with finite differences', () => {
  fc.assert(
    fc.property(steps, (plan) => {
      const { inputs, loss } = build(plan);
      assertGradient(loss, inputs, feeds());
    }),
    { numRuns: 300, seed: 7 },
  );
});

test('random graphs hash by structure, and merging keeps their values bit for bit', () => {
  fc.assert(
    fc.property(steps, (plan) => {
      const [first, second] = [build(plan), build(plan)];
      const program = g.createProgram({ loss: first.loss });
      assert.equal(g.createProgram({ loss: second.loss }).hash, program.hash);
      const whole = {
        ...program,
        outputs: [{ name: 'loss', tensor: first.loss }],
        nodes: g.topologicalOrder([first.loss]),
      };
      assert.ok(program.nodes.length <= whole.nodes.length);
      assert.deepEqual(evaluate(program, feeds()), evaluate(whole, feeds()));
    }),
    { numRuns: 200, seed: 8 },
  );
});
