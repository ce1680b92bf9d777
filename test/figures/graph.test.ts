import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  attributionGraph,
  type GraphFigureData,
  graphLayout,
  histogram,
  nearestPoint,
  palettes,
  placingOf,
  renderSvg,
  scatter,
  subgraph,
  subgraphLayout,
} from '../../src/figures/index.ts';
import { assertSnapshot } from './snapshot.ts';

const GRAPH: GraphFigureData = {
  tokens: ['When', '·Mary', '·她'],
  layers: 2,
  nodes: [
    { kind: 'token', layer: -1, position: 0, label: 'When', strength: 0.2 },
    { kind: 'token', layer: -1, position: 1, label: '·Mary', strength: 0.9 },
    { kind: 'feature', layer: 0, position: 1, label: 'names', strength: 0.8, marked: true },
    { kind: 'feature', layer: 0, position: 1, label: 'L0 #7', strength: 0.3 },
    { kind: 'error', layer: 1, position: 1, label: 'L1 error', strength: 0.4 },
    { kind: 'feature', layer: 1, position: 2, label: 'say a name', strength: 0.7 },
    { kind: 'logit', layer: 2, position: 2, label: '·Mary 91.0%', strength: 1 },
  ],
  links: [
    { source: 1, target: 2, share: 0.9 },
    { source: 0, target: 3, share: -0.4 },
    { source: 2, target: 5, share: 0.6 },
    { source: 4, target: 6, share: -0.1 },
    { source: 5, target: 6, share: 0.8 },
  ],
};

const words = { tokenRow: 'Token', logitRow: 'Logit', width: 420, height: 260 };

for (const theme of ['light', 'dark', 'page'] as const) {
  const palette = palettes[theme];
  test(`attribution graph, ${theme}`, () => {
    assertSnapshot(
      `attribution-graph-${theme}`,
      attributionGraph(GRAPH, {
        ...words,
        palette,
        title: 'Attribution graph',
        note: 'Showing 7 of 20 nodes and 5 of 90 links, because pruning removed the rest',
        named: [2, 5],
      }),
    );
  });
}

test('a chosen node colours the others by their weight', () => {
  const weights = [0, 1, 0.6, 0, -0.3, 1, 0.4];
  assertSnapshot(
    'attribution-graph-weights-light',
    attributionGraph(
      { ...GRAPH, nodes: GRAPH.nodes.map((node, i) => ({ ...node, weight: weights[i] })) },
      { ...words, palette: palettes.light, title: 'Weights' },
    ),
  );
});

test('subgraph, scatter and histogram', () => {
  const palette = palettes.light;
  assertSnapshot(
    'subgraph-light',
    subgraph(
      {
        nodes: [
          { id: 'E_5_1', label: '·Mary', kind: 'token', layer: -1, position: 1, members: 1 },
          { id: 'super:0', label: '名字', kind: 'feature', layer: 0, position: 1, members: 3 },
          { id: '4_9_2', label: '·Mary', kind: 'logit', layer: 2, position: 2, members: 1 },
        ],
        links: [
          { source: 0, target: 1, share: 0.72 },
          { source: 1, target: 2, share: -0.31 },
        ],
      },
      { palette, title: 'Subgraph', width: 320, members: (count) => `${count} features` },
    ),
  );
  assertSnapshot(
    'validity-light',
    scatter(
      [
        { name: 'a', x: -1, y: -0.8 },
        { name: 'b', x: 0.4, y: 0.7 },
        { name: 'c', x: 0.1, y: 0 },
      ],
      {
        palette,
        title: 'Validity',
        xTitle: 'predicted change (logits)',
        yTitle: 'measured change (logits)',
        note: 'r = 0.97 [0.80, 1.00], n = 3 ablations',
      },
    ),
  );
  assertSnapshot(
    'histogram-light',
    histogram(
      { edges: [-2, -1, 0, 1, 2], counts: [1, 20, 300, 4] },
      { palette, title: 'Logits', valueTitle: 'effect on a logit', signed: true, log: true },
    ),
  );
});

const someNodes = fc.array(
  fc.record({
    kind: fc.constant('feature' as const),
    layer: fc.integer({ min: 0, max: 5 }),
    position: fc.integer({ min: 0, max: 9 }),
  }),
  { maxLength: 120 },
);

