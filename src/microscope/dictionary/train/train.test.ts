import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Rng } from '../../../base/rng.ts';
import { sgd } from '../../../nn/index.ts';
import { nodeRuntime } from '../../../runtime/index.ts';
import { type ActivationBlock, blockSource, statisticsOf } from '../data/buffer.ts';
import { runDictionary } from '../run.ts';
import type { Dictionary } from '../types.ts';
import {
  autoencoder,
  crosscoder,
  crossLayer,
  type DictionaryTask,
  type SparsityRule,
  transcoder,
} from './rule.ts';
import { trainDictionaries } from './train.ts';
import { createDictionaryTrainer } from './trainer.ts';

const runtime = nodeRuntime({ threads: 1 });
const folder = await mkdtemp(join(tmpdir(), 'dictionary-'));
after(() => rm(folder, { recursive: true, force: true }));

const WIDTH = 12;
const TRUE_FEATURES = 20;
const directions = (() => {
  const rng = new Rng(5);
  return Array.from({ length: TRUE_FEATURES }, () => {
    const row = Array.from({ length: WIDTH }, () => rng.normal());
    const length = Math.hypot(...row);
    return row.map((value) => value / length);
  });
})();

/** Rows that are sums of two of twenty directions, at `a`; a linear image of them at `b`; both again at `c`. */
function block(seed: number, rows: number): ActivationBlock {
  const rng = new Rng(seed);
  const a = new Float32Array(rows * WIDTH);
  const b = new Float32Array(rows * WIDTH);
  for (let row = 0; row < rows; row++) {
    for (let n = 0; n < 2; n++) {
      const feature = rng.int(TRUE_FEATURES);
      const size = 1 + rng.next();
      for (let d = 0; d < WIDTH; d++) {
        a[row * WIDTH + d] += size * directions[feature][d];
        b[row * WIDTH + d] += size * directions[(feature + 1) % TRUE_FEATURES][d];
      }
    }
  }
  return { rows, values: { a, b, c: a.map((value, i) => value + b[i]) } };
}

const source = (seed = 1, rows = 64) =>
  blockSource({
    rows,
    seed,
    fill: async (start) => ({ block: block(100 + start, 16 * rows), next: start + 1 }),
  });

const settings = { width: WIDTH, dDict: 32, learningRate: 3e-3 };
const rules: Record<string, SparsityRule> = {
  standard: { kind: 'standard', coefficient: 1, resampleEvery: 100 },
  gated: { kind: 'gated', coefficient: 5 },
  topk: { kind: 'topk', k: 3 },
  batchtopk: { kind: 'batchtopk', k: 3 },
  matryoshka: { kind: 'batchtopk', k: 3, prefixes: [8, 16, 32] },
  jumprelu: { kind: 'jumprelu', coefficient: 1, targetL0: 3, bandwidth: 0.5, threshold: 0.1 },
};
const model = { name: 'test', hash: null };

function explained(target: Float32Array, guess: Float32Array): number {
  const { mean } = statisticsOf(target, target.length / WIDTH);
  let [error, total] = [0, 0];
  target.forEach((value, i) => {
    error += (value - guess[i]) ** 2;
    total += (value - mean[i % WIDTH]) ** 2;
  });
  return 1 - error / total;
}

async function heldOut(dictionary: Dictionary) {
  const { values } = block(9, 512);
  const inputs = dictionary.config.reads.map((address) => values[address]);
  const { acts, outputs } = await runDictionary(runtime, dictionary, inputs);
  const l0 = acts.reduce((sum, value) => sum + (value > 0 ? 1 : 0), 0) / 512;
  const ev = dictionary.config.writes.map((address, j) => explained(values[address], outputs[j]));
  return { l0, ev };
}

const train = (tasks: readonly DictionaryTask[], steps: number, more = {}) =>
  trainDictionaries({ tasks, source: source(), runtime, rows: 64, steps, model, ...more });

