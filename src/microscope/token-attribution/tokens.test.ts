import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadFixture } from '../../model/testing/fixtures.ts';
import { linearFixture } from '../circuits/testing.ts';
import { attributeTokens, tokenMethods } from './compare.ts';
import { exactShapley, uniformCoalition } from './game.ts';
import { gradientTimesInput, integratedGradients, tokenPatching } from './gradients.ts';
import { attentionRollout } from './rollout.ts';
import { tokenGame } from './token-game.ts';

const TASK = { tokens: [3, 7, 9, 11, 4, 8], target: 5, distractor: 17 };

test('everybody present is the prompt, nobody is the baseline at every place', async () => {
  for (const name of ['gpt2', 'gemma2']) {
    const model = await loadFixture(name);
    const game = tokenGame(model, { ...TASK, baseline: 'zero', fixed: [] });
    const ends = [uniformCoalition(game.players, 1), uniformCoalition(game.players, 0)];
    const values = await game.value(ends);
    for (const [i, edits] of [[], [{ at: 'hook_embed', op: 'zero' }] as const].entries()) {
      const { logits } = await model.runWithEdits(TASK.tokens, edits, [], { logits: 'last' });
      const row = logits!.data as Float32Array;
      assert.ok(Math.abs(values[i] - (row[5] - row[17])) < 1e-4, `${name} ${i}`);
    }
  }
});

test('the mean baseline is the mean embedding, and fixed tokens stay', async () => {
  const model = await loadFixture('gpt2');
  const { dModel, dVocab } = model.config;
  const table = model.params['embed.weight'].data as Float32Array;
  const mean = Float32Array.from({ length: dModel }, (_, i) => {
    let total = 0;
    for (let token = 0; token < dVocab; token++) total += table[token * dModel + i];
    return total / dVocab;
  });
  const game = tokenGame(model, { ...TASK, fixed: [0, 5] });
  assert.deepEqual(game.positions, [1, 2, 3, 4]);
  const [value] = await game.value([uniformCoalition(4, 0)]);
  const edit = { at: 'hook_embed', op: 'set', value: mean, positions: [1, 2, 3, 4] } as const;
  const { logits } = await model.runWithEdits(TASK.tokens, [edit], [], { logits: 'last' });
  const row = logits!.data as Float32Array;
  assert.ok(Math.abs(value - (row[5] - row[17])) < 1e-4);
});

test('integrated gradients are complete: they add up ever better', async () => {
  for (const name of ['gpt2', 'llama3']) {
    const model = await loadFixture(name);
    for (const task of [TASK, { ...TASK, distractor: undefined }]) {
      const game = tokenGame(model, { ...task, baseline: 'mean' });
      const [all, none] = await game.value([
        uniformCoalition(game.players, 1),
        uniformCoalition(game.players, 0),
      ]);
      const fine = await integratedGradients(game, { steps: 256 });
      assert.ok(Math.abs(fine.gap) < 0.01 * Math.abs(all - none), `${name} ${fine.gap}`);
      const rough = await integratedGradients(game, { steps: 2 });
      assert.ok(Math.abs(fine.gap) < Math.abs(rough.gap));
      // The midpoint rule: twice the points, a quarter of the error; a rule from one end would give a half.
      const half = await integratedGradients(game, { steps: 128 });
      const order = half.gap / fine.gap;
      assert.ok(order > 3.4 && order < 4.6, `${name} ${order}`);
      const total = fine.values.reduce((a, b) => a + b, 0);
      assert.ok(Math.abs(total - fine.gap - (all - none)) < 1e-4);
    }
  }
});

test('on a linear model gradients, patching and Shapley values are the same', async () => {
  const game = tokenGame(await linearFixture(), { ...TASK, baseline: 'zero' });
  const exact = await exactShapley(game);
  const size = Math.max(...exact.values.map(Math.abs));
  for (const method of [integratedGradients, gradientTimesInput, tokenPatching]) {
    const { values } = await method(game);
    values.forEach((x, i) => {
      assert.ok(Math.abs(x - exact.values[i]) < 2e-3 * size, `${x} ${exact.values[i]}`);
    });
  }
});

