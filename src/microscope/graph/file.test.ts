import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseGraphFile, toGraphFile } from './file.ts';
import { cantorPair, cantorUnpair } from './format/node-ids.ts';
import type { AttributionGraph, GraphNode } from './types.ts';

test("Cantor's pairing is undone", () => {
  const layer = fc.integer({ min: 0, max: 200 });
  const feature = fc.integer({ min: 0, max: 10_000_000 });
  fc.assert(
    fc.property(layer, feature, (x, y) => assert.deepEqual(cantorUnpair(cantorPair(x, y)), [x, y])),
  );
  // The id of layer 23, feature 5458 in published Gemma graphs is made by the same rule.
  assert.equal(cantorPair(23, 5458), ((23 + 5458) * (23 + 5458 + 1)) / 2 + 5458);
});

const none = { activation: null, probability: null };
const nodes: GraphNode[] = [
  { kind: 'feature', layer: 0, position: 1, index: 0, activation: 2, probability: null },
  { kind: 'error', layer: 0, position: 1, index: -1, ...none },
  { kind: 'token', layer: -1, position: 0, index: 7, ...none },
  { kind: 'token', layer: -1, position: 1, index: 8, ...none },
  { kind: 'logit', layer: 1, position: 1, index: 9, activation: null, probability: 0.75 },
];
const adjacency = new Float32Array(25);
adjacency[0 * 5 + 3] = 1.5;
adjacency[4 * 5 + 0] = -2;
adjacency[4 * 5 + 1] = 0.5;
const graph: AttributionGraph = {
  nodes,
  adjacency,
  prompt: 'a\nb',
  tokens: [
    { id: 7, text: 'a\n' },
    { id: 8, text: 'b' },
  ],
  outputs: [{ id: 9, text: ' c' }],
  nLayers: 1,
};
const options = { slug: 'demo', scan: 'tiny', nodeShare: 1, edgeShare: 1 };

test('a graph is written in the public format and read back', () => {
  const { file, shown, total } = toGraphFile(graph, options);
  assert.deepEqual(shown, { nodes: 5, links: 3 });
  assert.deepEqual(total, { nodes: 5, links: 3 });
  const byId = (id: string, type: string) =>
    file.nodes.find(({ node_id, feature_type }) => node_id === id && feature_type === type)!;
  // A feature of layer 0 and an error would share an id here as circuit-tracer names them.
  assert.equal(byId('0_0_1', 'cross layer transcoder').feature, 0);
  assert.equal(byId('-1_0_1', 'mlp reconstruction error').feature, -1);
  assert.equal(new Set(file.nodes.map(({ node_id }) => node_id)).size, file.nodes.length);
  assert.equal(byId('E_7_0', 'embedding').clerp, 'Emb: "a⏎"');
  assert.equal(byId('2_9_1', 'logit').clerp, 'Output " c" (p=0.750)');
  assert.equal(byId('2_9_1', 'logit').is_target_logit, true);
  assert.deepEqual(parseGraphFile(JSON.parse(JSON.stringify(file))), file);
});

test('unknown fields survive', () => {
  const { file } = toGraphFile(graph, options);
  const extended = { ...file, extra: { kept: 1 } };
  assert.deepEqual(parseGraphFile(extended), extended);
});

test('what is wrong with a file is named', () => {
  const { file } = toGraphFile(graph, options);
  const cases: [object, RegExp][] = [
    [{ ...file, nodes: undefined }, /demo.json: nodes/],
    [{ ...file, nodes: [...file.nodes, file.nodes[2]] }, /E_7_0 \(embedding\) occurs twice/],
    [{ ...file, links: [{ source: 'x', target: '2_9_1', weight: 1 }] }, /link 0 ends at x/],
    [{ ...file, metadata: { ...file.metadata, slug: '' } }, /metadata.slug/],
    [{ ...file, links: [{ ...file.links[0], weight: '1' }] }, /links.0.weight/],
  ];
  for (const [json, message] of cases) {
    assert.throws(() => parseGraphFile(json, 'demo.json'), { code: 'bad-graph-file', message });
  }
});
