import { comparisonFigures } from '../../../src/figures/comparison/index.ts';
import { flowFigures } from '../../../src/figures/flow.ts';
import type { SpreadView } from '../../../src/lab/api.ts';
import type { Exports } from '../../components/actions.ts';
import type { Cell } from '../../components/csv.ts';
import { locale, t } from '../../i18n.ts';
import { state } from '../../state/url.ts';
import { compared, comparison, run } from './data.ts';
import { courseFigure } from './training.tsx';

/** What the panel gives away; undefined while there is nothing. */
export function dictionaryExports(): Exports | undefined {
  return state.dictionaryView.value === 'training' ? courseExports() : comparisonExports();
}

function comparisonExports(): Exports | undefined {
  const data = comparison.data.value;
  const drawn = compared.value;
  if (data === undefined || drawn === undefined || data.dictionaries.length === 0) return undefined;
  const spread = (name: string) => [name, `${name} min`, `${name} max`];
  const cells = (figure: SpreadView | undefined): Cell[] =>
    figure === undefined ? [null, null, null] : [figure.value, figure.min, figure.max];
  return {
    svg: (palette) => {
      const words = t().dictionaries;
      const lang = locale.value;
      const figures = comparisonFigures(drawn, { palette, words, lang, width: 676 });
      return flowFigures(
        figures.map(({ figure }) => figure),
        { palette, lang, title: words.title, width: 1400 },
      );
    },
    table: () => ({
      columns: [
        'dictionary',
        'kind',
        'layer',
        'activation',
        'features',
        'seeds',
        ...spread('L0'),
        ...spread('explained variance'),
        ...spread('CE recovered'),
        ...spread('KL recovered'),
        ...spread('dead share'),
        'tokens',
        'harvest never fires',
        'harvest tokens',
        'fired in label text',
        'label is concept',
        'label is tokens',
        'label below bar',
        'median label F1',
        'median label F1 random directions',
      ],
      rows: data.dictionaries.map((one) => {
        const { figures, density, labels } = one;
        return [
          one.name,
          one.kind,
          one.layer,
          one.activation,
          one.features,
          figures?.l0.n ?? null,
          ...cells(figures?.l0),
          ...cells(figures?.explainedVariance),
          ...cells(figures?.ceRecovered),
          ...cells(figures?.klRecovered),
          ...cells(figures?.dead),
          one.tokens,
          density?.silent ?? null,
          density?.tokens ?? null,
          labels?.own.fired ?? null,
          labels?.own.concept.rate ?? null,
          labels?.own.tokens.rate ?? null,
          labels?.own.weak.rate ?? null,
          labels?.own.quartiles[1] ?? null,
          labels?.random?.quartiles[1] ?? null,
        ];
      }),
    }),
    json: () => data,
  };
}

function courseExports(): Exports | undefined {
  const { value: data } = run;
  if (data === undefined) return undefined;
  return {
    svg: (palette) => courseFigure(data, { palette, heading: 'shown' }),
    table: () => ({
      columns: ['run', 'dictionary', 'seeds', 'step', 'measure', 'mean', 'min', 'max'],
      rows: data.curves.flatMap((one) =>
        (['loss', 'l0', 'explainedVariance', 'dead'] as const).flatMap((measure) =>
          data.at.map((step, i): Cell[] => [
            data.name,
            one.name,
            one.seeds,
            step,
            measure,
            one[measure].mean[i],
            one[measure].low[i],
            one[measure].high[i],
          ]),
        ),
      ),
    }),
    json: () => data,
  };
}
