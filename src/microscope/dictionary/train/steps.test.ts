import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { readSafetensors } from '../../../base/safetensors/index.ts';
import { sgd } from '../../../nn/index.ts';
import { nodeRuntime } from '../../../runtime/index.ts';
import { statisticsOf } from '../data/buffer.ts';
import {
  autoencoder,
  crosscoder,
  crossLayer,
  type DictionaryTask,
  type SparsityRule,
  transcoder,
} from './rule.ts';
import { createDictionaryTrainer } from './trainer.ts';

const folder = join(import.meta.dirname, '../../../../test/fixtures/dictionary-steps');
const [ROWS, D, N, LR] = [8, 6, 16, 0.05];
const settings = { name: 't', width: D, dDict: N };
const alone = (rule: SparsityRule) => autoencoder({ ...settings, rule, at: 'a' });

/** What the script of the fixtures trained. */
const tasks: Record<string, DictionaryTask> = {
  standard: alone({ kind: 'standard', coefficient: 0.7 }),
  gated: alone({ kind: 'gated', coefficient: 0.7 }),
  topk: alone({ kind: 'topk', k: 4 }),
  batchtopk: alone({ kind: 'batchtopk', k: 4 }),
  matryoshka: alone({ kind: 'batchtopk', k: 4, prefixes: [4, 9, N] }),
  jumprelu: alone({ kind: 'jumprelu', coefficient: 0.3, bandwidth: 0.8 }),
  'jumprelu-target': alone({ kind: 'jumprelu', coefficient: 0.3, bandwidth: 0.8, targetL0: 3 }),
  'jumprelu-tanh': alone({ kind: 'jumprelu', coefficient: 0.3, bandwidth: 0.8, tanhScale: 4 }),
  'skip-transcoder': transcoder({
    ...settings,
    rule: { kind: 'topk', k: 4 },
    reads: 'a',
    writes: 'b',
    skip: true,
  }),
  crosscoder: crosscoder({
    ...settings,
    rule: { kind: 'standard', coefficient: 0.7 },
    at: ['a', 'b'],
  }),
  'cross-layer': crossLayer({
    ...settings,
    rule: { kind: 'topk', k: 4 },
    reads: ['a', 'b'],
    writes: ['b', 'c'],
  }),
};

for (const [name, task] of Object.entries(tasks)) {
  test(`one step is that of PyTorch's autograd on the published loss: ${name}`, async () => {
    const path = join(folder, `${name}.safetensors`);
    const stored = await readSafetensors(await readFile(path), { path });
    const values = (key: string) => stored.get(key)!.data as Float32Array;
    const batch = Object.fromEntries(
      [...new Set(task.parts.flatMap(({ reads, writes }) => [...reads, ...writes]))].map((at) => [
        at,
        values(`x/${at}`),
      ]),
    );
    const statistics = Object.fromEntries(
      Object.entries(batch).map(([at, data]) => [at, statisticsOf(data, ROWS)]),
    );
    const scales = Object.fromEntries(Object.keys(batch).map((at) => [at, 1]));
    const trainer = await createDictionaryTrainer({
      ...{ task, runtime: nodeRuntime({ threads: 1 }), rows: ROWS, statistics, scales },
      optimiser: sgd(),
      clipNorm: 1e9,
      deadAfter: 1000,
    });
    const { params, rest } = trainer.state();
    for (const [key, { data }] of Object.entries(params)) {
      (data as Float32Array).set(values(`before/${key}`));
    }
    // Only the losses of these two know about dead features.
    if (name === 'topk' || name.startsWith('jumprelu')) {
      (rest['idle/0'].data as Float32Array).set(values('dead').map((dead) => 1000 * dead));
    }
    const report = await trainer.step(batch, { lr: LR });
    const near = (actual: number, expected: number, what: string) => {
      const error = Math.abs(actual - expected);
      assert.ok(error < 2e-5 * Math.max(1, Math.abs(expected)), `${what}: ${actual}, ${expected}`);
    };
    near(report.loss, values('loss')[0], 'loss');
    near(report.mse, values('mse')[0], 'mse');
    near(report.l0, values('l0')[0], 'l0');
    let moved = 0;
    for (const [key, { data }] of Object.entries(trainer.state().params)) {
      const [before, after] = [values(`before/${key}`), values(`after/${key}`)];
      after.forEach((expected, i) => {
        near(Number(data[i]), expected, `${key}[${i}]`);
        if (Math.abs(expected - before[i]) > 1e-4) moved++;
      });
    }
    assert.ok(moved > 100, `${moved} parameters moved`);
    await trainer.release();
  });
}
