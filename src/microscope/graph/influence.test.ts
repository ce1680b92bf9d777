import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Rng } from '../../base/rng.ts';
import { edgeScores, graphScores, influence, keepThreshold, normaliseRows } from './influence.ts';
import { pruneGraph } from './prune.ts';
import type { GraphNodeKind } from './types.ts';

/** The twelve-node case of circuit-tracer's own tests: every edge weighs 10. */
function twelve(edges: Readonly<Record<number, readonly number[]>>) {
  const n = 12;
  const matrix = new Float64Array(n * n);
  for (const [target, sources] of Object.entries(edges)) {
    for (const source of sources) matrix[Number(target) * n + source] = 10;
  }
  const weights = new Float64Array(n);
  weights[11] = 1;
  return { n, matrix, weights };
}

function close(actual: Float64Array, expected: readonly number[]): void {
  assert.equal(actual.length, expected.length);
  expected.forEach((value, i) => {
    assert.ok(Math.abs(actual[i] - value) < 1e-9, `entry ${i}: ${actual[i]} is not ${value}`);
  });
}

test('influence of the twelve-node graph', () => {
  const { n, matrix, weights } = twelve({ 11: [1, 3, 6, 8], 3: [0, 1, 6], 1: [9, 10], 0: [9] });
  const found = influence(normaliseRows(matrix, n), weights);
  const [third, quarter] = [1 / 3, 1 / 4];
  close(found, [1 / 12, third, 0, quarter, 0, 0, third, 0, quarter, quarter, 1 / 6, 0]);
});

test('edge scores of the pruned twelve-node graph', () => {
  const { n, matrix, weights } = twelve({ 11: [1, 3, 6, 8], 3: [1, 6], 1: [9, 10] });
  const normalised = normaliseRows(matrix, n);
  const scores = edgeScores(normalised, influence(normalised, weights), weights);
  const expected = new Array<number>(n * n).fill(0);
  for (const source of [1, 3, 6, 8]) expected[11 * n + source] = 1 / 4;
  for (const source of [1, 6]) expected[3 * n + source] = 1 / 8;
  for (const source of [9, 10]) expected[1 * n + source] = 3 / 16;
  close(scores, expected);
});

test('the threshold keeps at least the asked share', () => {
  assert.equal(keepThreshold([0.5, 0.3, 0.1, 0.1], 0.8), 0.3);
  assert.equal(keepThreshold([0.5, 0.3, 0.1, 0.1], 1), 0.1);
  assert.equal(keepThreshold([0.5, 0.3, 0.1, 0.1], 0), 0.5);
});

/** token 0 → feature 1 → logit 4; error 2 → logit 4; feature 3 leads nowhere. */
const kinds: GraphNodeKind[] = ['token', 'feature', 'error', 'feature', 'logit'];
function small() {
  const matrix = new Float64Array(25);
  matrix[1 * 5 + 0] = 2;
  matrix[4 * 5 + 1] = 3;
  matrix[4 * 5 + 2] = 1;
  matrix[3 * 5 + 0] = 5;
  return { matrix, weights: [0, 0, 0, 0, 1] };
}

test('replacement and completeness of a graph done by hand', () => {
  const { matrix, weights } = small();
  const { replacement, completeness } = graphScores(kinds, matrix, weights);
  // Influence: feature .75, error .25, token .75. Only the logit (weight 1) has an error among its inputs.
  assert.ok(Math.abs(replacement - 0.75 / (0.75 + 0.25)) < 1e-12);
  const all = 0.75 + 0.25 + 0.75 + 1;
  assert.ok(Math.abs(completeness - (all - 0.25) / all) < 1e-12);
});

