import { test } from 'node:test';
import * as g from '../../src/graph/index.ts';
import { evaluate } from '../../src/runtime/reference/index.ts';
import {
  assertGradient,
  normalFeed,
  randomProjection,
  widen,
} from '../support/finite-differences.ts';
import { caseFeeds, caseInputs, opCases } from '../support/op-cases.ts';

/** The concrete shape of a tensor under the feeds of a case. */
function shapeUnder(tensor: g.Tensor, feeds: ReturnType<typeof widen>): readonly number[] {
  return evaluate(g.createProgram({ tensor, ...inputsOf(tensor) }), feeds).tensor.shape;
}

/** Every input of a graph under its name, so that all feeds are used. */
function inputsOf(tensor: g.Tensor): Record<string, g.Tensor> {
  const found = g.topologicalOrder([tensor]).filter((node) => node.op === 'input');
  return Object.fromEntries(
    found.map((node) => [`used ${(node as g.Tensor<'input'>).attrs.name}`, node]),
  );
}

for (const opCase of opCases.filter(({ differentiable }) => differentiable)) {
  test(`gradient of ${opCase.name}`, () => {
    const inputs = caseInputs(opCase);
    const feeds = widen(caseFeeds(opCase, 1));
    const output = opCase.build(...inputs);
    const floats = inputs.filter(({ dtype }) => dtype === 'float32');

    const first = randomProjection([output], 'c');
    const given = { ...feeds, c0: normalFeed(shapeUnder(output, feeds), 2) };
    assertGradient(first.loss, [...floats, ...first.weights], given);

    const second = randomProjection(g.grad(first.loss, floats), 'd');
    const directions = floats.map(({ attrs }, i) => [
      `d${i}`,
      normalFeed(feeds[attrs.name].shape, 3 + i),
    ]);
    const all = { ...given, ...Object.fromEntries(directions) };
    // Keeps every input in the program where the gradient no longer depends on it.
    const anchor = [...inputs, ...first.weights]
      .map((node) => g.mul(g.sum(g.cast(node, 'float32')), 0))
      .reduce((a, b) => g.add(a, b));
    assertGradient(g.add(second.loss, anchor), floats, all);
  });
}
