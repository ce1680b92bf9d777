import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type CircuitFigureData,
  circuitDiagram,
  circuitLayout,
  lineBand,
  palettes,
  parseCircuitNode,
  renderSvg,
} from '../../src/figures/index.ts';
import { assertSnapshot } from './snapshot.ts';

const CIRCUIT: CircuitFigureData = {
  layers: 3,
  heads: 4,
  parallel: false,
  edges: [
    { from: 'input', to: 'm0', input: null, score: 9.1 },
    { from: 'input', to: 'a0.h1', input: 'k', score: 1.2 },
    { from: 'a0.h1', to: 'm0', input: null, score: -0.4 },
    { from: 'm0', to: 'a1.h2', input: 'v', score: 3 },
    { from: 'a0.h1', to: 'a2.h0', input: 'q', score: -2.2 },
    { from: 'm0', to: 'a2.h3', input: 'v', score: 5.5 },
    { from: 'a1.h2', to: 'logits', input: null, score: 0.3 },
    { from: 'a2.h0', to: 'logits', input: null, score: -1.1 },
    { from: 'a2.h3', to: 'm2', input: null, score: 2.4 },
    { from: 'm2', to: 'logits', input: null, score: 6 },
  ],
};

const words = { width: 460, inputBar: 'input', logitsBar: 'logits', unit: 'logits' };

for (const theme of ['light', 'dark', 'page'] as const) {
  test(`circuit diagram, ${theme}`, () => {
    assertSnapshot(
      `circuit-diagram-${theme}`,
      circuitDiagram(CIRCUIT, { ...words, palette: palettes[theme], title: 'Circuit', note: '10' }),
    );
  });
}

test('edges that are brought out leave the others faint', () => {
  assertSnapshot(
    'circuit-diagram-lit-light',
    circuitDiagram(CIRCUIT, {
      ...words,
      palette: palettes.light,
      title: '迴路',
      lang: 'zh-Hant',
      lit: new Set([3, 5]),
    }),
  );
});

test('a curve over orders of magnitude', () => {
  assertSnapshot(
    'faithfulness-light',
    lineBand(
      [
        {
          name: 'random edges',
          role: 'control',
          points: [0.001, 0.1, 1].map((x) => ({ x, y: x === 1 ? 1 : 0, low: 0, high: x, n: 8 })),
        },
        {
          name: 'best edges',
          role: 'measured',
          points: [0.001, 0.01, 0.1, 1].map((x, i) => ({ x, y: i / 3, n: 1 })),
        },
      ],
      {
        palette: palettes.light,
        title: 'Faithfulness by size',
        xTitle: 'edges kept',
        yTitle: 'faithfulness',
        xScale: 'log',
        formatX: (share) => `${Number((share * 100).toPrecision(2))} %`,
        markX: 0.05,
        markY: 1,
      },
    ),
  );
});

const LAYERS = 4;
const HEADS = 5;

/** Edges that run forward in a model of that size. */
const someEdge = fc
  .record({
    from: fc.integer({ min: 0, max: LAYERS - 1 }),
    to: fc.integer({ min: 0, max: LAYERS - 1 }),
    a: fc.integer({ min: 0, max: HEADS }),
    b: fc.integer({ min: 0, max: HEADS }),
    input: fc.constantFrom('q' as const, 'k' as const, 'v' as const),
  })
  .map(({ from, to, a, b, input }) => {
    const [low, high] = from < to ? [from, to] : [to, from];
    const node = (layer: number, place: number) =>
      place === HEADS ? `m${layer}` : `a${layer}.h${place}`;
    const source = low === high ? 'input' : node(low, a);
    const mlp = b === HEADS;
    return { from: source, to: node(high, b), input: mlp ? null : input, score: 1 };
  });

test('wires start at their source, end at their target, and run upwards in lanes between columns', () => {
  fc.assert(
    fc.property(fc.array(someEdge, { minLength: 1, maxLength: 40 }), (edges) => {
      const size = { layers: LAYERS, heads: HEADS, parallel: false };
      const layout = circuitLayout(size, edges, { width: 700 });
      edges.forEach((edge, i) => {
        const [start, end] = [edge.from, edge.to].map((name) => {
          const node = parseCircuitNode(name);
          assert.ok(node);
          return layout.boxOf(node);
        });
        const numbers = [...layout.paths[i].matchAll(/-?[\d.]+/g)].map(Number);
        const [x0, y0] = numbers;
        const [x1, y1] = numbers.slice(-2);
        assert.ok(Math.abs(y0 - (start.y - start.height / 2)) < 0.02);
        assert.ok(Math.abs(x0 - start.x) <= start.width / 2 + 0.02);
        assert.ok(Math.abs(y1 - (end.y + end.height / 2)) < 0.02);
        assert.ok(Math.abs(x1 - end.x) <= end.width / 2);
        // The straight part lies beside every column: no box is in its way.
        const [, lane] = /L(-?[\d.]+)/.exec(layout.paths[i]) ?? [];
        if (lane === undefined) return;
        for (let head = 0; head < HEADS; head++) {
          const box = layout.boxOf({ kind: 'head', layer: 0, head });
          assert.ok(Math.abs(Number(lane) - box.x) >= box.width / 2, `${lane} through ${head}`);
        }
      });
    }),
  );
});

test('names of nodes are read, and what is none is not', () => {
  assert.deepEqual(parseCircuitNode('a11.h3'), { kind: 'head', layer: 11, head: 3 });
  assert.deepEqual(parseCircuitNode('m0'), { kind: 'mlp', layer: 0 });
  for (const wrong of ['', 'a1', 'm', 'a1.h', 'a1.h2<q>', 'x', 'inputs']) {
    assert.equal(parseCircuitNode(wrong), null);
  }
});

test('a circuit of nothing, of one layer, and of a hundred heads still draws', () => {
  for (const [layers, heads] of [
    [1, 1],
    [2, 100],
  ]) {
    const svg = renderSvg(
      circuitDiagram(
        { layers, heads, parallel: true, edges: [] },
        { ...words, palette: palettes.light, title: '' },
      ),
    );
    assert.doesNotMatch(svg, /NaN|Infinity/);
  }
});
