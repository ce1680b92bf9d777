import assert from 'node:assert/strict';
import * as g from '../../src/graph/index.ts';
import { evaluate } from '../../src/runtime/reference/index.ts';
import { caseFeeds, caseInputs, type OpCase } from './op-cases.ts';

/**
 * How far a float32 runtime may be from float64, as a share of max(1, |value|): a few units in the
 * last place (1.2e-7), more where a kernel sums many products.
 */
const tolerances: Partial<Record<g.OpKind, number>> = {
  matmul: 1e-6,
  attention: 1e-6,
  layerNorm: 1e-6,
};
const DEFAULT_TOLERANCE = 5e-7;

/** Cases are drawn from this seed everywhere, so that every runtime sees the same numbers. */
export const CASE_SEED = 20;

export interface PreparedCase {
  readonly program: g.Program;
  readonly feeds: Record<string, g.TensorData>;
}

/** The program `y = op(inputs)` of a case and values for the inputs it uses. */
export function prepareCase(opCase: OpCase): PreparedCase {
  const program = g.createProgram({ y: opCase.build(...caseInputs(opCase)) });
  const values = caseFeeds(opCase, CASE_SEED);
  const names = program.inputs.map((input) => input.attrs.name);
  return { program, feeds: Object.fromEntries(names.map((name) => [name, values[name]])) };
}

/** Asserts that a runtime's result of a case is that of the reference evaluator. */
export function checkCase(
  opCase: OpCase,
  actual: Pick<g.TensorData, 'dtype' | 'shape'> & { readonly data: ArrayLike<number | bigint> },
): void {
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
