import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Rng } from '../../base/rng.ts';
import { coalitionOf, exactShapley, type Game } from './game.ts';
import { kernelShap } from './kernel-shap.ts';
import { lime } from './lime.ts';
import { solve } from './linear.ts';
import { sampledShapley } from './shapley.ts';
import { pairwiseStability, sharedTokens, spearman, stabilityOf } from './stability.ts';

/** A game whose value of every coalition is a random number. */
function randomGame(players: number, seed: number): Game {
  const rng = new Rng(seed);
  const values = Array.from({ length: 2 ** players }, () => rng.normal());
  const bitsOf = (coalition: Uint8Array) => coalition.reduce((sum, x, i) => sum + (x << i), 0);
  return { players, value: async (list) => list.map((one) => values[bitsOf(one)]) };
}

/** Every player is worth a fixed amount, whoever else is there. */
function additiveGame(worth: readonly number[]): Game {
  const value = (coalition: Uint8Array) =>
    coalition.reduce((sum, present, i) => sum + present * worth[i], 3);
  return { players: worth.length, value: async (list) => list.map(value) };
}

const close = (a: readonly number[], b: readonly number[], tolerance: number) =>
  a.every((x, i) => Math.abs(x - b[i]) <= tolerance);

test('in an additive game every method gives what each player is worth', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.double({ min: -5, max: 5, noNaN: true }), { minLength: 1, maxLength: 6 }),
      async (worth) => {
        const game = additiveGame(worth);
        assert.ok(close((await exactShapley(game)).values, worth, 1e-9));
        assert.ok(close((await sampledShapley(game, { orders: 2 })).values, worth, 1e-9));
        assert.ok(close((await kernelShap(game, { samples: 30 })).values, worth, 1e-5));
        const { values } = await lime(game, { samples: 200, ridge: 0 });
        assert.ok(close(values, worth, 1e-5));
      },
    ),
    { numRuns: 25 },
  );
});

test('with all coalitions kernel SHAP is the Shapley value of any game', async () => {
  for (const players of [1, 2, 3, 5, 8]) {
    const game = randomGame(players, players);
    const exact = await exactShapley(game);
    const kernel = await kernelShap(game, { samples: 2 ** players });
    assert.ok(close(kernel.values, exact.values, 1e-6), `${players} players`);
    const [none, all] = await game.value([
      coalitionOf(0, players),
      coalitionOf(2 ** players - 1, players),
    ]);
    const total = exact.values.reduce((a, b) => a + b, 0);
    assert.ok(Math.abs(total - (all - none)) < 1e-9);
  }
});

test('two players: the Shapley value by hand', async () => {
  const values = [1, 4, 2, 11];
  const game: Game = {
    players: 2,
    value: async (list) => list.map((one) => values[one[0] + 2 * one[1]]),
  };
  const { values: found } = await exactShapley(game);
  assert.deepEqual(found, [(3 + 9) / 2, (1 + 7) / 2]);
});

test('sampled values always add up, and come closer with more samples', async () => {
  const game = randomGame(7, 1);
  const exact = await exactShapley(game);
  const error = (values: readonly number[]) =>
    values.reduce((sum, x, i) => sum + (x - exact.values[i]) ** 2, 0);
  const total = exact.values.reduce((a, b) => a + b, 0);
  for (const method of [
    (n: number, seed: number) => sampledShapley(game, { orders: n, seed }),
    (n: number, seed: number) => kernelShap(game, { samples: Math.min(100, n), seed }),
  ]) {
    const [few, many] = [4, 400];
    let [rough, fine] = [0, 0];
    for (let seed = 0; seed < 6; seed++) {
      const a = await method(few, seed);
      const b = await method(many, seed);
      for (const { values } of [a, b]) {
        assert.ok(Math.abs(values.reduce((x, y) => x + y, 0) - total) < 1e-6);
      }
      rough += error(a.values);
      fine += error(b.values);
    }
    assert.ok(fine < rough / 4, `${fine} ${rough}`);
  }
});

test('the same seed gives the same attribution, another one another', async () => {
  const game = randomGame(9, 3);
  for (const method of [lime, kernelShap, sampledShapley]) {
    const [a, b, c] = [
      await method(game, { seed: 4 }),
      await method(game, { seed: 4 }),
      await method(game, { seed: 5 }),
    ];
    assert.deepEqual(a, b);
    assert.notDeepEqual(a.values, c.values);
  }
});