test('every kind learns to reconstruct held-out rows with few features, in one pass', async () => {
  const tasks = Object.entries(rules).map(([name, rule]) =>
    autoencoder({ ...settings, name, rule, at: 'a' }),
  );
  const { dictionaries } = await train(tasks, 600, { deadAfter: 5000 });
  for (const [name, [dictionary]] of Object.entries(dictionaries)) {
    const { l0, ev } = await heldOut(dictionary);
    assert.ok(ev[0] > 0.8, `${name}: explained variance ${ev[0]}`);
    assert.ok(l0 < 11, `${name}: L0 ${l0}`);
  }
});

test('transcoders, cross-layer transcoders and crosscoders write what they should', async () => {
  const rule: SparsityRule = { kind: 'topk', k: 3 };
  const tasks = [
    transcoder({ ...settings, name: 'plain', rule, reads: 'a', writes: 'b' }),
    transcoder({ ...settings, name: 'skip', rule, reads: 'a', writes: 'c', skip: true }),
    crossLayer({ ...settings, name: 'clt', rule, reads: ['a', 'b'], writes: ['b', 'c'] }),
    crosscoder({ ...settings, name: 'cross', rule, at: ['a', 'b'] }),
  ];
  const { dictionaries } = await train(tasks, 600);
  for (const name of ['plain', 'skip', 'cross']) {
    for (const ev of (await heldOut(dictionaries[name][0])).ev)
      assert.ok(ev > 0.75, `${name} ${ev}`);
  }
  // What both layers of a cross-layer set write to the last output adds up to it.
  const { values } = block(9, 512);
  const [first, second] = dictionaries.clt;
  assert.deepEqual(first.config.writes, ['b', 'c']);
  const early = (await runDictionary(runtime, first, [values.a])).outputs;
  const late = (await runDictionary(runtime, second, [values.b])).outputs;
  assert.ok(explained(values.b, early[0]) > 0.75);
  const both = early[1].map((value, i) => value + late[0][i]);
  assert.ok(explained(values.c, both) > 0.75, `${explained(values.c, both)}`);
});

test('a run that was stopped and resumed gives the same bits', async () => {
  const tasks = [
    autoencoder({ ...settings, name: 'x', rule: rules.matryoshka, at: 'a' }),
    autoencoder({ ...settings, name: 'y', rule: rules.jumprelu, at: 'b' }),
  ];
  const whole = await train(tasks, 30);
  const checkpoints = { folder: join(folder, 'resume'), every: 7 };
  const stop = new AbortController();
  const listeners = [
    ({ type, step }: { type: string; step: number }) => {
      if (type === 'step' && step === 19) stop.abort();
    },
  ];
  const part = await train(tasks, 30, { checkpoints, signal: stop.signal, listeners });
  assert.equal(part.interrupted, true);
  const rest = await train(tasks, 30, { checkpoints });
  assert.equal(rest.step, 30);
  for (const name of ['x', 'y']) {
    assert.deepEqual(rest.dictionaries[name][0].params, whole.dictionaries[name][0].params);
  }
  await assert.rejects(train(tasks, 31, { checkpoints }), { code: 'checkpoint-mismatch' });
});

/** Loss of a top-k autoencoder in plain numbers. */
function plainLoss(params: Record<string, Float32Array>, x: Float32Array, k: number): number {
  const rows = x.length / WIDTH;
  const features = params['0.b_enc'].length;
  const [enc, dec] = [params['0.W_enc.0'], params['0.W_dec.0']];
  const [biasEnc, biasDec] = [params['0.b_enc'], params['0.b_dec.0']];
  let loss = 0;
  for (let row = 0; row < rows; row++) {
    const at = (d: number) => x[row * WIDTH + d];
    const pre = Array.from({ length: features }, (_, f) => {
      let sum = biasEnc[f];
      for (let d = 0; d < WIDTH; d++) sum += (at(d) - biasDec[d]) * enc[f * WIDTH + d];
      return sum;
    });
    const chosen = pre
      .map((_, f) => f)
      .sort((p, q) => pre[q] - pre[p])
      .slice(0, k);
    for (let d = 0; d < WIDTH; d++) {
      const guess = chosen.reduce(
        (sum, f) => sum + Math.max(0, pre[f]) * dec[f * WIDTH + d],
        biasDec[d],
      );
      loss += (at(d) - guess) ** 2 / rows;
    }
  }
  return loss;
}