test('every node lies in the column of its token, and no two lie on each other', () => {
  fc.assert(
    fc.property(someNodes, fc.integer({ min: 200, max: 1600 }), (nodes, width) => {
      const layout = graphLayout(nodes, { tokens: 10, layers: 6, width, height: 480 });
      const seen = new Set<string>();
      nodes.forEach(({ layer, position }, i) => {
        const { left, width: wide } = layout.columns[position];
        assert.ok(layout.x[i] >= left && layout.x[i] <= left + wide);
        assert.ok(Math.abs(layout.y[i] - layout.rows[6 - layer].y) <= layout.band / 2);
        seen.add(`${layout.x[i].toFixed(3)} ${layout.y[i].toFixed(3)}`);
      });
      assert.equal(seen.size, nodes.length);
      for (let i = 1; i < 10; i++) {
        const before = layout.columns[i - 1];
        assert.ok(Math.abs(before.left + before.width - layout.columns[i].left) < 1e-6);
      }
    }),
  );
});

test('a busier column is wider', () => {
  const nodes = Array.from({ length: 60 }, () => {
    return { kind: 'feature' as const, layer: 1, position: 2 };
  });
  const { columns } = graphLayout(nodes, { tokens: 4, layers: 3, width: 800, height: 480 });
  assert.ok(columns[2].width > 3 * columns[0].width);
});

test('the nearest point within reach is that of a search through all', () => {
  const coordinate = fc.double({ min: 0, max: 300, noNaN: true });
  const point = fc.tuple(coordinate, coordinate);
  fc.assert(
    fc.property(fc.array(point, { maxLength: 60 }), point, (points, [x, y]) => {
      const layout = {
        x: Float64Array.from(points, ([a]) => a),
        y: Float64Array.from(points, ([, b]) => b),
      };
      const found = nearestPoint(layout, 30)(x, y);
      const distances = points.map(([a, b]) => Math.hypot(a - x, b - y));
      const least = Math.min(...distances, Number.POSITIVE_INFINITY);
      if (found === undefined) assert.ok(least > 30 - 1e-9);
      else assert.ok(Math.abs(distances[found] - least) < 1e-9);
    }),
  );
});

test('boxes of a subgraph do not overlap', () => {
  const node = fc.record({
    id: fc.string(),
    label: fc.string({ maxLength: 30 }),
    kind: fc.constant('feature' as const),
    layer: fc.integer({ min: -1, max: 4 }),
    position: fc.integer({ min: 0, max: 20 }),
    members: fc.integer({ min: 1, max: 5 }),
  });
  fc.assert(
    fc.property(fc.array(node, { minLength: 1, maxLength: 12 }), (nodes) => {
      const { boxes, width } = subgraphLayout({ nodes, links: [] }, { width: 500 });
      boxes.forEach((a, i) => {
        assert.ok(a.x >= -1e-6 && a.x + a.width <= width + 1e-6);
        for (const b of boxes.slice(i + 1)) {
          if (a.y !== b.y) continue;
          assert.ok(a.x + a.width <= b.x + 1e-6 || b.x + b.width <= a.x + 1e-6);
        }
      });
    }),
  );
});

test('what a reader put in its place stays there, and the rest makes room', () => {
  const nodes = ['a', 'b', 'c'].map((id, position) => ({ id, label: id, layer: 1, position }));
  const links = [{ source: 0, target: 2, share: 0.5 }];
  const free = subgraphLayout({ nodes, links }, { width: 600 });
  assert.deepEqual(subgraphLayout({ nodes, links }, { width: 600 }), free);
  const fixed = new Map([['c', placingOf(free, 0)]]);
  const moved = subgraphLayout({ nodes, links }, { width: 600, fixed });
  assert.deepEqual(placingOf(moved, 2), placingOf(free, 0));
  const [a, , c] = moved.boxes;
  assert.ok(a.x >= c.x + c.width || c.x >= a.x + a.width);
});

test('an empty graph still draws', () => {
  const palette = palettes.light;
  const svg = renderSvg(
    attributionGraph(
      { tokens: [], layers: 0, nodes: [], links: [] },
      { ...words, palette, title: '' },
    ),
  );
  assert.doesNotMatch(svg, /NaN|Infinity/);
  const empty = scatter([], { palette, title: '', xTitle: '', yTitle: '', note: '' });
  assert.doesNotMatch(renderSvg(empty), /NaN|Infinity/);
});
