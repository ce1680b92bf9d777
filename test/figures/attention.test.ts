import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type AttentionPatternOptions,
  attentionPattern,
  combinePatterns,
  type HeadThumbnail,
  headGrid,
  type PatternMatrix,
  palettes,
  patternLayout,
  poolPattern,
  rankedDots,
  renderSvg,
} from '../../src/figures/index.ts';
import { assertSnapshot } from './snapshot.ts';

const TOKENS = ['<bos>', 'When', '·Mary', '·and', '·John', '·went', '·to', '·the', '·商店'];

/** Causal weights: a share on the position that `aim` names, the rest spread evenly. */
function pattern(size: number, aim: (row: number) => number, share = 0.7): PatternMatrix {
  const values = new Float32Array(size * size);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column <= row; column++) {
      values[row * size + column] = (1 - share) / (row + 1);
    }
    values[row * size + Math.max(0, aim(row))] += share;
  }
  return { rows: size, columns: size, values };
}

const previous = pattern(TOKENS.length, (row) => row - 1);
const sink = pattern(TOKENS.length, () => 0, 0.9);

const words: Omit<AttentionPatternOptions, 'palette'> = {
  title: 'L1H3',
  destinationTitle: 'Destination',
  sourceTitle: 'Source',
  unit: 'attention (probability)',
};

for (const theme of ['light', 'dark', 'page'] as const) {
  const palette = palettes[theme];

  test(`attention pattern, ${theme}`, () => {
    assertSnapshot(
      `attention-pattern-${theme}`,
      attentionPattern(
        { pattern: previous, tokens: TOKENS },
        { ...words, palette, mark: { destination: 4, source: 3 } },
      ),
    );
  });

  test(`head grid with signed effects, ${theme}`, () => {
    const heads: HeadThumbnail[] = [
      { layer: 0, head: 0, pattern: previous, effect: 0.41 },
      { layer: 0, head: 1, pattern: sink, effect: -1.25 },
      { layer: 1, head: 0, pattern: sink, effect: 0 },
      { layer: 1, head: 1, pattern: previous, effect: 2.5 },
    ];
    assertSnapshot(
      `head-grid-${theme}`,
      headGrid(heads, {
        title: 'Heads by layer',
        unit: 'attention (probability)',
        effectTitle: 'effect on the logit difference (logits)',
        palette,
      }),
    );
  });
}

test('head scores with intervals, and signed effects', () => {
  const scores = [
    { name: 'L1H3', value: 0.91, low: 0.88, high: 0.94, n: 16 },
    { name: 'L0H1', value: 0.2, low: 0.1, high: 0.3, n: 16 },
    { name: 'L0H0', value: Number.NaN },
  ];
  const options = {
    title: 'Induction',
    palette: palettes.light,
    valueTitle: 'score (probability)',
  };
  assertSnapshot(
    'ranked-scores-light',
    rankedDots(scores, { ...options, scale: 'sequential', domain: [0, 1] }),
  );
  assertSnapshot(
    'ranked-effects-dark',
    rankedDots(
      [
        { name: 'L2H0', value: 1.7 },
        { name: 'L2H1', value: -0.6 },
      ],
      { ...options, palette: palettes.dark, scale: 'diverging', valueTitle: 'effect (logits)' },
    ),
  );
});

test('a window shows the same cells as the whole, at the same layout', () => {
  const palette = palettes.light;
  const layout = patternLayout(TOKENS, { heading: 'hidden' });
  const windowed = renderSvg(
    attentionPattern(
      { pattern: previous, tokens: TOKENS },
      {
        ...words,
        palette,
        heading: 'hidden',
        window: { row: 3, column: 1, rows: 4, columns: 5 },
      },
    ),
  );
  const [, width, height] = /viewBox="0 0 (\d+) (\d+)"/.exec(windowed) ?? [];
  assert.equal(Number(width), layout.left + 5 * layout.cell);
  assert.equal(Number(height), layout.top + 4 * layout.cell);
  assert.match(windowed, />4<.*·John/);
  assert.doesNotMatch(windowed, /<bos>|&lt;bos>/);
});

test('pooling keeps the largest weight of every block and leaves short prompts alone', () => {
  assert.equal(poolPattern(previous, 32), previous);
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 60 }),
      fc.integer({ min: 1, max: 60 }),
      fc.integer({ min: 1, max: 20 }),
      fc.infiniteStream(fc.float({ min: 0, max: 1, noNaN: true })),
      (rows, columns, size, stream) => {
        const values = Float32Array.from({ length: rows * columns }, () => stream.next().value);
        const pooled = poolPattern({ rows, columns, values }, size);
        assert.ok(pooled.rows <= Math.max(size, 1) || (rows <= size && columns <= size));
        assert.ok(pooled.columns <= size || columns <= size);
        const most = (list: ArrayLike<number>) => Array.from(list).reduce((a, b) => Math.max(a, b));
        assert.equal(most(pooled.values), most(values));
      },
    ),
    { numRuns: 60 },
  );
});

test('the mean of patterns still sums to one per row; the maximum is at least each', () => {
  const mean = combinePatterns([previous, sink], 'average');
  const most = combinePatterns([previous, sink], 'maximum');
  for (let row = 0; row < mean.rows; row++) {
    let sum = 0;
    for (let column = 0; column < mean.columns; column++) {
      const at = row * mean.columns + column;
      sum += mean.values[at];
      assert.equal(most.values[at], Math.max(previous.values[at], sink.values[at]));
    }
    assert.ok(Math.abs(sum - 1) < 1e-6, `row ${row} sums to ${sum}`);
  }
});

test('thousands of cells are a few elements, and the future is no attention of zero', () => {
  const size = 128;
  const tokens = Array.from({ length: size }, (_, i) => `t${i}`);
  const svg = renderSvg(
    attentionPattern(
      { pattern: pattern(size, (row) => row - 1), tokens },
      { ...words, palette: palettes.light },
    ),
  );
  assert.ok((svg.match(/<path/g) ?? []).length <= 18);
  assert.doesNotMatch(svg, /NaN|undefined/);
});

test('text from a model cannot break out of a pattern', () => {
  const svg = renderSvg(
    attentionPattern(
      { pattern: pattern(2, () => 0), tokens: ['</text><script>', '"&'] },
      { ...words, title: '<b>', palette: palettes.light },
    ),
  );
  assert.doesNotMatch(svg, /<script>|<b>/);
});
