import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FeatureArrow, featureArrows, palettes, renderSvg } from '../../src/figures/index.ts';
import { assertSnapshot } from './snapshot.ts';

/** A pentagon, and a feature that is not represented. */
const ARROWS: readonly FeatureArrow[] = [
  ...[0, 1, 2, 3, 4].map((i) => ({
    name: String(i),
    direction: [1.1 * Math.cos(0.3 + i * 0.4 * Math.PI), 1.1 * Math.sin(0.3 + i * 0.4 * Math.PI)],
    dimension: 0.4,
  })),
  { name: '5', direction: [0, 0], dimension: 0 },
];

for (const theme of ['light', 'dark'] as const) {
  test(`directions of features, ${theme}`, () => {
    assertSnapshot(
      `feature-arrows-${theme}`,
      featureArrows(ARROWS, {
        title: '6 features in 2 dimensions, p 0.1',
        note: 'loss 0.0263 ± 0.00001',
        palette: palettes[theme],
      }),
    );
  });
}

test('one dimension lies on the axis, and every arrow says its length and share', () => {
  const svg = renderSvg(
    featureArrows(
      [
        { name: 'a', direction: [1], dimension: 0.5 },
        { name: 'b', direction: [-1], dimension: 0.5 },
      ],
      { title: 'Antipodal', note: 'loss', palette: palettes.light, dimensionTitle: 'share' },
    ),
  );
  assert.match(svg, /<title>a: ‖W‖ \+?1(\.0+)?, share \+?0\.5/);
  assert.ok(!svg.includes('NaN'));
});
