import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { subgraphScores } from '../../../src/microscope/graph/subgraph-scores.ts';
import { LAYERS, randomView, TOKENS } from '../../../test/support/random-view.ts';
import { differenceKey, hideFrequent, presences, withDifference, without } from './filter.ts';
import { shelves } from './lists.ts';
import { strongestPaths } from './paths.ts';
import { sparseSubgraphScores } from './prune.ts';
import type { GraphView } from './view.ts';

const near = (a: number, b: number) => assert.ok(Math.abs(a - b) < 1e-9, `${a} and ${b}`);
const logits = ({ nodes }: GraphView) => nodes.filter(({ kind }) => kind === 'logit');

/** The view with a density and a presence on every feature. */
function withDensities(view: GraphView): GraphView {
  const presence = presences(view.nodes, TOKENS.length);
  return {
    ...view,
    nodes: view.nodes.map((node, i) => ({
      ...node,
      density: node.kind === 'feature' ? (node.index - 9) / 10 : null,
      presence: presence[i],
    })),
  };
}

test('what fires too often is taken out, counted by reason, and the largest of it named', () => {
  const view = withDensities(randomView(4));
  const features = view.nodes.filter(({ kind }) => kind === 'feature');
  assert.ok(features.every(({ presence }) => presence === 1));
  assert.equal(hideFrequent(view, { density: 1, presence: 1 }), view);
  const less = hideFrequent(view, { density: 0.15, presence: 1 });
  const gone = features.filter(({ density }) => density! > 0.15);
  assert.equal(less.nodes.length, view.nodes.length - gone.length);
  assert.ok(less.nodes.every(({ density }) => density === null || density <= 0.15));
  assert.deepEqual(less.hidden.slice(0, 1), [{ what: 'nodes', why: 'dense', count: gone.length }]);
  const lost = less.hidden.find(({ what }) => what === 'links')!;
  assert.equal(less.links.weight.length + lost.count, view.links.weight.length);
  const most = gone.reduce((a, b) => (b.influence > a.influence ? b : a));
  assert.equal(less.largestHidden[0].key, most.key);
  const none = hideFrequent(view, { density: 1, presence: 2 / 3 });
  assert.ok(none.nodes.every(({ kind }) => kind !== 'feature'));
  assert.ok(none.hidden.every(({ why }) => why === 'present'));
});

test('shown and hidden make up the whole, whatever is taken out', () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat({ max: 4 }), (seed, every) => {
      const view = randomView(seed);
      const less = without(view, {
        why: ({ kind }, i) => (kind === 'feature' && i % (every + 2) === 0 ? 'pruned' : null),
        dropLink: (i) => i % 7 === 0,
      });
      for (const what of ['nodes', 'links'] as const) {
        const hidden = less.hidden.filter((one) => one.what === what);
        const sum = hidden.reduce((total, { count }) => total + count, less.shown[what]);
        assert.equal(sum, view.shown[what]);
      }
    }),
  );
});

test('the difference of two logits has their links, subtracted', () => {
  const view = randomView(7);
  const [a, b] = logits(view);
  const wider = withDifference(view, [a.key, b.key], () => 'a − b');
  const at = wider.indexOf.get(differenceKey(a.key, b.key))!;
  const weight = (end: string, source: number) =>
    view.into[view.indexOf.get(end)!].reduce(
      (sum, link) => (view.links.source[link] === source ? sum + view.links.weight[link] : sum),
      0,
    );
  for (const link of wider.into[at]) {
    const source = wider.links.source[link];
    near(wider.links.weight[link], weight(a.key, source) - weight(b.key, source));
  }
  const sizes = wider.into[at].map((link) => Math.abs(wider.links.weight[link]));
  near(
    wider.nodes[at].inputs,
    sizes.reduce((x, y) => x + y, 0),
  );
  assert.deepEqual(wider.shown, view.shown);
  assert.equal(
    withDifference(view, [a.key, view.nodes[0].key], () => ''),
    view,
  );
  assert.equal(
    withDifference(view, [a.key, a.key], () => ''),
    view,
  );
  assert.equal(
    withDifference(view, [], () => ''),
    view,
  );
});

