import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { randomSet } from '../../../test/support/dictionaries.ts';
import { loadModel } from '../../model/index.ts';
import { attributePrompt } from './attribute.ts';
import { graphValidity, measureChange, predictChange } from './intervene.ts';

const families = join(import.meta.dirname, '../../../test/fixtures/families');
const tokens = [3, 14, 15, 9, 2, 6];

for (const [name, kind] of [
  ['gpt2', 'per-layer'],
  ['llama3', 'cross-layer'],
] as const) {
  test(`direct effects are predicted exactly: ${name}`, async () => {
    const model = await loadModel(join(families, name));
    const set = randomSet(model, { kind });
    const found = await attributePrompt(model, set, tokens, {
      tokens: [5, 17],
      ignoredPositions: [0],
    });
    const { nodes, adjacency } = found.graph;
    const n = nodes.length;
    const features = [...nodes.keys()].filter((i) => nodes[i].kind === 'feature');
    for (const node of [features[0], features[10], features.at(-1)!]) {
      const changes = [{ node, factor: 3 }];
      const measured = await measureChange(model, set, found, { changes, mode: 'direct' });
      measured.forEach((change, t) => {
        const edge = adjacency[(n - 2 + t) * n + node];
        assert.ok(
          Math.abs(change - 2 * edge) < 1e-4 + 1e-3 * Math.abs(edge),
          `${change} ${2 * edge}`,
        );
      });
    }
  });
}

test('a change of the last layer has no indirect path, so prediction and direct effect agree', async () => {
  const model = await loadModel(join(families, 'gpt2'));
  const set = randomSet(model, {});
  const found = await attributePrompt(model, set, tokens, { tokens: [5], ignoredPositions: [0] });
  const { nodes } = found.graph;
  const last = [...nodes.keys()].filter(
    (i) => nodes[i].kind === 'feature' && nodes[i].layer === model.config.nLayers - 1,
  );
  const changes = [{ node: last.at(-1)!, factor: 0 }];
  const [predicted] = predictChange(found, changes);
  const [measured] = await measureChange(model, set, found, { changes, mode: 'direct' });
  assert.ok(Math.abs(predicted - measured) < 1e-4);
  assert.throws(() => predictChange(found, [{ node: nodes.length - 1, factor: 0 }]), {
    code: 'bad-intervention',
  });
});

test('validity is 1 where the graph is the whole truth, and carries its interval', async () => {
  const model = await loadModel(join(families, 'gpt2'));
  const set = randomSet(model, {});
  const found = await attributePrompt(model, set, tokens, { tokens: [5], ignoredPositions: [0] });
  // Only the last layer's features: without indirect paths the direct mode is what the graph says.
  const last = model.config.nLayers - 1;
  const graph = {
    ...found.graph,
    nodes: found.graph.nodes.map((node) =>
      node.kind === 'feature' && node.layer < last ? { ...node, kind: 'error' as const } : node,
    ),
  };
  const { correlation, low, high, n, points } = await graphValidity(
    model,
    set,
    { ...found, graph },
    { features: 8, mode: 'direct' },
  );
  assert.equal(n, points.length);
  assert.ok(n >= 3);
  assert.ok(correlation > 0.9999 && low <= correlation && correlation <= high + 1e-9);
});
