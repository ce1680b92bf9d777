import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { toCircuitTracer } from '../../src/microscope/dictionary/formats/circuit-tracer.ts';
import { loadAnyDictionary, toFeatureJson } from '../../src/microscope/dictionary/formats/index.ts';
import type { FeaturePage } from '../../src/microscope/dictionary/harvest/types.ts';
import { writeGraphFile } from '../../web/panels/graph/file.ts';
import { completeView, type GraphNode } from '../../web/panels/graph/view.ts';

const fixtures = join(import.meta.dirname, '../fixtures/dictionaries');

// A list of files in config.yaml is taken by circuit-tracer as paths from where it runs, and was not found.
test('the configuration for circuit-tracer names no files', async () => {
  const { set } = await loadAnyDictionary(join(fixtures, 'circuit-tracer-set'));
  const { config, files } = toCircuitTracer(set!);
  assert.ok(!('transcoders' in config));
  // It asks the first layer alone whether there are skips, and left those of later layers out.
  for (const tensors of Object.values(files)) assert.ok('W_skip' in tensors);
});

// The lowest activations of five groups stood where front ends look an activation's percentile up.
test('percentiles of a feature page are a hundred, ascending', () => {
  const page = {
    feature: 1,
    density: 0.1,
    max: 4,
    activations: { low: 0, high: 4, counts: [6, 0, 3, 1] },
    logits: { top: [], bottom: [] },
    groups: [],
  } as unknown as FeaturePage;
  const { quantile_values: values } = toFeatureJson(page, { tokenText: String, transcoderId: 't' });
  assert.equal(values.length, 100);
  assert.ok(values.every((value, i) => i === 0 || value >= values[i - 1]));
  const near = (actual: number, expected: number) =>
    assert.ok(Math.abs(actual - expected) < 1e-9, `${actual} is not ${expected}`);
  near(values[29], 0.5);
  near(values[59], 1);
  near(values[89], 3);
  near(values[99], 4);
});

// The page wrote no labels for outputs, which front ends show, and an id that the error shared with a feature.
test('the page names outputs in the files it saves, and gives every node an id of its own', () => {
  const common = {
    label: null,
    activation: 1,
    probability: null,
    density: null,
    presence: null,
    cumulative: 0.5,
    influence: 1,
    inputs: 1,
    errorShare: 0,
  };
  const nodes: GraphNode[] = [
    { ...common, key: '0_0_0', kind: 'feature', layer: 0, position: 0, index: 0 },
    { ...common, key: 'err_0_0', kind: 'error', layer: 0, position: 0, index: -1 },
    { ...common, key: 'E_5_0', kind: 'token', layer: -1, position: 0, index: 5 },
    { ...common, key: '2_9_0', kind: 'logit', layer: 1, position: 0, index: 9, probability: 0.25 },
  ];
  const view = completeView({
    file: null,
    prompt: 'a',
    tokens: ['·a'],
    layers: 1,
    nodes,
    links: { source: [0, 1, 2], target: [3, 3, 0], weight: [1, 2, 3] },
    scores: { replacement: 1, completeness: 1, errorShare: 0 },
    total: { nodes: 4, links: 3 },
    hidden: [],
    largestHidden: [],
  });
  const file = writeGraphFile(
    view,
    { pins: [], supernodes: [], labels: new Map(), chosen: '', places: new Map() },
    {
      model: 'm',
      version: '0',
      nodeShare: 1,
      edgeShare: 1,
      tokens: [' a'],
      outputs: new Map([['2_9_0', ' b']]),
    },
  );
  assert.equal(
    file.nodes.find(({ node_id }) => node_id === '2_9_0')!.clerp,
    'Output " b" (p=0.250)',
  );
  // Its tokens were those made visible for the page, `·a`.
  assert.deepEqual(file.metadata.prompt_tokens, [' a']);
  assert.equal(file.nodes.find(({ node_id }) => node_id === 'E_5_0')!.clerp, 'Emb: " a"');
  assert.equal(new Set(file.nodes.map(({ node_id }) => node_id)).size, 4);
  assert.deepEqual(
    file.links.map(({ source }) => source),
    ['0_0_0', '-1_0_0', 'E_5_0'],
  );
});