test('a sparse step follows the gradient of the plain loss', async () => {
  const rows = 8;
  const { values } = block(3, rows);
  const task = autoencoder({
    name: 't',
    rule: { kind: 'topk', k: 4 },
    at: 'a',
    width: WIDTH,
    dDict: 16,
  });
  const trainer = await createDictionaryTrainer({
    task,
    runtime,
    rows,
    statistics: { a: statisticsOf(values.a, rows) },
    scales: { a: 1 },
    optimiser: sgd(),
    clipNorm: 1e9,
  });
  const copy = () =>
    Object.fromEntries(
      Object.entries(trainer.state().params).map(([name, { data }]) => [
        name,
        data.slice() as Float32Array,
      ]),
    );
  const before = copy();
  const lr = 1e-3;
  const report = await trainer.step({ a: values.a }, { lr });
  const after = copy();
  assert.ok(Math.abs(report.loss - plainLoss(before, values.a, 4)) < 1e-4 * report.loss);
  for (const name of ['0.W_enc.0', '0.b_enc', '0.b_dec.0']) {
    for (const i of [0, 3, 7, 11]) {
      const h = 1e-3;
      const at = (delta: number) => {
        const changed = { ...before, [name]: before[name].slice() };
        changed[name][i] += delta;
        return plainLoss(changed, values.a, 4);
      };
      const numeric = (at(h) - at(-h)) / (2 * h);
      const traced = (before[name][i] - after[name][i]) / lr;
      assert.ok(
        Math.abs(numeric - traced) < 0.02 * Math.abs(numeric) + 0.02,
        `${name}[${i}] ${numeric} ${traced}`,
      );
    }
  }
  for (let f = 0; f < 16; f++) {
    const length = Math.hypot(...after['0.W_dec.0'].subarray(f * WIDTH, (f + 1) * WIDTH));
    assert.ok(Math.abs(length - 1) < 1e-5);
  }
});

test('features that stopped firing come back through the auxiliary loss', async () => {
  const deadAfterTraining = async (coefficient: number) => {
    const rule: SparsityRule = { kind: 'topk', k: 2, aux: { coefficient } };
    const { values } = block(3, 64);
    const trainer = await createDictionaryTrainer({
      task: autoencoder({ ...settings, name: 't', rule, at: 'a' }),
      runtime,
      rows: 64,
      statistics: { a: statisticsOf(values.a, 64) },
      scales: { a: 1 },
      deadAfter: 640,
    });
    // All but eight features are pushed so far down that the top k never picks them.
    const { params } = trainer.state();
    (params['0.b_enc'].data as Float32Array).fill(-2, 8);
    let dead = 0;
    for (let step = 0; step < 300; step++) {
      dead = (await trainer.step({ a: block(step, 64).values.a }, { lr: 1e-2 })).dead;
    }
    await trainer.release();
    return dead;
  };
  const without = await deadAfterTraining(0);
  const withAux = await deadAfterTraining(1);
  assert.ok(without >= 16, `${without} dead without`);
  assert.ok(withAux <= without - 5, `${without} dead without, ${withAux} with`);
});

