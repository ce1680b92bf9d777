import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { z } from 'zod';
import { parseGraphFile, toGraphFile } from './file.ts';
import { linkEnds } from './format/ends.ts';
import { readGraph } from './format/read.ts';
import { graphScores } from './influence.ts';
import type { GraphFile } from './schema.ts';
import { readTorchGraph } from './torch-graph.ts';

// Written by circuit-tracer itself: scripts/reference/make_graphs.py.
const fixtures = join(import.meta.dirname, '../../../test/fixtures/graphs');
const kinds = ['per-layer', 'cross-layer'] as const;

async function json(kind: string, name: string): Promise<unknown> {
  return JSON.parse(await readFile(join(fixtures, `circuit-tracer-${kind}`, name), 'utf8'));
}

/** The parts of Neuronpedia's schema (draft-07) that a file can break; no other fields are required. */
const neuronpedia = z.object({
  metadata: z.object({
    slug: z.string(),
    scan: z.string(),
    prompt_tokens: z.array(z.string()),
    prompt: z.string(),
    node_threshold: z.number().optional(),
    info: z.object({ create_time_ms: z.number().optional() }).optional(),
    pruning_settings: z
      .object({ node_threshold: z.number(), edge_threshold: z.number() })
      .optional(),
  }),
  qParams: z.object({
    pinnedIds: z.array(z.string()),
    supernodes: z.array(z.unknown()),
    linkType: z.string(),
    clickedId: z.string(),
    sg_pos: z.string(),
  }),
  nodes: z.array(
    z.object({
      node_id: z.string(),
      feature: z.int().nullable(),
      layer: z.union([z.string(), z.int()]),
      ctx_idx: z.int(),
      feature_type: z.string(),
      jsNodeId: z.string(),
      clerp: z.string(),
      influence: z.number().nullable().optional(),
      activation: z.number().nullable().optional(),
    }),
  ),
  links: z.array(z.object({ source: z.string(), target: z.string(), weight: z.number() })),
});

const opened = async (kind: string) => parseGraphFile(await json(kind, 'graph.json'), 'graph.json');

for (const kind of kinds) {
  test(`a ${kind} graph of circuit-tracer is read, an error and a feature with one id apart`, async () => {
    const file = await opened(kind);
    const ids = file.nodes.map(({ node_id }) => node_id);
    assert.equal(ids.length - new Set(ids).size, 1);
    const { nodes, links, layers, unsure, unknown } = readGraph(file);
    assert.equal(layers, 2);
    assert.deepEqual([unknown, unsure], [[], 0]);
    assert.equal(links.weight.length, file.links.length);
    assert.equal(
      new Set(links.weight.map((_, i) => `${links.source[i]} ${links.target[i]}`)).size,
      file.links.length,
    );
    for (const [i, target] of links.target.entries()) {
      assert.ok(['feature', 'logit'].includes(nodes[target].kind));
      assert.ok(nodes[links.source[i]].layer < nodes[target].layer);
    }
    const both = nodes.filter(({ id }) => id === '0_1_10');
    assert.deepEqual(
      both.map((node) => [node.kind, node.layer, node.index, node.position]),
      [
        ['feature', 0, 1, 10],
        ['error', 1, -1, 10],
      ],
    );
    assert.equal(nodes.at(-3)!.label, `Output "�" (p=${nodes.at(-3)!.probability!.toFixed(3)})`);
  });

  test(`a ${kind} graph.pt has the nodes and scores that circuit-tracer made its JSON of`, async () => {
    const path = join(fixtures, `circuit-tracer-${kind}`, 'graph.pt');
    const { graph, scan, model, tokenizer } = await readTorchGraph(path);
    assert.deepEqual(
      [scan, model, tokenizer],
      [`example/${kind}-transcoders`, 'tiny', 'tiny-tokenizer'],
    );
    const scores = graphScores(
      graph.nodes.map((node) => node.kind),
      graph.adjacency,
      graph.nodes.map(({ probability }) => probability ?? 0),
    );
    const expected = (await json(kind, 'scores.json')) as typeof scores;
    assert.ok(Math.abs(scores.replacement - expected.replacement) < 1e-5);
    assert.ok(Math.abs(scores.completeness - expected.completeness) < 1e-5);

    // Pruned and written here, it is the file that circuit-tracer writes, but for texts and the id that was used twice.
    const theirs = await opened(kind);
    const { file } = toGraphFile(graph, { slug: 'graph', scan: scan! });
    const rename = (node: GraphFile['nodes'][number]) =>
      node.feature_type.includes('error') ? `error ${node.layer} ${node.ctx_idx}` : node.node_id;
    const important = (one: GraphFile) =>
      one.nodes
        .map((node) => [rename(node), node.feature, node.layer, node.activation?.toFixed(4)])
        .sort();
    assert.deepEqual(important(file), important(theirs));
    const weights = (one: GraphFile) => one.links.map(({ weight }) => weight.toFixed(4)).sort();
    assert.deepEqual(weights(file), weights(theirs));
    const shares = (one: GraphFile) =>
      one.nodes.map(({ influence }) => influence?.toFixed(3)).sort();
    assert.deepEqual(shares(file), shares(theirs));
    for (const id of ['node_id', 'jsNodeId'] as const) {
      assert.equal(new Set(file.nodes.map((node) => node[id])).size, file.nodes.length);
    }
    const again = JSON.parse(JSON.stringify(file));
    assert.deepEqual(parseGraphFile(again), file);
    neuronpedia.parse(again);
  });
}