test('methods are compared with figures of their stability', async () => {
  const model = await loadFixture('gpt2');
  const found = await attributeTokens(model, TASK, {
    samples: 24,
    seeds: 3,
    steps: 4,
    paraphrases: [[9, 3, 7, 11, 4, 8, 8]],
  });
  assert.deepEqual(
    found.results.map(({ method }) => method),
    [...tokenMethods],
  );
  for (const { method, values, overSeeds, overParaphrases } of found.results) {
    assert.equal(values.length, found.positions.length);
    const random = ['kernel-shap', 'sampled-shapley', 'lime'].includes(method);
    assert.equal(overSeeds !== null, random, method);
    if (overSeeds) {
      const { pairs, n, worst, mean, low, high } = overSeeds;
      assert.ok(pairs === 3 && n === 3 && worst <= mean && low! <= mean && mean <= high!);
    }
    assert.ok(overParaphrases && Math.abs(overParaphrases.mean) <= 1);
  }
  const { prompt, baseline } = found.metric;
  for (const { method, values, gap } of found.results) {
    const total = values.reduce((a, b) => a + b, 0);
    if (method === 'attention') assert.equal(gap, null);
    else assert.ok(Math.abs(gap! - (total - prompt + baseline)) < 1e-9);
    if (/shap/.test(method)) assert.ok(Math.abs(gap!) < 1e-4, `${method} shares the answer out`);
  }
  found.agreement.forEach((row, i) => {
    assert.ok(Math.abs(row[i] - 1) < 1e-12);
  });
  // Random orders keep to the runs they may use, but two are needed to say anything.
  const runs = async (samples: number) => {
    const { results } = await attributeTokens(model, TASK, {
      methods: ['sampled-shapley'],
      samples,
    });
    assert.ok(results[0].values.some((value) => value !== 0));
    return results[0].evaluations / (found.positions.length + 1);
  };
  assert.equal(await runs(1), 2);
  const orders = 45 / (found.positions.length + 1);
  assert.equal(await runs(45), 2 * Math.max(1, Math.floor(orders / 2)));
  const again = await attributeTokens(model, TASK, { samples: 24, seeds: 3, steps: 4 });
  assert.deepEqual(
    again.results.map(({ values }) => values),
    found.results.map(({ values }) => values),
  );
});

test('attention rollout is the product of the mean patterns with their residual', async () => {
  for (const name of ['gpt2', 'llama3']) {
    const model = await loadFixture(name);
    const { nLayers, nHeads } = model.config;
    const pos = TASK.tokens.length;
    const { cache } = await model.runWithCache(TASK.tokens, 'blocks.*.attn.hook_pattern');
    const identity = (i: number, j: number) => Number(i === j);
    const range = Array.from({ length: pos }, (_, i) => i);
    // The product in the order of the paper, from the first layer up, whole matrices.
    let product = range.map((i) => range.map((j) => identity(i, j)));
    for (let layer = 0; layer < nLayers; layer++) {
      const pattern = cache[`blocks.${layer}.attn.hook_pattern`].data as Float32Array;
      const mixed = range.map((i) =>
        range.map((j) => {
          let sum = 0;
          for (let head = 0; head < nHeads; head++) sum += pattern[(head * pos + i) * pos + j];
          return sum / nHeads / 2 + identity(i, j) / 2;
        }),
      );
      product = mixed.map((row) =>
        range.map((j) => row.reduce((sum, x, k) => sum + x * product[k][j], 0)),
      );
    }
    const found = await attentionRollout(model, TASK.tokens);
    found.forEach((x, i) => {
      assert.ok(Math.abs(x - product[pos - 1][i]) < 1e-6, `${name} ${i}`);
    });
    assert.ok(Math.abs(found.reduce((a, b) => a + b, 0) - 1) < 1e-6);
  }
});

test('a model that is not a number says so, and a prompt of fixed tokens too', async () => {
  const model = await loadFixture('gpt2');
  const only = tokenGame(model, { ...TASK, tokens: [3], fixed: [0] });
  await assert.rejects(exactShapley(only), { code: 'no-players' });
  (model.params['ln_final.weight'].data as Float32Array)[0] = Number.NaN;
  await assert.rejects(tokenPatching(tokenGame(model, TASK)), { code: 'not-finite' });
});
