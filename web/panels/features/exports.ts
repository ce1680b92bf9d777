import { histogram } from '../../../src/figures/histogram.ts';
import { rankedDots } from '../../../src/figures/ranked-dots.ts';
import { stackFigures } from '../../../src/figures/stack.ts';
import type { Exports } from '../../components/actions.ts';
import { locale, t } from '../../i18n.ts';
import { active, detail, featureId, featureName, ownDetail, rows, tokens } from './data.ts';

/** Features drawn in the exported ranking. */
const RANKED = 24;

/** What the panel gives away; undefined while there is nothing. */
export function featureExports(): Exports | undefined {
  const data = active.data.value;
  if (data === undefined) return undefined;
  return {
    svg: (palette) => {
      const words = t().features;
      const common = { palette, lang: locale.value };
      const ranking = rankedDots(
        rows.value.slice(0, RANKED).map((row) => ({
          name: `${featureName(row)} ${tokens.value[row.position]}`,
          value: row.effect,
        })),
        {
          ...common,
          title: words.effectHint(data.target.label),
          valueTitle: `${words.effect} (logits)`,
          scale: 'diverging',
        },
      );
      const feature = detail.data.value;
      const logits =
        feature === undefined
          ? []
          : [
              histogram(feature.logits, {
                ...common,
                title: `${featureId(feature)}: ${words.logitsAxis}`,
                valueTitle: words.logitsAxis,
                width: 360,
                signed: true,
                log: true,
              }),
            ];
      return stackFigures([ranking, ...logits], { ...common, title: words.title });
    },
    table: () => ({
      columns: [
        'layer',
        'feature',
        'position',
        'token',
        'activation',
        'direct effect (logits)',
        'influence',
        'density',
        'label',
        'label reached the bar',
      ],
      rows: rows.value.map((row) => [
        row.layer,
        row.index,
        row.position,
        tokens.value[row.position],
        row.activation,
        row.effect,
        row.influence,
        row.density,
        row.label,
        row.label === null ? null : row.weak ? 'no' : 'yes',
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
