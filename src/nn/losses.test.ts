import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { constant, tensorData } from '../graph/build.ts';
import type { Tensor } from '../graph/op.ts';
import { createProgram } from '../graph/program.ts';
import { nodeRuntime } from '../runtime/node/index.ts';
import {
  accuracy,
  binaryCrossEntropy,
  crossEntropy,
  klDivergence,
  meanSquaredError,
  tokenLosses,
} from './losses.ts';

const runtime = nodeRuntime();

async function evaluate(tensor: Tensor): Promise<number[]> {
  const executable = await runtime.compile(createProgram({ out: tensor }));
  const { out } = await executable.run({});
  const values = Array.from(out.data, Number);
  await executable.release();
  return values;
}

const float = (rows: readonly (readonly number[])[]) =>
  constant(tensorData(rows.flat(), [rows.length, rows[0].length]));
const vector = (values: readonly number[]) => constant(tensorData(values, [values.length]));
const ids = (values: readonly number[]) => constant(tensorData(values, [values.length], 'int64'));
const mask = (values: readonly boolean[]) =>
  constant(tensorData(values.map(Number), [values.length], 'bool'));

/** log Σ exp in float64, the definition. */
const logSumExp = (row: readonly number[]) => {
  const top = Math.max(...row);
  return top + Math.log(row.reduce((sum, x) => sum + Math.exp(x - top), 0));
};
const average = (values: readonly number[], weights = values.map(() => 1)) => {
  const total = weights.reduce((a, b) => a + b, 0);
  return total === 0 ? 0 : values.reduce((sum, v, i) => sum + v * weights[i], 0) / total;
};
const close = (actual: number, expected: number) =>
  assert.ok(
    Math.abs(actual - expected) <= 2e-5 * Math.max(1, Math.abs(expected)),
    `${actual} is not ${expected}`,
  );

const logit = fc.double({ min: -20, max: 20, noNaN: true }).map(Math.fround);
const batch = fc.integer({ min: 1, max: 4 }).chain((tokens) =>
  fc.record({
    logits: fc.array(fc.array(logit, { minLength: 5, maxLength: 5 }), {
      minLength: tokens,
      maxLength: tokens,
    }),
    targets: fc.array(fc.nat(4), { minLength: tokens, maxLength: tokens }),
    weights: fc.array(fc.constantFrom(0, 0.5, 1, 2), { minLength: tokens, maxLength: tokens }),
    labelSmoothing: fc.constantFrom(0, 0.1),
    zLoss: fc.constantFrom(0, 1e-2),
  }),
);

describe('cross-entropy', () => {
  it('is the weighted mean of the definition', async () => {
    await fc.assert(
      fc.asyncProperty(batch, async ({ logits, targets, weights, labelSmoothing, zLoss }) => {
        const options = { labelSmoothing, zLoss, weights: vector(weights) };
        const [loss] = await evaluate(crossEntropy(float(logits), ids(targets), options));
        const expected = logits.map((row, i) => {
          const log = logSumExp(row);
          const nll = row.map((x) => log - x);
          const smooth = labelSmoothing * average(nll);
          return (1 - labelSmoothing) * nll[targets[i]] + smooth + zLoss * log * log;
        });
        close(loss, average(expected, weights));
      }),
      { numRuns: 40 },
    );
  });

  it('takes a boolean mask, and gives 0 when it selects nothing', async () => {
    const logits = float([
      [1, 2, 3],
      [0, 0, 0],
    ]);
    const one = crossEntropy(logits, ids([0, 1]), { weights: mask([false, true]) });
    close((await evaluate(one))[0], Math.log(3));
    const nothing = crossEntropy(logits, ids([0, 1]), { weights: mask([false, false]) });
    assert.deepEqual(await evaluate(nothing), [0]);
  });

  it('gives the loss of every token', async () => {
    const logits = float([
      [0, 0],
      [Math.log(3), 0],
    ]);
    const [a, b] = await evaluate(tokenLosses(logits, ids([1, 0])));
    close(a, Math.log(2));
    close(b, Math.log(4 / 3));
  });

  it('refuses shapes and settings that do not fit', () => {
    const logits = float([[1, 2]]);
    assert.throws(() => crossEntropy(logits, ids([0, 1])), { code: 'bad-loss' });
    assert.throws(() => crossEntropy(logits, ids([0]), { labelSmoothing: 1 }), {
      code: 'bad-loss',
    });
    assert.throws(() => crossEntropy(logits, ids([0]), { weights: vector([1, 1]) }), {
      code: 'bad-loss',
    });
  });
});

describe('other losses', () => {
  const rows = [
    [0.5, -1, 2],
    [3, 0, -2],
  ];
  const others = [
    [1, 1, 0],
    [-1, 0.25, 0],
  ];

  it('mean squared error', async () => {
    const expected = average(rows.flatMap((row, i) => row.map((x, j) => (x - others[i][j]) ** 2)));
    close((await evaluate(meanSquaredError(float(rows), float(others))))[0], expected);
  });

  it('Kullback–Leibler divergence is the definition, and 0 for equal logits', async () => {
    const expected = rows.map((p, i) => {
      const [zp, zq] = [logSumExp(p), logSumExp(others[i])];
      return p.reduce((sum, x, j) => sum + Math.exp(x - zp) * (x - zp - others[i][j] + zq), 0);
    });
    close((await evaluate(klDivergence(float(rows), float(others))))[0], average(expected));
    close((await evaluate(klDivergence(float(rows), float(rows))))[0], 0);
  });

  it('binary cross-entropy does not overflow', async () => {
    const logits = vector([100, -100, 0.3]);
    const loss = binaryCrossEntropy(logits, vector([1, 1, 0]));
    close((await evaluate(loss))[0], (0 + 100 + Math.log(1 + Math.exp(0.3))) / 3);
  });

  it('accuracy counts weighted tokens', async () => {
    const weights = vector([1, 3]);
    const share = accuracy(float(rows), ids([2, 1]), { weights });
    close((await evaluate(share))[0], 0.25);
  });
});
