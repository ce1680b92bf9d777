import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { randomSet } from '../../../test/support/dictionaries.ts';
import { Rng } from '../../base/rng.ts';
import { loadModel } from '../../model/index.ts';
import { attributePrompt } from './attribute.ts';
import { batchesByPosition } from './edges.ts';
import { Rows } from './rows.ts';

const families = join(import.meta.dirname, '../../../test/fixtures/families');

test('batches hold every target once, by position, and end where a position does', () => {
  const rng = new Rng(1);
  const positions = Array.from({ length: 700 }, () => Math.floor(rng.next() * 9));
  const targets = [...positions.keys()].reverse();
  const batches = batchesByPosition(targets, (target) => positions[target], 100);
  assert.deepEqual(
    batches.flat().sort((a, b) => a - b),
    [...positions.keys()],
  );
  const order = batches.flat().map((target) => positions[target]);
  assert.deepEqual(
    order,
    [...order].sort((a, b) => a - b),
  );
  for (const batch of batches) assert.ok(batch.length <= 100);
  // Every position has about 78 targets: enough for a batch of its own.
  assert.ok(batches.every((batch) => new Set(batch.map((t) => positions[t])).size <= 2));
  assert.deepEqual(
    batchesByPosition([], () => 0, 5),
    [],
  );
});

for (const [family, kind] of [
  ['gpt2', 'per-layer'],
  ['gemma2', 'cross-layer'],
  ['qwen3', 'per-layer'],
] as const) {
  test(`edges do not depend on which targets share a run: ${family}, ${kind}`, async () => {
    const model = await loadModel(join(families, family));
    const set = randomSet(model, { kind, skip: kind === 'per-layer' });
    const tokens = [3, 14, 15, 9, 2, 6];
    // One at a time, a target is traced over its own position and those before; all together, over all.
    const [alone, together] = await Promise.all([
      attributePrompt(model, set, tokens, { batch: 1 }),
      attributePrompt(model, set, tokens, { batch: 1000 }),
    ]);
    assert.deepEqual(alone.graph.nodes, together.graph.nodes);
    const largest = together.graph.adjacency.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
    alone.graph.adjacency.forEach((value, i) => {
      assert.ok(Math.abs(value - together.graph.adjacency[i]) <= 1e-6 * largest);
    });
    await model.release();
  });
}

test('influence in one pass is the sum over all paths', () => {
  // Features 0 and 1 lie below 2, and 2 below the logits; 3 has no row yet.
  const rows = new Rows();
  const add = (feature: number | null, weight: number, values: readonly number[]) =>
    rows.add({ feature, weight, values: Float32Array.from(values) });
  add(2, 0, [1, -3, 0, 0, 4]);
  add(null, 0.75, [0, 1, -1, 0, 2]);
  add(null, 0.25, [0, 0, 0, 5, 0]);
  add(1, 0, [2, 0, 0, 0, 0]);
  const two = 0.75 / 4;
  const one = 0.75 / 4 + (two * 3) / 8;
  const zero = two / 8 + one;
  assert.deepEqual([...rows.influence(4)], [zero, one, two, 0.25]);
});