test('pruning drops what leads nowhere and keeps tokens and logits', () => {
  const { matrix, weights } = small();
  const all = pruneGraph(kinds, matrix, weights, { nodeShare: 1, edgeShare: 1 });
  assert.deepEqual(all.keepNodes, [true, true, true, false, true]);
  assert.equal(all.cumulative[4], null);
  const few = pruneGraph(kinds, matrix, weights, { nodeShare: 0.5, edgeShare: 1 });
  assert.deepEqual(few.keepNodes, [true, true, false, false, true]);
  assert.deepEqual([few.keepEdges[4 * 5 + 1], few.keepEdges[4 * 5 + 2]], [1, 0]);
});

/** circuit-tracer's prune_graph as its source reads: masks updated all at once until they stay. */
function pruneByTheBook(
  nodeKinds: readonly GraphNodeKind[],
  matrix: Float64Array,
  weights: readonly number[],
  [nodeShare, edgeShare]: readonly [number, number],
) {
  const n = nodeKinds.length;
  const fixed = (i: number) => nodeKinds[i] === 'token' || nodeKinds[i] === 'logit';
  const threshold = (scores: ArrayLike<number>, share: number) => {
    const sorted = Array.from(scores).sort((a, b) => b - a);
    const total = sorted.reduce((a, b) => a + b, 0);
    let carried = 0;
    const at = sorted.findIndex((score) => (carried += score) / total >= share);
    return sorted[at < 0 ? n * n - 1 : at] ?? 0;
  };
  const importance = influence(normaliseRows(matrix, n), weights);
  const least = threshold(importance, nodeShare);
  let nodes = nodeKinds.map((_, i) => fixed(i) || importance[i] >= least);
  const left = matrix.map((value, i) => (nodes[Math.floor(i / n)] && nodes[i % n] ? value : 0));
  const normalised = normaliseRows(left, n);
  const scores = edgeScores(normalised, influence(normalised, weights), weights);
  const leastEdge = threshold(scores, edgeShare);
  let edges = Array.from(scores, (score) => score > 0 && score >= leastEdge);
  const any = (index: (other: number) => number) =>
    Array.from({ length: n }, (_, other) => edges[index(other)]).some(Boolean);
  for (;;) {
    const before = nodes;
    nodes = nodes.map((keep, i) => {
      if (fixed(i)) return keep;
      const outgoing = any((target) => target * n + i);
      return keep && outgoing && (nodeKinds[i] === 'error' || any((source) => i * n + source));
    });
    edges = edges.map((keep, i) => keep && nodes[Math.floor(i / n)] && nodes[i % n]);
    if (nodes.every((keep, i) => keep === before[i])) return { nodes, edges };
  }
}

test('pruning ends where the published procedure ends, on random graphs', () => {
  const order: GraphNodeKind[] = [
    ...new Array(9).fill('feature'),
    ...['error', 'error', 'error', 'token', 'token', 'logit', 'logit'],
  ] as GraphNodeKind[];
  const n = order.length;
  const share = fc.double({ min: 0.05, max: 0.99, noNaN: true });
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1e6 }), share, share, (seed, nodeShare, edgeShare) => {
      const rng = new Rng(seed);
      const matrix = new Float64Array(n * n);
      for (let target = 0; target < n; target++) {
        if (order[target] !== 'feature' && order[target] !== 'logit') continue;
        for (let source = 0; source < n; source++) {
          // Features only read earlier features; everything else but logits can be read by all.
          const earlier = order[source] === 'feature' ? source < target : order[source] !== 'logit';
          if (earlier && rng.next() < 0.4) matrix[target * n + source] = rng.normal();
        }
      }
      const weights = order.map((kind, i) => (kind === 'logit' ? (i === n - 1 ? 0.3 : 0.6) : 0));
      const book = pruneByTheBook(order, matrix, weights, [nodeShare, edgeShare]);
      const ours = pruneGraph(order, matrix, weights, { nodeShare, edgeShare });
      assert.deepEqual(ours.keepNodes, book.nodes);
      assert.deepEqual(Array.from(ours.keepEdges, Boolean), book.edges);
    }),
    { numRuns: 200 },
  );
});
