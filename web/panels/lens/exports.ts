import type { LensResponse } from '../../../src/lab/api.ts';
import type { Exports } from '../../components/actions.ts';
import { tokenText } from '../../components/token.tsx';
import { locale, t } from '../../i18n.ts';
import { state } from '../../state/index.ts';
import { cellShare, cellValue, shadeReach } from './data.ts';
import { layerName } from './names.ts';

/** What the panel gives away. The figure shades as the page does; ranks by their share of the colour. */
export function lensExports(data: LensResponse): Exports {
  const positions = data.tokens.map((_, position) => position);
  const text = (position: number) => data.groups[data.tokens[position].group].text;
  return {
    json: () => data,
    table: () => ({
      columns: [
        'address',
        'position',
        'token',
        'top token',
        'top probability',
        'entropy (nats)',
        'target probability',
        'target rank (0 is best)',
      ],
      rows: data.layers.flatMap((address, layer) =>
        positions.map((position) => [
          address,
          position,
          text(position),
          data.top[layer][position][0]?.text ?? null,
          data.top[layer][position][0]?.prob ?? null,
          data.entropy[layer][position],
          data.target.prob[layer][position],
          data.target.rank[layer][position],
        ]),
      ),
    }),
    svg: async (palette) => {
      const { heatmap } = await import('../../../src/figures/index.ts');
      const shade = state.lensShade.peek();
      const reach = shadeReach(data, shade);
      const layers = data.layers.map((_, index) => data.layers.length - 1 - index);
      const { lens, terms, tokens } = t();
      const units = {
        top: terms.probability,
        target: terms.probability,
        rank: lens.rankShare,
        entropy: tokens.nats,
      };
      return heatmap(
        {
          rows: layers.map((layer) => layerName(data, layer)),
          columns: positions.map((position) => tokenText(text(position))),
          values: layers.map((layer) =>
            positions.map((position) => {
              const value = cellValue(data, shade, { layer, position });
              return shade === 'rank' ? cellShare(value, shade, reach) : value;
            }),
          ),
          labels: layers.map((layer) =>
            positions.map((position) => tokenText(data.top[layer][position][0]?.text ?? '')),
          ),
        },
        {
          title: `${lens.title}: ${lens.shades[shade]}`,
          palette,
          lang: locale.value,
          scale: 'sequential',
          domain: shade === 'entropy' ? [0, reach] : [0, 1],
          rowTitle: terms.layer,
          columnTitle: terms.token,
          unit: units[shade],
        },
      );
    },
  };
}
