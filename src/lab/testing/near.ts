import assert from 'node:assert/strict';

/** Asserts that two lists of numbers agree to a millionth; null counts as 0. */
export function assertNear(
  actual: ArrayLike<number | null>,
  expected: ArrayLike<number | null>,
): void {
  assert.equal(actual.length, expected.length);
  for (let i = 0; i < actual.length; i++) {
    const [a, b] = [actual[i] ?? 0, expected[i] ?? 0];
    assert.ok(Math.abs(a - b) <= 1e-6 * Math.max(1, Math.abs(b)), `${i}: ${a} and ${b}`);
  }
}
