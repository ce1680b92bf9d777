import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeRuntime } from '../../../runtime/index.ts';
import { syntheticBench, syntheticRules } from './synthetic-bench.ts';

test('every kind finds more of a small world than its initial weights hold', async () => {
  const options = {
    runtime: nodeRuntime({ threads: 1 }),
    world: { features: 12, width: 12, seed: 3, probability: [0.05, 0.2] as const },
    ...{ dDict: 12, rows: 64, steps: 300, learningRate: 1e-2, seeds: [1, 2], heldOutRows: 500 },
    rules: syntheticRules(2, 12),
  };
  const found = await syntheticBench(options);
  assert.deepEqual(
    found.results.map(({ name }) => name),
    ['standard', 'gated', 'topk', 'batchtopk', 'jumprelu', 'matryoshka', 'untrained'],
  );
  const chance = found.results.at(-1)!.figures;
  for (const { name, figures } of found.results.slice(0, -1)) {
    assert.equal(figures.mcc.n, 2);
    assert.ok(figures.mcc.mean > chance.mcc.mean + 0.1, `${name}: mcc ${figures.mcc.mean}`);
    assert.ok(figures.f1.mean > chance.f1.mean, `${name}: f1 ${figures.f1.mean}`);
  }
  assert.ok(found.trueL0 > 0.5 && found.trueL0 < 3 && found.overlap > 0 && found.overlap < 1);
  const stop = new AbortController();
  stop.abort();
  await assert.rejects(syntheticBench({ ...options, signal: stop.signal }), { name: 'AbortError' });
});
