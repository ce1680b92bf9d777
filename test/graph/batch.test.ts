import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as g from '../../src/graph/index.ts';
import { evaluate, type ReferenceArray } from '../../src/runtime/reference/index.ts';
import { type Feeds64, normalFeed, widen } from '../support/finite-differences.ts';
import { caseFeeds, caseInputs, opCases } from '../support/op-cases.ts';

const K = 3;

/** Arrays of one shape along a new leading axis. */
function stack(parts: readonly Feeds64[string][]): Feeds64[string] {
  const data = Float64Array.from(parts.flatMap((part) => Array.from(part.data, Number)));
  return { dtype: parts[0].dtype, shape: [parts.length, ...parts[0].shape], data };
}

function assertStacked(actual: ReferenceArray, parts: readonly ReferenceArray[], what: string) {
  const expected = stack(parts);
  assert.deepEqual([actual.dtype, actual.shape], [expected.dtype, expected.shape], what);
  actual.data.forEach((value, i) => {
    const error = Math.abs(value - Number(expected.data[i]));
    assert.ok(error <= 1e-12 * Math.max(1, Math.abs(value)), `${what}: element ${i}`);
  });
}

/** Inputs as outputs too, so that a program keeps those it does not compute with. */
function byName(inputs: readonly g.Tensor[]): Record<string, g.Tensor> {
  return Object.fromEntries(inputs.map((one) => [(one as g.Tensor<'input'>).attrs.name, one]));
}

/** Every non-empty choice among `n` things. */
function subsets(n: number): number[][] {
  const all = Array.from({ length: 2 ** n - 1 }, (_, mask) => mask + 1);
  return all.map((mask) => Array.from({ length: n }, (_, i) => i).filter((i) => mask & (1 << i)));
}

for (const opCase of opCases) {
  test(`batching of ${opCase.name}`, () => {
    const inputs = caseInputs(opCase);
    const output = opCase.build(...inputs);
    const program = g.createProgram({ output, ...byName(inputs) });
    const draws = Array.from({ length: K }, (_, i) => widen(caseFeeds(opCase, 10 + i)));
    for (const chosen of subsets(inputs.length)) {
      const replacements = new Map(
        chosen.map((i) => {
          const { shape, dtype } = inputs[i];
          return [inputs[i] as g.Tensor, g.input(`k${i}`, ['k', ...shape], dtype) as g.Tensor];
        }),
      );
      const [batched] = g.batchOver([output], replacements);
      assert.deepEqual(batched.shape, ['k', ...output.shape]);
      const feeds: Feeds64 = { ...draws[0] };
      for (const i of chosen) feeds[`k${i}`] = stack(draws.map((draw) => draw[`x${i}`]));
      const together = g.createProgram({
        batched,
        ...byName([...inputs, ...replacements.values()]),
      });
      const separate = draws.map((draw) => {
        const mixed = Object.fromEntries(chosen.map((i) => [`x${i}`, draw[`x${i}`]]));
        return evaluate(program, { ...draws[0], ...mixed }, ['output']).output;
      });
      const { batched: actual } = evaluate(together, feeds, ['batched']);
      assertStacked(actual, separate, `inputs ${chosen}`);
    }
  });
}