test('LIME is the least of its weighted squares', async () => {
  const players = 4;
  const seen: { coalition: number[]; value: number }[] = [];
  const inner = randomGame(players, 11);
  const game: Game = {
    players,
    async value(list) {
      const values = await inner.value(list);
      list.forEach((one, i) => {
        seen.push({ coalition: [...one], value: values[i] });
      });
      return values;
    },
  };
  const { values } = await lime(game, { samples: 64, seed: 2 });
  // Everybody comes first and weighs 1; the others fall off with the cosine distance, width 1/4.
  assert.deepEqual(seen[0].coalition, [1, 1, 1, 1]);
  const weightOf = (coalition: readonly number[]) => {
    const present = coalition.reduce((a, b) => a + b);
    return Math.exp(-(((1 - Math.sqrt(present / players)) / 0.25) ** 2));
  };
  const cost = (weights: readonly number[]) => {
    // The intercept is free of the ridge: at the least it is the weighted mean of what is left.
    const left = seen.map(({ coalition, value }) => ({
      w: weightOf(coalition),
      rest: value - coalition.reduce((sum, x, i) => sum + x * weights[i], 0),
    }));
    const total = left.reduce((sum, { w }) => sum + w, 0);
    const intercept = left.reduce((sum, { w, rest }) => sum + w * rest, 0) / total;
    const squares = left.reduce((sum, { w, rest }) => sum + w * (rest - intercept) ** 2, 0);
    return squares + weights.reduce((sum, x) => sum + x * x, 0);
  };
  const best = cost(values);
  for (let i = 0; i < players; i++) {
    for (const step of [-1e-3, 1e-3]) {
      assert.ok(cost(values.map((x, j) => (i === j ? x + step : x))) > best);
    }
  }
});

test('sizes out of range are refused', async () => {
  const none: Game = { players: 0, value: async () => [] };
  for (const method of [exactShapley, kernelShap, sampledShapley, lime]) {
    await assert.rejects(method(none), { code: 'no-players' });
  }
  const many: Game = { players: 17, value: async () => [] };
  await assert.rejects(exactShapley(many), { code: 'too-many-players' });
});

test('linear equations are solved, and columns that say nothing get zero', () => {
  assert.ok(
    close(
      solve(
        [
          [0, 2],
          [2, 0],
        ],
        [4, 6],
      ),
      [3, 2],
      1e-12,
    ),
  );
  assert.ok(
    close(
      solve(
        [
          [2, 0],
          [0, 0],
        ],
        [4, 0],
      ),
      [2, 0],
      1e-12,
    ),
  );
});

test('rank correlation: order, reversal, ties, nothing to compare', () => {
  assert.equal(spearman([1, 5, 9], [0.1, 0.2, 7]), 1);
  assert.equal(spearman([1, 5, 9], [3, 2, 1]), -1);
  // Ranks 0, 1.5, 1.5, 3 against 0, 1, 2, 3: 4.5 / sqrt(4.5 · 5).
  assert.ok(Math.abs(spearman([1, 2, 2, 3], [1, 2, 3, 4]) - 4.5 / Math.sqrt(22.5)) < 1e-12);
  assert.ok(Number.isNaN(spearman([1, 1], [1, 2])) && Number.isNaN(spearman([1], [1])));
  const stability = pairwiseStability([
    [1, 2, 3],
    [1, 2, 3],
    [3, 2, 1],
  ]);
  assert.ok(stability);
  const { low, high, ...rest } = stability;
  assert.deepEqual(rest, { mean: -1 / 3, worst: -1, pairs: 3, notAssessed: 0, n: 3 });
  assert.ok(low === -1 && high === 1, 'resamples of two runs are all that one or the other');
  assert.equal(pairwiseStability([[1, 2]]), null);
  const flat = pairwiseStability([
    [1, 2, 3],
    [1, 3, 2],
    [5, 5, 5],
  ]);
  assert.ok(flat && flat.pairs === 1 && flat.notAssessed === 2 && flat.mean === 0.5);
  const many = stabilityOf([0.9, 0.8, 0.7, Number.NaN]);
  assert.ok(many && many.n === 3 && many.notAssessed === 1);
  const [from, to] = [many.low!, many.high!];
  assert.ok(from > 0.69 && to < 0.91 && from < to);
  const single = stabilityOf([0.4]);
  assert.ok(single && single.low === null && single.high === null && single.n === 1);
  assert.equal(stabilityOf([Number.NaN]), null);
});

test('shared tokens are paired occurrence by occurrence', () => {
  assert.deepEqual(sharedTokens([5, 7, 5, 9], [5, 8, 9, 5, 5]), [
    [0, 0],
    [2, 3],
    [3, 2],
  ]);
});
