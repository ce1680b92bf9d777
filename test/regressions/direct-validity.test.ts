import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { attributePrompt, graphValidity } from '../../src/microscope/graph/index.ts';
import { loadModel } from '../../src/model/index.ts';
import { randomSet } from '../support/dictionaries.ts';

const families = join(import.meta.dirname, '../fixtures/families');
const tokens = [3, 14, 15, 9, 2, 6];

// With MLPs held the graph is the whole truth. It used to be compared with what its indirect paths carry besides, and the
// skip paths of transcoders, which are direct, were held as well.
for (const [family, options] of [
  ['gpt2', {}],
  ['llama3', { kind: 'cross-layer' }],
  ['qwen3', { skip: true }],
  ['gemma2', { skip: true }],
] as const) {
  test(`validity is 1 where only direct paths are left: ${family}`, async () => {
    const model = await loadModel(join(families, family));
    const set = randomSet(model, options);
    const found = await attributePrompt(model, set, tokens, { tokens: [5], ignoredPositions: [0] });
    const layers = new Set(found.graph.nodes.map(({ layer }) => layer));
    assert.ok(layers.size > 2);
    const { points, n } = await graphValidity(model, set, found, { features: 30, mode: 'direct' });
    assert.ok(n >= 20, `${n} features`);
    const largest = Math.max(...points.map(({ measured }) => Math.abs(measured)));
    for (const { node, predicted, measured } of points) {
      const { layer } = found.graph.nodes[node];
      assert.ok(
        Math.abs(predicted - measured) < 1e-3 * largest,
        `a feature of layer ${layer}: ${predicted} is predicted, ${measured} measured`,
      );
    }
    await model.release();
  });
}
