import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Dictionary, DictionarySet } from '../dictionary/types.ts';
import { groupFeatures } from './group.ts';
import type { AttributionGraph, GraphNode } from './types.ts';

const none = { activation: null, probability: null };
const feature = (position: number, index: number, activation: number): GraphNode => ({
  kind: 'feature',
  layer: 0,
  position,
  index,
  activation,
  probability: null,
});
/** Features 0 and 1 write the same and lead to the logit; 2 writes across; 3 is 0 at another position. */
const nodes: GraphNode[] = [
  feature(1, 0, 1),
  feature(1, 1, 3),
  feature(1, 2, 1),
  feature(2, 3, 1),
  { kind: 'logit', layer: 1, position: 2, index: 9, activation: null, probability: 1 },
  { kind: 'token', layer: -1, position: 0, index: 4, ...none },
];
const n = nodes.length;
const adjacency = new Float32Array(n * n);
for (const source of [0, 1, 2, 3]) adjacency[4 * n + source] = 1;
const graph: AttributionGraph = {
  nodes,
  adjacency,
  prompt: '',
  tokens: [],
  outputs: [],
  nLayers: 1,
};
const decoder = Float32Array.of(1, 0, 0.9, 0.1, 0, 1, 1, 0);
const dictionary: Dictionary = {
  config: {
    activation: { kind: 'relu' },
    reads: ['blocks.0.mlp.hook_in'],
    writes: ['blocks.0.hook_mlp_out'],
    dIn: 2,
    dOut: 2,
    dDict: 4,
    centreInput: false,
    skip: false,
    scale: 1,
    model: { name: 'by hand', hash: null },
  },
  params: { 'W_dec.0': { dtype: 'float32', shape: [4, 2], data: decoder } },
};
const set: DictionarySet = { kind: 'per-layer', dictionaries: [dictionary] };

test('features with like decoders and targets at one position form a group', () => {
  const groups = groupFeatures(graph, set, { threshold: 0.9 });
  assert.deepEqual(
    groups.map((group) => group.nodes),
    [[0, 1]],
  );
  assert.equal(groups[0].label, 'L0 #1');
  assert.ok(groups[0].cohesion > 0.99);
});

test('different labels keep features apart, a shared one names the group', () => {
  const apart = groupFeatures(graph, set, { threshold: 0.9, labels: ({ index }) => `${index}` });
  assert.deepEqual(apart, []);
  const [group] = groupFeatures(graph, set, { threshold: 0.9, labels: () => 'river' });
  assert.equal(group.label, 'river');
});

test('a lower threshold joins more, and only the nodes asked for', () => {
  const [group] = groupFeatures(graph, set, { threshold: 0.3 });
  assert.deepEqual(group.nodes, [0, 1, 2]);
  assert.deepEqual(groupFeatures(graph, set, { threshold: 0.3, nodes: [0, 3] }), []);
});