test('what a reader saved in another front end is read, as lists and as texts', async () => {
  const file = await opened('per-layer');
  const group = ['what it says', '0_5_10', '0_6_10'];
  const asLists = {
    pinnedIds: ['1_3_10', 'E_2_0', 'gone'],
    supernodes: [group],
    clerps: [['20', 'brown']],
  };
  const asTexts = {
    pinnedIds: asLists.pinnedIds.join(','),
    supernodes: JSON.stringify(asLists.supernodes),
    clerps: JSON.stringify(asLists.clerps),
  };
  for (const annotations of [asLists, asTexts]) {
    const qParams = { ...annotations, clickedId: '3_234_10', sg_pos: '1 2', linkType: 'both' };
    const parsed = parseGraphFile({ ...file, qParams });
    const read = readGraph(parsed);
    const id = (index: number) => read.nodes[index].id;
    assert.deepEqual(read.pins.map(id), ['1_3_10', 'E_2_0']);
    assert.equal(read.lost, 1);
    assert.deepEqual(
      read.supernodes.map(({ label, nodes }) => [label, ...nodes.map(id)]),
      [group],
    );
    assert.equal(id(read.clicked!), '3_234_10');
    assert.equal(read.nodes.find((node) => node.id === '0_5_10')!.label, 'brown');
  }
});

test('nodes of attention dictionaries and of unknown types are counted', async () => {
  const file = await opened('per-layer');
  const like = { ...file.nodes[1], vis_link: 'https://example.org/7', qk_tracing_results: {} };
  const nodes = [
    ...file.nodes,
    { ...like, node_id: '0_7_3', feature_type: 'lorsa' },
    { ...like, node_id: 'x_1', feature_type: 'neuron' },
  ];
  const links = [...file.links, { source: 'x_1', target: '1_3_10', weight: 1 }];
  const read = readGraph(parseGraphFile({ ...file, nodes, links }));
  assert.deepEqual(read.unknown, [{ type: 'neuron', nodes: 1 }]);
  assert.equal(read.unknownLinks, 1);
  assert.equal(read.attention, 1);
  assert.equal(read.nodes.length, file.nodes.length + 1);
});

test('links of namesakes are told apart by layer, by order, or counted', () => {
  const nodes = [
    { id: '0_0_0', kind: 'feature', layer: 0 },
    { id: '0_9_0', kind: 'feature', layer: 0 },
    { id: '1_4_0', kind: 'feature', layer: 1 },
    { id: '0_0_0', kind: 'error', layer: 0 },
    { id: '0_1_0', kind: 'error', layer: 1 },
    { id: '3_1_0', kind: 'logit', layer: 2 },
  ] as const;
  const to = (target: string, ...sources: string[]) =>
    sources.map((source) => ({ source, target }));
  const ends = (...links: { source: string; target: string }[]) => {
    const { source, unsure } = linkEnds(nodes, links);
    return [source, unsure];
  };
  assert.deepEqual(ends(...to('3_1_0', '0_0_0', '0_0_0')), [[0, 3], 0]);
  assert.deepEqual(ends(...to('3_1_0', '0_0_0', '0_9_0')), [[0, 1], 0]);
  assert.deepEqual(ends(...to('3_1_0', '0_9_0', '0_0_0')), [[1, 3], 0]);
  assert.deepEqual(ends(...to('3_1_0', '0_0_0')), [[0], 1]);
  assert.deepEqual(ends(...to('3_1_0', 'nobody')), [[-1], 0]);
});
