import assert from 'node:assert/strict';
import { Rng } from '../../src/base/index.ts';
import * as g from '../../src/graph/index.ts';
import { evaluate, type ReferenceFeed } from '../../src/runtime/reference/index.ts';

/** Feeds of float64 precision. */
export type Feeds64 = Record<string, ReferenceFeed>;

/** Fed values with their float32 arrays widened, so that small steps are not rounded away. */
export function widen(feeds: Readonly<Record<string, g.TensorData>>): Feeds64 {
  return Object.fromEntries(
    Object.entries(feeds).map(([name, { dtype, shape, data }]) => [
      name,
      { dtype, shape, data: dtype === 'float32' ? Float64Array.from(data as Float32Array) : data },
    ]),
  );
}

/** The derivative of a scalar output along every element of one input, by a five-point stencil. */
function numericGradient(program: g.Program, feeds: Feeds64, name: string): Float64Array {
  const data = feeds[name].data as Float64Array;
  const h = 1e-3;
  const at = (i: number, step: number) => {
    const kept = data[i];
    data[i] = kept + step;
    const { loss } = evaluate(program, feeds, ['loss']);
    data[i] = kept;
    return loss.data[0];
  };
  return data.map((_, i) => {
    const near = at(i, h) - at(i, -h);
    const far = at(i, 2 * h) - at(i, -2 * h);
    return (8 * near - far) / (12 * h);
  });
}

/**
 * Asserts that the gradient of a loss with respect to each input agrees with finite differences in
 * float64. The error is relative to the largest entry, and to 1 where all entries are small.
 */
export function assertGradient(
  loss: g.Tensor,
  inputs: readonly g.Tensor<'input'>[],
  feeds: Feeds64,
  tolerance = 1e-6,
): void {
  const grads = g.grad(loss, inputs);
  const outputs = Object.fromEntries(inputs.map(({ attrs }, i) => [`d ${attrs.name}`, grads[i]]));
  const program = g.createProgram({ loss, ...outputs });
  const analytic = evaluate(program, feeds);
  for (const { attrs } of inputs) {
    const expected = numericGradient(program, feeds, attrs.name);
    const actual = analytic[`d ${attrs.name}`];
    assert.deepEqual(actual.shape, feeds[attrs.name].shape);
    const scale = expected.reduce((top, value) => Math.max(top, Math.abs(value)), 1);
    expected.forEach((value, i) => {
      const error = Math.abs(value - actual.data[i]) / scale;
      assert.ok(
        error < tolerance,
        `d/d${attrs.name}[${i}]: rule ${actual.data[i]}, finite differences ${value}`,
      );
    });
  }
}

/** A scalar that weighs every element of the tensors differently, with fixed random weights. */
export function randomProjection(
  tensors: readonly g.Tensor[],
  prefix: string,
): { loss: g.Tensor; weights: g.Tensor<'input'>[] } {
  const weights = tensors.map((tensor, i) => g.input(`${prefix}${i}`, tensor.shape));
  const terms = tensors.map((tensor, i) => g.sum(g.mul(tensor, weights[i])));
  return { loss: terms.reduce((a, b) => g.add(a, b)), weights };
}

/** Standard normal values for an input. */
export function normalFeed(shape: readonly number[], seed: number): ReferenceFeed {
  const rng = new Rng(seed);
  const count = shape.reduce((a, b) => a * b, 1);
  return {
    dtype: 'float32',
    shape,
    data: Float64Array.from({ length: count }, () => rng.normal()),
  };
}
