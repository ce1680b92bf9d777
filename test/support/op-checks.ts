import assert from 'node:assert/strict';
import * as g from '../../src/graph/index.ts';
import { evaluate } from '../../src/runtime/reference/index.ts';
import { caseFeeds, caseInputs, type OpCase } from './op-cases.ts';

/**
 * How far a float32 runtime may be from float64, as a share of max(1, |value|): a few units in the
 * last place for one operation, more where a kernel sums, divides by small numbers or approximates.
 */
const tolerances: Partial<Record<g.OpKind, number>> = {
  // ONNX Runtime evaluates these by rational approximations.
  erf: 1e-6,
  gelu: 2e-6,
  tanh: 1e-6,
  // Sums of products, and quotients of sums.
  matmul: 2e-6,
  attention: 2e-6,
  layerNorm: 5e-6,
  layerNormInvStd: 5e-6,
  rmsNorm: 2e-6,
  logSoftmax: 2e-6,
};
const DEFAULT_TOLERANCE = 1e-6;

/** Cases are drawn from this seed everywhere, so that every runtime sees the same numbers. */
const SEED = 20;

export interface PreparedCase {
  readonly program: g.Program;
  readonly feeds: Record<string, g.TensorData>;
}

/** The program `y = op(inputs)` of a case and values for the inputs it uses. */
export function prepareCase(opCase: OpCase): PreparedCase {
  const program = g.createProgram({ y: opCase.build(...caseInputs(opCase)) });
  const values = caseFeeds(opCase, SEED);
  const names = program.inputs.map((input) => input.attrs.name);
  return { program, feeds: Object.fromEntries(names.map((name) => [name, values[name]])) };
}

/** Asserts that a runtime's result of a case is that of the reference evaluator. */
export function checkCase(opCase: OpCase, actual: g.TensorData): void {
  const { program, feeds } = prepareCase(opCase);
  const expected = evaluate(program, feeds).y;
  assert.equal(actual.dtype, expected.dtype);
  assert.deepEqual([...actual.shape], [...expected.shape]);
  const tolerance = expected.dtype === 'float32' ? (tolerances[opCase.op] ?? DEFAULT_TOLERANCE) : 0;
  for (const [i, want] of expected.data.entries()) {
    const got = Number(actual.data[i]);
    // The same infinity or NaN counts as equal; the comparison of distances does not cover those.
    if (Object.is(got, want) || got === want) continue;
    const distance = Math.abs(got - want) / Math.max(1, Math.abs(want));
    assert.ok(distance <= tolerance, `element ${i} is ${got}, expected ${want}`);
  }
}