test('dead features start anew at badly reconstructed rows, disturbing the others little', async () => {
  const { values } = block(3, 64);
  const statistics = { a: statisticsOf(values.a, 64), b: statisticsOf(values.b, 64) };
  const rule: SparsityRule = { kind: 'topk', k: 2, aux: { coefficient: 0 }, resampleEvery: 20 };
  for (const make of [
    autoencoder({ ...settings, name: 'a', rule, at: 'a' }),
    transcoder({ ...settings, name: 't', rule, reads: 'a', writes: 'b' }),
  ]) {
    const deadAfterTraining = async (restarts: boolean) => {
      const scales = { a: 1, b: 1 };
      const trainer = await createDictionaryTrainer({
        ...{ task: make, runtime, rows: 64, statistics, scales },
        deadAfter: 640,
      });
      (trainer.state().params['0.b_enc'].data as Float32Array).fill(-9, 8);
      const variance: number[] = [];
      let dead = 0;
      for (let step = 0; step < 400; step++) {
        const { values: batch } = block(step, 64);
        const report = await trainer.step(batch, { lr: 1e-2, restarts });
        dead = report.dead;
        variance.push(report.explainedVariance);
      }
      await trainer.release();
      return { dead, variance };
    };
    const without = await deadAfterTraining(false);
    const withRestarts = await deadAfterTraining(true);
    assert.ok(without.dead >= 16, `${make.name}: ${without.dead} dead without`);
    // There are twenty true directions for 32 features: some have nothing to stand for.
    const spare = settings.dDict - TRUE_FEATURES;
    assert.ok(withRestarts.dead <= spare + 2, `${make.name}: ${withRestarts.dead} dead with`);
    const last = (all: readonly number[]) => all.slice(-40).reduce((a, b) => a + b) / 40;
    assert.ok(last(withRestarts.variance) > last(without.variance) + 0.1, make.name);
  }
});

test('no feature is dead from the start where inputs have a large mean', async () => {
  const mean = 6;
  const shifted = (seed: number) => {
    const { values } = block(seed, 256);
    return { a: values.a.map((value) => value + mean), b: values.b };
  };
  const first = shifted(1);
  const statistics = { a: statisticsOf(first.a, 256), b: statisticsOf(first.b, 256) };
  const rule: SparsityRule = { kind: 'topk', k: 3 };
  const trainer = await createDictionaryTrainer({
    task: transcoder({ ...settings, name: 't', rule, reads: 'a', writes: 'b' }),
    runtime,
    rows: 256,
    statistics,
    scales: { a: 1, b: 1 },
    deadAfter: 256 * 4,
  });
  let dead = 0;
  for (let step = 0; step < 8; step++) {
    ({ dead } = await trainer.step(shifted(step), { lr: 0 }));
  }
  await trainer.release();
  assert.equal(dead, 0);
});

test('tasks that cannot be trained are refused by name', async () => {
  const rule: SparsityRule = { kind: 'topk', k: 99 };
  const bad = { code: 'bad-dictionary-task' };
  await assert.rejects(train([autoencoder({ ...settings, name: 'k', rule, at: 'a' })], 1), bad);
  const elsewhere = autoencoder({ ...settings, name: 'z', rule: rules.topk, at: 'nowhere' });
  await assert.rejects(train([elsewhere], 1), bad);
  const both: SparsityRule = { kind: 'jumprelu', coefficient: 1, targetL0: 3, tanhScale: 4 };
  await assert.rejects(
    train([autoencoder({ ...settings, name: 'j', rule: both, at: 'a' })], 1),
    bad,
  );
  const prefixes: SparsityRule = { kind: 'batchtopk', k: 3, prefixes: [16, 8] };
  await assert.rejects(
    train([autoencoder({ ...settings, name: 'p', rule: prefixes, at: 'a' })], 1),
    bad,
  );
});

test('activations with NaN stop a training and leave its state as it was', async () => {
  for (const rule of [rules.topk, rules.jumprelu]) {
    const { values } = block(3, 16);
    const trainer = await createDictionaryTrainer({
      task: autoencoder({ ...settings, name: 't', rule, at: 'a' }),
      runtime,
      rows: 16,
      statistics: { a: statisticsOf(values.a, 16) },
      scales: { a: 1 },
    });
    const before = trainer.dictionaries(model)[0].params;
    const broken = values.a.slice();
    broken[5] = Number.NaN;
    await assert.rejects(trainer.step({ a: broken }, { lr: 1e-3 }), { code: 'not-finite' });
    assert.deepEqual(trainer.dictionaries(model)[0].params, before);
    assert.ok(Number.isFinite((await trainer.step({ a: values.a }, { lr: 1e-3 })).loss));
    await trainer.release();
  }
});
