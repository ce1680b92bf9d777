import type { Palette } from '../../../src/figures/palette.ts';
import { type SubgraphData, subgraph } from '../../../src/figures/subgraph.ts';
import {
  placingOf,
  type SubgraphPlacing,
  subgraphLayout,
} from '../../../src/figures/subgraph-layout.ts';
import { formatCount, locale, t } from '../../i18n.ts';
import { state } from '../../state/url.ts';
import { chosen, groups, nodeLabel } from './data.ts';
import { type GraphView, groupLinks } from './view.ts';

/** Under this share of its target's input a link between groups is not drawn. */
export const LEAST = 0.01;
/** Width in px of the picture from which places in files are computed. */
const FILE_WIDTH = 560;

/** Where a reader put parts. */
export function fixedPlaces(): Map<string, SubgraphPlacing> {
  return new Map(state.subgraphAt.value.map(([id, x, y]) => [id, { x, y }]));
}

/** Pinned nodes and supernodes as the figure takes them; undefined while there are none. */
export function subgraphData(view: GraphView): SubgraphData | undefined {
  const { groups: list } = groups.value;
  if (list.length === 0) return undefined;
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const fixed = fixedPlaces();
  return {
    nodes: list.map(({ id, label, members }) => {
      const nodes = members.map((i) => view.nodes[i]);
      const [first] = nodes;
      const place = first.kind === 'logit' ? t().graph.logitRow : `L${first.layer}`;
      const token = view.tokens[first.position] ?? '';
      return {
        id,
        label: label ?? nodeLabel(first),
        kind: first.kind,
        layer: mean(nodes.map(({ layer }) => layer)),
        position: mean(nodes.map(({ position }) => position)),
        members: members.length,
        detail: first.kind === 'token' ? `(${first.position})` : `${place} · ${token}`,
        rows: state.expanded.value.includes(id) ? nodes.map(nodeLabel) : [],
        chosen: members.includes(chosen.value ?? -1),
        fixed: fixed.has(id),
      };
    }),
    links: groupLinks(view, list).filter(({ share }) => Math.abs(share) >= LEAST),
  };
}

/** Words and colours of the figure. */
export function subgraphOptions(drawing: {
  readonly palette: Palette;
  readonly heading: 'shown' | 'hidden';
  readonly width: number;
}) {
  const words = t().graph;
  return {
    ...drawing,
    title: words.subgraph,
    lang: locale.value,
    members: (count: number) => words.members(formatCount(count)),
  };
}

/** The figure of pinned nodes and supernodes, for a file; undefined while there are none. */
export function subgraphFigure(view: GraphView, drawing: Parameters<typeof subgraphOptions>[0]) {
  const data = subgraphData(view);
  return data && subgraph(data, { ...subgraphOptions(drawing), fixed: fixedPlaces() });
}

/** Where every part lies, by id, in thousandths. */
export function currentPlaces(view: GraphView): Map<string, SubgraphPlacing> {
  const data = subgraphData(view);
  if (data === undefined) return new Map();
  const layout = subgraphLayout(data, { width: FILE_WIDTH, fixed: fixedPlaces() });
  return new Map(data.nodes.map(({ id }, i) => [id, placingOf(layout, i)]));
}
