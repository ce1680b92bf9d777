import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type AnswerPair,
  answerBars,
  palettes,
  positionBars,
  renderSvg,
  stackFigures,
} from '../../src/figures/index.ts';
import { assertSnapshot } from './snapshot.ts';

const ANSWERS: readonly AnswerPair[] = [
  { name: '·Mary', before: 0.912, after: 0.105, mark: 'target' },
  { name: '·John', before: 0.041, after: 0.822, mark: 'distractor' },
  { name: '·them', before: 0.0201, after: null },
  { name: '·她', before: null, after: 0.0133 },
];

const KL = {
  tokens: ['When', '·Mary', '·and', '·John', '·商店'],
  values: [0, 0, 0.02, 1.4, Number.NaN],
};

for (const theme of ['light', 'dark', 'page'] as const) {
  const palette = palettes[theme];
  const answers = answerBars(ANSWERS, {
    title: 'Answers',
    beforeTitle: 'Before',
    afterTitle: 'After',
    valueTitle: 'probability',
    notListed: '–',
    palette,
  });
  const kl = positionBars(KL, {
    title: 'KL per position',
    valueTitle: 'KL (nats)',
    marked: [3],
    palette,
  });

  test(`answers before and after, ${theme}`, () => {
    assertSnapshot(`answer-bars-${theme}`, answers);
  });

  test(`bars per position, ${theme}`, () => {
    assertSnapshot(`position-bars-${theme}`, kl);
  });

  if (theme === 'light') {
    test('figures one above the other', () => {
      assertSnapshot(
        'stack-light',
        stackFigures([answers, kl], { title: 'Interventions', palette }),
      );
    });
  }
}

test('an answer says both values and the signed change; one that is not listed says so', () => {
  const svg = renderSvg(
    answerBars(ANSWERS, {
      title: 'Answers',
      beforeTitle: 'Before',
      afterTitle: 'After',
      valueTitle: 'probability',
      notListed: 'not listed',
      palette: palettes.light,
    }),
  );
  assert.match(svg, /<title>·Mary: 0\.912 → 0\.105 \(−0\.807\)<\/title>/);
  assert.match(svg, /<title>·them: 0\.0201 → not listed<\/title>/);
});

test('a stack is as high as its figures and as wide as the widest', () => {
  const options = { title: '', palette: palettes.light } as const;
  const one = positionBars(KL, { ...options, valueTitle: 'KL', heading: 'hidden' });
  const size = (svg: string) => /viewBox="0 0 ([\d.]+) ([\d.]+)"/.exec(svg)!.slice(1).map(Number);
  const [width, height] = size(renderSvg(one));
  const stacked = stackFigures([one, one], { ...options, heading: 'hidden' });
  assert.deepEqual(size(renderSvg(stacked)), [width, 2 * height + 14]);
});

test('an empty prompt and an empty list still draw', () => {
  const options = { title: 'none', palette: palettes.light };
  const bars = positionBars({ tokens: [], values: [] }, { ...options, valueTitle: 'KL' });
  const answers = answerBars([], {
    ...options,
    beforeTitle: 'b',
    afterTitle: 'a',
    valueTitle: 'p',
    notListed: '–',
  });
  for (const figure of [bars, answers]) assert.doesNotMatch(renderSvg(figure), /NaN|Infinity/);
});
