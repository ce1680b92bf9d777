import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type ComparedDictionary,
  comparisonFigures,
  courseColumns,
  courseGrid,
  flowFigures,
  palettes,
  renderSvg,
} from '../../src/figures/index.ts';
import { en } from '../../src/i18n/en.ts';
import { zhHant } from '../../src/i18n/zh-Hant.ts';
import { assertSnapshot } from './snapshot.ts';

const figure = (value: number, min = value, max = value, n = 3) => ({ value, min, max, n });

const DICTIONARIES: readonly ComparedDictionary[] = [
  {
    name: 'transcoder-0',
    kind: 'transcoder',
    layer: 0,
    features: 100,
    figures: {
      l0: figure(12, 11, 13),
      explainedVariance: figure(0.93, 0.92, 0.935),
      ceRecovered: figure(0.998, 0.996, 0.999),
      dead: figure(0.3, 0.28, 0.33),
    },
    density: { edges: [-3, -2, -1, 0], counts: [20, 40, 10], silent: 30, tokens: 1000 },
    labels: { histogram: [10, 5, 5, 20, 60], random: [50, 30, 10, 5, 5], fired: 70 },
  },
  {
    name: 'resid-0',
    kind: 'autoencoder',
    layer: 0,
    features: 80,
    figures: {
      l0: figure(20),
      explainedVariance: figure(0.9),
      ceRecovered: figure(0.99),
      dead: figure(0.1),
    },
    density: { edges: [-3, -2, -1, 0], counts: [10, 50, 12], silent: 8, tokens: 1000 },
    labels: null,
  },
  {
    name: 'mine',
    kind: 'cross-layer',
    layer: null,
    features: 10,
    figures: null,
    density: null,
    labels: null,
  },
];
const SETS = [
  {
    name: 'together',
    replacement: { mean: 0.9, deviation: 0.05, n: 24 },
    completeness: { mean: 0.97, deviation: 0.01, n: 24 },
  },
];

for (const theme of ['light', 'dark', 'page'] as const) {
  test(`dictionaries compared, ${theme}`, () => {
    const palette = palettes[theme];
    const words = theme === 'dark' ? zhHant.dictionaries : en.dictionaries;
    const lang = theme === 'dark' ? 'zh-Hant' : 'en';
    const figures = comparisonFigures(
      { dictionaries: DICTIONARIES, sets: SETS },
      { palette, words, lang, marked: theme === 'page' ? 'resid-0' : undefined },
    );
    assert.deepEqual(
      figures.map(({ name }) => name),
      ['variance', 'ce', 'dead', 'sets', 'density', 'labels'],
    );
    assertSnapshot(
      `comparison-${theme}`,
      flowFigures(
        figures.map((one) => one.figure),
        { palette, lang, title: words.title, width: 1040 },
      ),
    );
  });
}

test('what was not measured is left out, and nothing at all draws nothing', () => {
  const options = { palette: palettes.light, words: en.dictionaries };
  const bare = comparisonFigures({ dictionaries: DICTIONARIES.slice(2), sets: [] }, options);
  assert.deepEqual(bare, []);
  const empty = { name: 'none', replacement: null, completeness: null };
  assert.deepEqual(comparisonFigures({ dictionaries: [], sets: [empty] }, options), []);
});

test('names of marks that lie on each other do not', () => {
  const same = Array.from({ length: 6 }, (_, i) => ({
    ...DICTIONARIES[1],
    name: `resid-${i}`,
    layer: i,
  }));
  const [{ figure: drawn }] = comparisonFigures(
    { dictionaries: same, sets: [] },
    { palette: palettes.light, words: en.dictionaries },
  );
  const places = [...renderSvg(drawn).matchAll(/<text x="([\d.]+)" y="([\d.]+)"[^>]*>L\d</g)];
  assert.equal(places.length, 6);
  const heights = places.map(([, , y]) => Number(y)).sort((a, b) => a - b);
  for (let i = 1; i < heights.length; i++) assert.ok(heights[i] - heights[i - 1] >= 11);
});

test('names find a place wherever marks lie', () => {
  const place = fc.record({
    l0: fc.integer({ min: 0, max: 400 }).map((value) => value / 10),
    ev: fc.integer({ min: 0, max: 1000 }).map((value) => value / 1000),
  });
  fc.assert(
    fc.property(fc.array(place, { minLength: 1, maxLength: 24 }), (places) => {
      const dictionaries = places.map(({ l0, ev }, i) => {
        const figures = { l0: figure(l0), explainedVariance: figure(ev) };
        const own = { ...DICTIONARIES[1].figures!, ...figures };
        return { ...DICTIONARIES[1], name: `d${i}`, layer: i, figures: own };
      });
      const [{ figure: drawn }] = comparisonFigures(
        { dictionaries, sets: [] },
        { palette: palettes.light, words: en.dictionaries },
      );
      assert.doesNotMatch(renderSvg(drawn), /NaN|Infinity/);
    }),
    { numRuns: 40 },
  );
});

const CURVE = { mean: [3, 2, 1.5], low: [2.9, 1.8, 1.4], high: [3.1, 2.2, 1.6] };

test('the course of a training', () => {
  const gap = { mean: [1, Number.NaN, 2], low: [1, Number.NaN, 2], high: [1, Number.NaN, 2] };
  const grid = courseGrid(
    [
      { name: 'transcoder-0', note: 'seeds: 3', curves: [CURVE, gap] },
      { name: 'resid-0', note: 'seeds: 1', curves: [gap, CURVE] },
    ],
    {
      palette: palettes.light,
      title: 'Training one',
      columns: [{ title: 'Loss', apart: true }, { title: 'L0' }],
      at: [10, 20, 30],
      end: 60,
      xTitle: 'steps',
      pointed: 1,
      marked: 'resid-0',
      width: 520,
    },
  );
  assertSnapshot('course-light', grid);
  assert.doesNotMatch(renderSvg(grid), /NaN|Infinity/);
  const [first, second] = courseColumns(2, 520);
  assert.ok(first.left + first.width < second.left && second.left + second.width <= 520);
});

test('a run without any step yet still draws', () => {
  const none = { mean: [], low: [], high: [] };
  const svg = renderSvg(
    courseGrid([{ name: 'a', note: '', curves: [none] }], {
      palette: palettes.light,
      title: '',
      columns: [{ title: 'Loss' }],
      at: [],
      xTitle: 'steps',
    }),
  );
  assert.doesNotMatch(svg, /NaN|Infinity|undefined/);
});
