import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Colours, paletteCss, palettes, THEMES } from './palette.ts';
import { colourScale, formatValue } from './scale.ts';
import { fitText, textWidth } from './svg.ts';

/** Relative luminance of `#rrggbb` (WCAG 2.2). */
function luminance(hex: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const channel = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
}

for (const theme of ['light', 'dark'] as const) {
  const { paper, ink } = THEMES[theme];

  test(`${theme}: text reads on every shade of the scales (AA, 4.5:1)`, () => {
    for (const name of ['magnitude', 'positive', 'negative'] as const) {
      for (let step = 0; step <= 20; step++) {
        const shade = palettes[theme].tint(name, step / 20);
        const ratio = contrast(ink, shade);
        assert.ok(ratio >= 4.5, `ink on ${name} ${step / 20} (${shade}): ${ratio.toFixed(2)}`);
      }
    }
  });

  test(`${theme}: words and lines stand out from paper`, () => {
    const wanted: readonly (readonly [keyof Colours, number])[] = [
      ['ink', 7],
      ['muted', 4.5],
      ['uncertain', 4.5],
      ['harm', 4.5],
      ['line', 4.5],
      ['lineOther', 4.5],
    ];
    for (const [name, least] of wanted) {
      const ratio = contrast(THEMES[theme][name], paper);
      assert.ok(ratio >= least, `${name}: ${ratio.toFixed(2)} < ${least}`);
    }
  });

  test(`${theme}: the ends of a scale differ from paper and from each other`, () => {
    const { magnitude, positive, negative } = THEMES[theme];
    for (const end of [magnitude, positive, negative]) assert.ok(contrast(end, paper) > 1.6);
    assert.notEqual(positive, negative);
  });
}

test('equal size has equal shade on both sides of zero', () => {
  const shares: number[] = [];
  const palette = {
    colour: () => '',
    tint: (name: keyof Colours, share: number) => {
      shares.push(share);
      return name;
    },
  };
  const scale = colourScale([-1, 4, Number.NaN], { kind: 'diverging', palette });
  assert.deepEqual(scale.domain, [-4, 4]);
  assert.equal(scale.fill(-2), 'negative');
  assert.equal(scale.fill(2), 'positive');
  assert.deepEqual(shares, [0.5, 0.5]);
});

test('a sequential scale starts at zero unless told otherwise', () => {
  const palette = palettes.light;
  const free = colourScale([2, 6], { kind: 'sequential', palette });
  assert.deepEqual(free.domain, [0, 6]);
  assert.equal(free.fill(0), THEMES.light.paper);
  assert.equal(free.fill(6), THEMES.light.magnitude);
  const told = colourScale([2, 6], { kind: 'sequential', palette, domain: [2, 4] });
  assert.deepEqual(told.domain, [2, 4]);
  assert.equal(told.fill(99), THEMES.light.magnitude);
});

test('the page palette follows custom properties that the style sheet defines', () => {
  const css = paletteCss();
  for (const name of Object.keys(THEMES.light) as (keyof Colours)[]) {
    const property = /^var\((--gb-[a-z-]+)\)$/.exec(palettes.page.colour(name))?.[1];
    assert.ok(property !== undefined && css.includes(`${property}: light-dark(`), name);
  }
  assert.equal(
    palettes.page.tint('positive', 0.25),
    'color-mix(in srgb, var(--gb-positive) 25%, var(--gb-paper))',
  );
});

test('numbers read with three digits, a true minus and a sign where asked', () => {
  const cases: readonly (readonly [number, string])[] = [
    [0, '0'],
    [0.5, '0.500'],
    [12.345, '12.3'],
    [1234.5, '1235'],
    [-3.456, '−3.46'],
    [0.00012, '1.2e-4'],
    [Number.NaN, '–'],
  ];
  for (const [value, text] of cases) assert.equal(formatValue(value), text);
  assert.equal(formatValue(2, { signed: true }), '+2.00');
});

test('a text is cut by width without splitting a character', () => {
  assert.equal(textWidth('ab', 10), 12);
  assert.equal(textWidth('安', 10), 10);
  assert.equal(fitText('short', 100, 10), 'short');
  assert.equal(fitText('a long token', 36, 10), 'a lon…');
  assert.equal(fitText('😀😀😀😀', 30, 10), '😀😀…');
});
