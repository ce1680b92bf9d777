import assert from 'node:assert/strict';
import { test } from 'node:test';
import { groupFeatures } from '../../src/microscope/graph/group.ts';
import { attributePrompt } from '../../src/microscope/graph/index.ts';
import type { AttributionGraph, GraphNode } from '../../src/microscope/graph/types.ts';
import { loadFixture } from '../../src/model/testing/fixtures.ts';
import { randomSet } from '../support/dictionaries.ts';

const model = await loadFixture('gpt2');
const set = randomSet(model, { width: 9 });

/** Nine features of layer 0 at one position that all lead to one logit alike. */
function alike(): AttributionGraph {
  const nodes = [
    ...Array.from(
      { length: 9 },
      (_, index): GraphNode => ({
        kind: 'feature',
        layer: 0,
        position: 1,
        index,
        activation: 1,
        probability: null,
      }),
    ),
    { kind: 'logit', layer: 2, position: 1, index: 5, activation: null, probability: 1 } as const,
  ];
  const adjacency = new Float32Array(nodes.length ** 2);
  adjacency.fill(1, 9 * nodes.length, 9 * nodes.length + 9);
  return { nodes, adjacency, prompt: '', tokens: [], outputs: [], nLayers: 2 };
}

// The mean over many pairs outweighed the one pair of two labels, and the group was called by the first of them.
test('features of two labels are never in one group, however alike the others are', () => {
  const [first] = set.dictionaries;
  const { shape, data } = first.params['W_dec.0'];
  const same = Float32Array.from(data as Float32Array, (_, i) => Number(data[i % shape[1]]));
  const params = { ...first.params, 'W_dec.0': { dtype: 'float32' as const, shape, data: same } };
  const dictionaries = [{ ...first, params }, ...set.dictionaries.slice(1)];
  const labels = ({ index }: GraphNode) => (index === 0 ? 'river' : index === 8 ? 'name' : null);
  const groups = groupFeatures(alike(), { ...set, dictionaries }, { labels, threshold: 0.5 });
  assert.ok(groups.length > 0);
  for (const { nodes } of groups) assert.ok(!(nodes.includes(0) && nodes.includes(8)), `${nodes}`);
});

// A batch of no targets, or none between two rankings, went round for ever.
test('a number of targets at a time that is no number of targets is refused', async () => {
  for (const options of [{ batch: 0 }, { rankEvery: 0, maxFeatures: 2 }, { batch: 2.5 }]) {
    await assert.rejects(attributePrompt(model, set, [3, 4, 5, 6], options), {
      code: 'bad-option',
    });
  }
});
