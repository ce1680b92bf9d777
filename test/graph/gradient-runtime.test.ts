import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as g from '../../src/graph/index.ts';
import { nodeRuntime } from '../../src/runtime/index.ts';
import { evaluate } from '../../src/runtime/reference/index.ts';
import { normalFeed } from '../support/finite-differences.ts';
import { caseFeeds, caseInputs, type OpCase, opCases } from '../support/op-cases.ts';

const runtime = nodeRuntime({ threads: 1, idleSessions: 0 });
const K = 3;

/** Gradients of one case for one cotangent and for a batch of them, with all they need. */
function backward(opCase: OpCase) {
  const inputs = caseInputs(opCase);
  const output = opCase.build(...inputs);
  const floats = inputs.filter(({ dtype }) => dtype === 'float32');
  const one = g.input('one', output.shape);
  const many = g.input('many', ['k', ...output.shape]);
  const single = g.vjp([output], [one], floats);
  const batch = g.batchedVjp([output], [many], floats);
  const named = (prefix: string, tensors: readonly g.Tensor[]) =>
    tensors.map((tensor, i) => [`${prefix}${i}`, tensor] as const);
  const used = [...inputs, one, many].map((node) => [`used ${node.attrs.name}`, node] as const);
  const program = g.createProgram(
    Object.fromEntries([...named('single', single), ...named('batch', batch), ...used]),
  );
  const feeds = caseFeeds(opCase, 5);
  const { shape } = evaluate(
    g.createProgram({ output, ...Object.fromEntries(used.slice(0, -2)) }),
    feeds,
  ).output;
  const cotangent = (size: readonly number[], seed: number): g.TensorData =>
    g.tensorData(Array.from(normalFeed(size, seed).data, Number), size);
  feeds.one = cotangent(shape, 6);
  feeds.many = cotangent([K, ...shape], 7);
  return { program, feeds, outputs: [...named('single', single), ...named('batch', batch)] };
}

for (const opCase of opCases.filter(({ differentiable }) => differentiable)) {
  test(`the gradient of ${opCase.name} runs on the node runtime`, async () => {
    const { program, feeds, outputs } = backward(opCase);
    const names = outputs.map(([name]) => name);
    const expected = evaluate(program, feeds, names);
    const executable = await runtime.compile(program);
    const actual = await executable.run(feeds, { outputs: names });
    for (const name of names) {
      assert.deepEqual(actual[name].shape, expected[name].shape);
      const scale = expected[name].data.reduce((top, value) => Math.max(top, Math.abs(value)), 1);
      expected[name].data.forEach((value, i) => {
        const error = Math.abs(Number(actual[name].data[i]) - value) / scale;
        assert.ok(error < 2e-5, `${name}[${i}] is ${actual[name].data[i]}, expected ${value}`);
      });
    }
    await executable.release();
  });
}
