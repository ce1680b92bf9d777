import type { VNode } from 'preact';
import { heatmap } from '../../../src/figures/heatmap.ts';
import type { Palette } from '../../../src/figures/palette.ts';
import { stackFigures } from '../../../src/figures/stack.ts';
import type { AttributeResponse } from '../../../src/lab/api.ts';
import type { Exports } from '../../components/actions.ts';
import { tokenText } from '../../components/token.tsx';
import { formatNumber, locale, t } from '../../i18n.ts';
import { state } from '../../state/url.ts';

function figure(data: AttributeResponse, palette: Palette): VNode {
  const words = t().attributions;
  const common = { palette, lang: locale.value, notAssessed: t().common.notAssessed };
  const rows = data.results.map(({ method }) => words.methods[method]);
  const tokens = data.positions.map((position) => tokenText(data.tokens[position].text));
  const reach = (values: readonly number[]) =>
    values.reduce((most, x) => Math.max(most, Math.abs(x)), 0) || 1;
  return stackFigures(
    [
      heatmap(
        {
          rows,
          columns: tokens,
          values: data.results.map(({ values }) => values.map((x) => x / reach(values))),
          labels: data.results.map(({ values }) => values.map((x) => formatNumber(x))),
        },
        {
          ...common,
          title: words.title,
          scale: 'diverging',
          rowTitle: words.method,
          columnTitle: t().terms.token,
          unit: words.shade,
        },
      ),
      heatmap(
        {
          rows,
          columns: rows,
          values: data.agreement.map((row) => row.map((x) => x ?? Number.NaN)),
          labels: data.agreement.map((row) => row.map((x) => formatNumber(x))),
        },
        {
          ...common,
          title: words.agreement,
          scale: 'diverging',
          rowTitle: words.method,
          columnTitle: words.method,
          unit: words.stable,
        },
      ),
    ],
    { palette, lang: locale.value, title: state.prompt.value },
  );
}

/** What the panel gives away; undefined while there is nothing. */
export function attributionExports(data: AttributeResponse | undefined): Exports | undefined {
  if (data === undefined) return undefined;
  return {
    svg: (palette) => figure(data, palette),
    table: () => ({
      columns: [
        'position',
        'token',
        ...data.results.map(
          ({ method, unit }) => `${method} (${unit === 'share' ? 'share' : data.unit})`,
        ),
      ],
      rows: data.positions.map((position, i) => [
        position,
        data.tokens[position].text,
        ...data.results.map(({ values }) => values[i]),
      ]),
    }),
    json: () => data,
  };
}
