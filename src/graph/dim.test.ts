import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  addDims,
  canonicalDim,
  type Dim,
  evaluateDim,
  multiplyDims,
  sizeOf,
  subtractDims,
  symbolsOf,
  termsOf,
} from './dim.ts';

const symbols = ['batch', 'pos', 'past', 'd_head'];
const bindings = fc.record(
  Object.fromEntries(symbols.map((symbol) => [symbol, fc.integer({ min: 0, max: 40 })])),
);

/** A dimension together with how to compute it directly. */
interface Expression {
  readonly dim: Dim;
  readonly value: (sizes: Record<string, number>) => number;
}

const { expression } = fc.letrec<{ expression: Expression }>((tie) => ({
  expression: fc.oneof(
    { maxDepth: 4 },
    fc.integer({ min: 0, max: 9 }).map((n): Expression => ({ dim: n, value: () => n })),
    fc.constantFrom(...symbols).map((name): Expression => ({ dim: name, value: (b) => b[name] })),
    fc
      .tuple(fc.constantFrom('+', '-', '*'), tie('expression'), tie('expression'))
      .map(([operator, a, b]): Expression => {
        if (operator === '+') {
          return { dim: addDims(a.dim, b.dim), value: (s) => a.value(s) + b.value(s) };
        }
        if (operator === '-') {
          return { dim: subtractDims(a.dim, b.dim), value: (s) => a.value(s) - b.value(s) };
        }
        return { dim: multiplyDims(a.dim, b.dim), value: (s) => a.value(s) * b.value(s) };
      }),
  ),
}));

test('evaluation commutes with arithmetic', () => {
  fc.assert(
    fc.property(expression, bindings, ({ dim, value }, sizes) => {
      assert.equal(evaluateDim(dim, sizes) + 0, value(sizes) + 0);
    }),
    { numRuns: 2000 },
  );
});

test('equal polynomials are equal strings', () => {
  fc.assert(
    fc.property(expression, expression, expression, ({ dim: a }, { dim: b }, { dim: c }) => {
      assert.equal(addDims(a, b), addDims(b, a));
      assert.equal(multiplyDims(a, b), multiplyDims(b, a));
      assert.equal(addDims(addDims(a, b), c), addDims(a, addDims(b, c)));
      assert.equal(multiplyDims(multiplyDims(a, b), c), multiplyDims(a, multiplyDims(b, c)));
      assert.equal(multiplyDims(a, addDims(b, c)), addDims(multiplyDims(a, b), multiplyDims(a, c)));
      assert.equal(subtractDims(addDims(a, b), b), canonicalDim(a));
    }),
    { numRuns: 1000 },
  );
});

test('the canonical spelling is stable and read back from its terms', () => {
  fc.assert(
    fc.property(expression, ({ dim }) => {
      assert.equal(canonicalDim(dim), dim);
      const total = termsOf(dim).reduce<Dim>(
        (sum, term) =>
          addDims(sum, multiplyDims(term.coefficient, sizeOf(term.symbols as readonly Dim[]))),
        0,
      );
      assert.equal(total, dim);
    }),
    { numRuns: 1000 },
  );
});

test('spellings', () => {
  assert.equal(canonicalDim('pos*batch'), 'batch*pos');
  assert.equal(addDims('past', 'pos'), 'pos+past');
  assert.equal(addDims('pos', 'past'), 'pos+past');
  assert.equal(subtractDims('pos', 1), 'pos+-1');
  assert.equal(subtractDims('pos', 'pos'), 0);
  assert.equal(canonicalDim('2*pos+3+pos'), '3*pos+3');
  assert.equal(sizeOf(['batch', 'pos', 4]), '4*batch*pos');
  assert.equal(sizeOf([]), 1);
  assert.deepEqual(symbolsOf('past+2*pos*batch').sort(), ['batch', 'past', 'pos']);
});

test('bad spellings and unbound symbols are refused by name', () => {
  assert.throws(() => canonicalDim('batch/2'), {
    code: 'bad-dimension',
    message: "'batch/2' is not a dimension",
  });
  assert.throws(() => canonicalDim(''), { code: 'bad-dimension' });
  assert.throws(() => evaluateDim('pos+past', { pos: 3 }), {
    code: 'unbound-dimension',
    message: "the size of dimension 'past' is not known",
  });
});
