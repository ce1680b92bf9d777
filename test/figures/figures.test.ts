import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type BandSeries,
  type HeatmapData,
  heatmap,
  lineBand,
  palettes,
  renderSvg,
} from '../../src/figures/index.ts';
import { assertSnapshot } from './snapshot.ts';

const TOKENS = ['When', ' Mary', ' and', ' John', ' went', ' to', ' the', ' 商店'];

/** Effects with both signs, one not assessed. */
const SIGNED: HeatmapData = {
  rows: ['L0', 'L1', 'L2', 'L3'],
  columns: TOKENS,
  values: Array.from({ length: 4 }, (_, row) =>
    TOKENS.map((_, column) =>
      row === 2 && column === 5 ? Number.NaN : Math.sin(1 + row * 1.7 + column * 0.9) * (row + 1),
    ),
  ),
};

/** A lens: probability of the top-1 token, its text in the cell. */
const LENS: HeatmapData = {
  rows: ['embed', 'L0', 'L1', 'final'],
  columns: ['The', ' capital', ' of'],
  values: [
    [0.02, 0.05, 0.11],
    [0.1, 0.2, 0.31],
    [0.33, 0.47, 0.52],
    [0.61, 0.8, 0.97],
  ],
  labels: [
    ['the', 'the', 'of'],
    ['city', 'of', 'the'],
    ['city', 'of', ' Lakeshore'],
    ['city', 'of', '<首都>'],
  ],
};

const DOSE: readonly BandSeries[] = [
  {
    name: 'direction',
    role: 'measured',
    points: [-2, -1, 0, 1, 2].map((x) => ({
      x,
      y: 3 * Math.tanh(x),
      low: 3 * Math.tanh(x) - 0.3 - 0.2 * Math.abs(x),
      high: 3 * Math.tanh(x) + 0.3 + 0.2 * Math.abs(x),
      n: 64,
    })),
  },
  {
    name: 'random',
    role: 'control',
    points: [-2, -1, 0, 1, 2].map((x) => ({ x, y: 0.05 * x, low: -0.4, high: 0.4, n: 64 })),
  },
];

for (const theme of ['light', 'dark', 'page'] as const) {
  const palette = palettes[theme];
  test(`signed heatmap, ${theme}`, () => {
    assertSnapshot(
      `heatmap-signed-${theme}`,
      heatmap(SIGNED, {
        title: 'Effect of patching the residual stream',
        scale: 'diverging',
        rowTitle: 'Layer',
        columnTitle: 'Position',
        unit: 'logits',
        palette,
      }),
    );
  });

  test(`dose–response, ${theme}`, () => {
    assertSnapshot(
      `dose-response-${theme}`,
      lineBand(DOSE, {
        title: 'Dose–response',
        xTitle: 'Strength',
        yTitle: 'Logit difference (logits)',
        markX: 1,
        palette,
      }),
    );
  });
}

test('lens heatmap with labels and Chinese words', () => {
  assertSnapshot(
    'heatmap-lens-zh-Hant',
    heatmap(LENS, {
      title: 'Logit 透鏡',
      scale: 'sequential',
      domain: [0, 1],
      rowTitle: '層',
      columnTitle: '位置',
      unit: '機率',
      lang: 'zh-Hant',
      palette: palettes.light,
    }),
  );
});

test('every cell says its row, column, value and unit; an unknown value says so', () => {
  const svg = renderSvg(
    heatmap(SIGNED, {
      title: 'Effect',
      scale: 'diverging',
      rowTitle: 'Layer',
      columnTitle: 'Position',
      unit: 'logits',
      palette: palettes.light,
    }),
  );
  assert.equal(svg.match(/data-row=/g)?.length, 32);
  assert.match(svg, /<title>L0 · When: \+0\.841 logits<\/title>/);
  assert.match(svg, /<title>L2 · {2}to: not assessed<\/title>/);
});

test('text from a model cannot break out of the figure', () => {
  const svg = renderSvg(
    heatmap(
      { rows: ['<script>'], columns: ['"&'], values: [[1]], labels: [['</text><script>']] },
      {
        title: '<b>',
        scale: 'sequential',
        rowTitle: 'row',
        columnTitle: 'column',
        unit: 'x',
        palette: palettes.light,
        cell: { width: 200, height: 20 },
      },
    ),
  );
  assert.doesNotMatch(svg, /<script>|<b>/);
  assert.match(svg, /&lt;script>/);
});

test('an empty table and an empty series still draw', () => {
  const words = { rowTitle: 'row', columnTitle: 'column', unit: 'x', title: 'none' };
  const empty = { rows: [], columns: [], values: [] };
  const map = heatmap(empty, { ...words, scale: 'sequential', palette: palettes.light });
  assert.doesNotMatch(renderSvg(map), /NaN|Infinity/);
  const flat = lineBand([{ name: 'a', role: 'measured', points: [{ x: 1, y: Number.NaN }] }], {
    title: 'none',
    xTitle: 'x',
    yTitle: 'y',
    palette: palettes.light,
  });
  assert.doesNotMatch(renderSvg(flat), /NaN|Infinity/);
});
