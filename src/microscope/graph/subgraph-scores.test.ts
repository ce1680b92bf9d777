import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Rng } from '../../base/rng.ts';
import { graphScores } from './influence.ts';
import { subgraphScores } from './subgraph-scores.ts';
import type { AttributionGraph, GraphNode, GraphNodeKind } from './types.ts';

/** Two layers at one position: two features and an error each, a token, a logit. */
function small(seed: number): AttributionGraph {
  const node = (kind: GraphNodeKind, layer: number, index: number): GraphNode => ({
    kind,
    layer,
    position: 0,
    index,
    activation: kind === 'feature' ? 1 : null,
    probability: kind === 'logit' ? 1 : null,
  });
  const nodes = [
    node('feature', 0, 0),
    node('feature', 0, 1),
    node('feature', 1, 0),
    node('feature', 1, 1),
    node('error', 0, -1),
    node('error', 1, -1),
    node('token', -1, 5),
    node('logit', 2, 9),
  ];
  const n = nodes.length;
  const rng = new Rng(seed);
  const adjacency = new Float32Array(n * n);
  nodes.forEach((target, t) => {
    if (target.kind === 'error' || target.kind === 'token') return;
    nodes.forEach((source, s) => {
      if (source.layer < target.layer) adjacency[t * n + s] = rng.normal();
    });
  });
  return { nodes, adjacency, prompt: '', tokens: [{ id: 5, text: 'a' }], outputs: [], nLayers: 2 };
}

test('all features kept: the scores of the graph; none kept: what tokens give the answer directly', () => {
  for (let seed = 0; seed < 20; seed++) {
    const graph = small(seed);
    const { nodes, adjacency } = graph;
    const weights = nodes.map(({ probability }) => probability ?? 0);
    const whole = graphScores(
      nodes.map(({ kind }) => kind),
      adjacency,
      weights,
    );
    assert.deepEqual(subgraphScores(graph, [0, 1, 2, 3]), whole);

    // The logit's row is then the token and one error per layer, each the signed sum of its features and itself.
    const row = [...adjacency.subarray(7 * 8)].map((value) => value);
    const first = Math.fround(Math.fround(row[4] + row[0]) + row[1]);
    const second = Math.fround(Math.fround(row[5] + row[2]) + row[3]);
    const direct = Math.abs(row[6]);
    const share = direct / (direct + Math.abs(first) + Math.abs(second));
    const none = subgraphScores(graph, []);
    assert.ok(Math.abs(none.replacement - share) < 1e-9);
    // The token and the errors have no input and so count as explained: they carry as much as the logit does.
    assert.ok(Math.abs(none.completeness - (share + 1) / 2) < 1e-9);
    assert.ok(none.replacement <= 1 && none.completeness <= 1);
  }
});

test('a graph is left as it was', () => {
  const graph = small(3);
  const before = [...graph.adjacency];
  subgraphScores(graph, [1]);
  assert.deepEqual([...graph.adjacency], before);
});
