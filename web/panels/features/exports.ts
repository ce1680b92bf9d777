import { histogram } from '../../../src/figures/histogram.ts';
import { rankedDots } from '../../../src/figures/ranked-dots.ts';
import { stackFigures } from '../../../src/figures/stack.ts';
import type { FeatureResponse, ImportedNameView, LabelView } from '../../../src/lab/api.ts';
import type { Exports } from '../../components/actions.ts';
import type { Cell } from '../../components/csv.ts';
import { locale, t } from '../../i18n.ts';
import { state } from '../../state/url.ts';
import { labelText } from '../labels.ts';
import { active, detail, featureId, featureName, found, ownDetail, rows, tokens } from './data.ts';

/** Features drawn in the exported ranking. */
const RANKED = 24;

const LABEL_COLUMNS = ['label', 'label source', 'score', 'low', 'high', 'n'];

function labelCells(label: LabelView | null, imported: ImportedNameView | null): Cell[] {
  if (label === null) {
    if (imported === null) return [null, null, null, null, null, null];
    return [imported.text, `imported: ${imported.source}`, null, null, null, null];
  }
  const { source, score, low, high, n } = label;
  return [labelText(label), source, score, low, high, n];
}

function featureFigures(data: FeatureResponse, common: Parameters<typeof histogram>[1]) {
  const words = t().features;
  const name = featureId(data);
  const { harvest } = data;
  return [
    ...(harvest?.histogram
      ? [
          histogram(harvest.histogram, {
            ...common,
            title: `${name}: ${words.histogram}`,
            valueTitle: words.histogramAxis,
          }),
        ]
      : []),
    histogram(data.logits, {
      ...common,
      title: `${name}: ${words.logitsTitle}`,
      valueTitle: words.logitsAxis,
      signed: true,
      log: true,
    }),
  ];
}

/** What the panel gives away; undefined while there is nothing. */
export function featureExports(): Exports | undefined {
  if (state.featureScope.value === 'all') return foundExports();
  const data = active.data.value;
  if (data === undefined) return undefined;
  return {
    svg: (palette) => {
      const words = t().features;
      const common = { palette, lang: locale.value };
      const ranking = rankedDots(
        rows.value
          .filter(({ effect }) => effect !== null)
          .slice(0, RANKED)
          .map((row) => ({
            name: `${featureName(row)} ${tokens.value[row.position]}`,
            value: row.effect ?? 0,
          })),
        {
          ...common,
          title: words.effectHint(data.target.label),
          valueTitle: `${words.effect} (logits)`,
          scale: 'diverging',
        },
      );
      const feature = detail.data.value;
      const own =
        feature === undefined
          ? []
          : featureFigures(feature, { ...common, title: '', valueTitle: '', width: 360 });
      return stackFigures([ranking, ...own], { ...common, title: words.title });
    },
    table: () => ({
      columns: [
        'layer',
        'feature',
        'dictionary',
        'position',
        'token',
        'activation',
        'direct effect (logits)',
        'influence',
        'density',
        ...LABEL_COLUMNS,
      ],
      rows: rows.value.map((row) => [
        row.layer,
        row.index,
        row.dictionary,
        row.position,
        tokens.value[row.position],
        row.activation,
        row.effect,
        row.influence,
        row.density,
        ...labelCells(row.label, row.imported),
      ]),
    }),
    json: () => ({
      target: data.target,
      total: data.total,
      features: rows.value,
      feature: detail.data.value ?? null,
      own: ownDetail.data.value?.on ?? null,
      provenance: data.provenance,
    }),
  };
}

function foundExports(): Exports | undefined {
  const data = found.data.value;
  if (data === undefined) return undefined;
  return {
    table: () => ({
      columns: ['dictionary', 'feature', 'raises', 'max', 'density', ...LABEL_COLUMNS],
      rows: data.features.map(({ dictionary, index, raises, max, density, label, imported }) => [
        dictionary,
        index,
        raises.join(' '),
        max,
        density,
        ...labelCells(label, imported),
      ]),
    }),
    json: () => ({ ...data, feature: detail.data.value ?? null }),
  };
}