/** Two transformer-like layers with a shared table at both ends. */
function network() {
  const tokens = g.input('tokens', ['b', 't'], 'int64');
  const table = g.input('table', [7, 4]);
  const [up, down] = [g.input('up', [4, 6]), g.input('down', [6, 4])];
  const [scale, bias] = [g.input('scale', [4]), g.input('bias', [4])];
  const x = g.gather(table, tokens);
  const heads = g.transpose(g.reshape(x, ['b', 't', 2, 2]), [0, 2, 1, 3]);
  const mixed = g.attention(heads, heads, heads, g.zeros([1]), 0.7);
  const middle = g.add(x, g.reshape(g.transpose(mixed, [0, 2, 1, 3]), ['b', 't', 4]));
  const normal = g.layerNorm(middle, scale, bias, 1e-5);
  const hidden = g.gelu(g.matmul(normal, up), { approximate: 'tanh' });
  const logits = g.matmul(g.add(middle, g.matmul(hidden, down)), table, { transposeB: true });
  const weights = [table, up, down, scale, bias];
  const feeds: Feeds64 = Object.fromEntries(
    weights.map((weight, i) => [weight.attrs.name, normalFeed(weight.shape as number[], 20 + i)]),
  );
  feeds.tokens = {
    dtype: 'int64',
    shape: [2, 5],
    data: BigInt64Array.from([1n, 2n, 3n, 4n, 5n, 6n, 0n, 1n, 1n, 2n]),
  };
  return { logits, middle, x, weights, feeds };
}

test('batchedVjp agrees with vjp for each cotangent', () => {
  const { logits, middle, x, weights, feeds } = network();
  const wrt = [x, middle, ...weights];
  const one = g.input('one', logits.shape);
  const many = g.input('many', ['k', ...logits.shape]);
  const named = (tensors: g.Tensor[]) =>
    Object.fromEntries(tensors.map((tensor, i) => [`d${i}`, tensor]));
  const single = g.createProgram(named(g.vjp([logits], [one], wrt)));
  const batch = g.createProgram(named(g.batchedVjp([logits], [many], wrt)));
  const cotangents = [0, 1, 2].map((i) => normalFeed([2, 5, 7], 40 + i));
  const separate = cotangents.map((cotangent) => evaluate(single, { ...feeds, one: cotangent }));
  const together = evaluate(batch, { ...feeds, many: stack(cotangents) });
  wrt.forEach((_, i) => {
    assertStacked(
      together[`d${i}`],
      separate.map((one) => one[`d${i}`]),
      `d${i}`,
    );
  });
});

test('batchedVjp shares the forward pass and keeps products with shared matrices whole', () => {
  const { logits, x } = network();
  const many = g.input('many', ['k', ...logits.shape]);
  const program = g.createProgram({ d: g.batchedVjp([logits], [many], [x])[0] });
  const heavy = program.nodes.filter((node) =>
    ['matmul', 'gelu', 'sigmoid', 'exp'].includes(node.op),
  );
  const carries = (node: g.Tensor) => node.shape[0] === 'k';
  for (const node of heavy.filter((one) => !carries(one))) {
    assert.ok(!node.inputs.some(carries), `${node.op} drops the batch`);
  }
  for (const node of heavy.filter((one) => one.op === 'matmul' && carries(one))) {
    const shared = node.inputs.filter((one) => !carries(one));
    assert.ok(
      shared.every((one) => one.op !== 'expand'),
      'a shared operand was repeated',
    );
  }
  assert.ok(!heavy.some((node) => node.op !== 'matmul' && carries(node)));
});

test('outputs that do not depend on a replaced node are repeated', () => {
  const [a, b] = [g.input('a', [2]), g.input('b', [2])];
  const [out] = g.batchOver([g.exp(a)], new Map([[b as g.Tensor, g.input('bs', [4, 2])]]));
  assert.deepEqual(out.shape, [4, 2]);
});

test('a batch of the wrong shape or type is refused', () => {
  const a: g.Tensor = g.input('a', ['n', 2]);
  const wrong = (tensor: g.Tensor) => () => g.batchOver([g.exp(a)], new Map([[a, tensor]]));
  assert.throws(wrong(g.input('b', ['k', 'm', 2])), {
    code: 'bad-batch',
    message: 'the batch for input [n, 2] is float32 [k, m, 2], expected float32 [k, n, 2]',
  });
  assert.throws(wrong(g.input('b', ['k', 'n', 2], 'int64')), { code: 'bad-batch' });
  assert.throws(() => g.batchOver([a], new Map()), { code: 'bad-batch' });
});