test('chains from tokens carry what tokens influence; the strongest come first', () => {
  fc.assert(
    fc.property(fc.nat({ max: 500 }), (seed) => {
      const view = randomView(seed);
      const all = strongestPaths(view, 5000);
      const few = strongestPaths(view, 5);
      few.forEach(({ share }, i) => {
        near(share, all[i].share);
      });
      const total = logits(view).reduce((sum, { probability }) => sum + probability!, 0);
      // What the tokens' influence counts is every chain that begins at one.
      const influence = view.nodes.reduce(
        (sum, { kind, influence: own }) => (kind === 'token' ? sum + own : sum),
        0,
      );
      assert.ok(
        Math.abs(all.reduce((sum, { share }) => sum + share, 0) - influence / total) < 1e-6,
      );
      for (const { nodes, share, positive } of few) {
        assert.equal(view.nodes[nodes[0]].kind, 'token');
        assert.equal(view.nodes[nodes.at(-1)!].kind, 'logit');
        let product = view.nodes[nodes.at(-1)!].probability! / total;
        let sign = 1;
        for (let i = 1; i < nodes.length; i++) {
          const link = view.into[nodes[i]].find((one) => view.links.source[one] === nodes[i - 1])!;
          product *= Math.abs(view.links.weight[link]) / view.nodes[nodes[i]].inputs;
          sign *= Math.sign(view.links.weight[link]);
        }
        near(share, product);
        assert.equal(positive, sign > 0);
      }
    }),
    { numRuns: 20 },
  );
});

test('nodes are listed by influence, by token or by layer, each once', () => {
  const view = randomView(2);
  const once = (parts: ReturnType<typeof shelves>) =>
    parts.flatMap(({ nodes }) => nodes).sort((a, b) => a - b);
  const all = [...view.nodes.keys()].filter((i) => view.nodes[i].kind !== 'logit');
  for (const by of ['influence', 'token', 'layer'] as const) {
    const parts = shelves(view, { by });
    assert.deepEqual(once(parts), all);
    for (const { nodes } of parts) {
      const sorted = nodes.map((i) => view.nodes[i].influence);
      assert.deepEqual(
        sorted,
        [...sorted].sort((a, b) => b - a),
      );
    }
  }
  const byLayer = shelves(view, { by: 'layer' }).map(({ part }) => part);
  assert.deepEqual(
    byLayer,
    Array.from({ length: LAYERS + 1 }, (_, i) => i - 1),
  );
  const found = view.nodes.map(({ kind }) => kind === 'logit');
  assert.equal(once(shelves(view, { by: 'token', found })).length, 2);
});

test('scores of a subgraph are the library’s', () => {
  fc.assert(
    fc.property(fc.nat({ max: 500 }), fc.nat({ max: 5 }), (seed, every) => {
      const view = randomView(seed);
      const n = view.nodes.length;
      const adjacency = new Float32Array(n * n);
      view.links.weight.forEach((weight, i) => {
        adjacency[view.links.target[i] * n + view.links.source[i]] = weight;
      });
      const kept = [...view.nodes.keys()].filter(
        (i) => view.nodes[i].kind === 'feature' && i % (every + 1) === 0,
      );
      const graph = {
        nodes: view.nodes,
        adjacency,
        prompt: '',
        tokens: [],
        outputs: [],
        nLayers: LAYERS,
      };
      const expected = subgraphScores(graph, kept);
      const found = sparseSubgraphScores(view, new Set(kept));
      assert.ok(Math.abs(found.replacement - expected.replacement) < 1e-5);
      assert.ok(Math.abs(found.completeness - expected.completeness) < 1e-5);
    }),
    { numRuns: 30 },
  );
});
