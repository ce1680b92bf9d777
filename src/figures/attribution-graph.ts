import type { VNode } from 'preact';
import { type GraphLayout, type GraphMark, graphLayout, markPath } from './graph-layout.ts';
import type { Palette } from './palette.ts';
import { formatValue } from './scale.ts';
import { el, type FigureOptions, FONTS, fitText, frame, px, TEXT } from './svg.ts';

export interface GraphFigureNode {
  readonly kind: GraphMark;
  readonly layer: number;
  readonly position: number;
  readonly label: string;
  /** How much it matters, in [0, 1]: the depth of its colour. */
  readonly strength: number;
  /** Signed, in [−1, 1], where nodes are coloured by their weight to one of them. */
  readonly weight?: number;
  readonly marked?: boolean;
}

export interface GraphFigureLink {
  readonly source: number;
  readonly target: number;
  /** Signed, in [−1, 1]. */
  readonly share: number;
}

export interface GraphFigureData {
  readonly tokens: readonly string[];
  readonly layers: number;
  readonly nodes: readonly GraphFigureNode[];
  readonly links: readonly GraphFigureLink[];
}

/** Words of {@link attributionGraph}. Sizes in px. */
export interface GraphFigureOptions extends FigureOptions {
  readonly width: number;
  readonly height: number;
  /** Names of the lowest and the highest row. */
  readonly tokenRow: string;
  readonly logitRow: string;
  /** What is shown of what, and why. */
  readonly note?: string;
  /** Nodes to name, by index. */
  readonly named?: readonly number[];
}

/** Radius of a mark. */
export const MARK = 3.6;

/** Fill and outline of a mark. Errors are outlined in the hue of uncertainty. */
export function markColours(
  { kind, strength, weight }: Pick<GraphFigureNode, 'kind' | 'strength' | 'weight'>,
  palette: Palette,
): { fill: string; stroke: string } {
  const stroke = palette.colour(kind === 'error' ? 'uncertain' : 'muted');
  if (weight !== undefined) {
    const share = weight === 0 ? 0 : 0.2 + 0.8 * Math.min(1, Math.abs(weight));
    return { fill: palette.tint(weight < 0 ? 'negative' : 'positive', share), stroke };
  }
  if (kind === 'error') return { fill: palette.tint('uncertain', 0.12 + 0.5 * strength), stroke };
  return { fill: palette.tint('line', 0.1 + 0.8 * Math.min(1, strength)), stroke };
}

/** A link as a curve that leaves upwards and arrives from below. */
export function linkPath(from: readonly [number, number], to: readonly [number, number]): string {
  const [x1, y1] = from;
  const [x2, y2] = to;
  const middle = (y1 + y2) / 2;
  return `M${px(x1)} ${px(y1)}C${px(x1)} ${px(middle)} ${px(x2)} ${px(middle)} ${px(x2)} ${px(y2)}`;
}

/** Rows, columns and their names: what lies under the nodes. */
export function graphAxes(
  layout: GraphLayout,
  tokens: readonly string[],
  options: Pick<GraphFigureOptions, 'palette' | 'tokenRow' | 'logitRow'> & {
    readonly layers: number;
  },
): VNode[] {
  const { palette, layers } = options;
  const bottom = layout.band * layout.rows.length;
  const rowName = (layer: number) =>
    layer < 0 ? options.tokenRow : layer === layers ? options.logitRow : `L${layer}`;
  // With many layers only some are named.
  const every = Math.ceil(14 / layout.band);
  return [
    ...layout.rows.map(({ layer, y }) =>
      el(
        'g',
        {},
        el('line', {
          x1: 40,
          x2: px(layout.width),
          y1: px(y + layout.band / 2),
          y2: px(y + layout.band / 2),
          stroke: palette.colour('hairline'),
          'stroke-width': 0.5,
        }),
        layer < 0 || layer === layers || layer % every === 0
          ? el(
              'text',
              {
                x: 36,
                y: px(y + TEXT.label * 0.35),
                'text-anchor': 'end',
                fill: palette.colour('muted'),
              },
              fitText(rowName(layer), 36, TEXT.label),
            )
          : null,
      ),
    ),
    ...layout.columns.map(({ left, width }, position) =>
      el(
        'g',
        { 'data-position': position, class: 'graph-column' },
        el('rect', {
          x: px(left),
          y: 0,
          width: px(width),
          height: px(layout.height),
          fill: position % 2 === 0 ? palette.tint('hairline', 0.22) : 'transparent',
        }),
        el(
          'text',
          {
            transform: `translate(${px(left + width / 2 + TEXT.label * 0.35)} ${px(bottom + 6)}) rotate(-90)`,
            'text-anchor': 'end',
            'font-family': FONTS.mono,
            'xml:space': 'preserve',
            fill: palette.colour('ink'),
          },
          fitText(tokens[position] ?? '', layout.height - bottom - 8, TEXT.label),
        ),
      ),
    ),
  ].reverse();
}

/** An attribution graph as a file: position by layer, links by sign and size, the chosen nodes named. */
export function attributionGraph(data: GraphFigureData, options: GraphFigureOptions): VNode {
  const { palette } = options;
  const { nodes, links, tokens, layers } = data;
  const layout = graphLayout(nodes, {
    tokens: tokens.length,
    layers,
    width: options.width,
    height: options.height,
  });
  const top = options.heading === 'hidden' ? 0 : TEXT.title + 10;
  const at = (i: number): [number, number] => [layout.x[i], layout.y[i]];
  const foot = options.note === undefined ? 0 : TEXT.label + 8;
  return frame(
    {
      ...options,
      width: layout.width,
      height: top + layout.height + foot,
      description: `${nodes.length} / ${links.length}`,
    },
    [
      el(
        'g',
        { transform: `translate(0 ${top})` },
        ...graphAxes(layout, tokens, { ...options, layers }),
        ...links.map(({ source, target, share }) =>
          el('path', {
            d: linkPath(at(source), at(target)),
            fill: 'none',
            stroke: palette.colour(share < 0 ? 'negative' : 'positive'),
            'stroke-width': px(0.4 + 2.6 * Math.min(1, Math.abs(share))),
            'stroke-opacity': px(0.15 + 0.75 * Math.min(1, Math.abs(share))),
            'stroke-dasharray': share < 0 ? '4 2' : undefined,
          }),
        ),
        ...nodes.map((node, i) =>
          el(
            'path',
            {
              d: markPath(node.kind, MARK),
              transform: `translate(${px(layout.x[i])} ${px(layout.y[i])})`,
              'stroke-width': node.marked ? 2 : 0.7,
              ...markColours(node, palette),
              ...(node.marked && { stroke: palette.colour('ink') }),
            },
            el(
              'title',
              {},
              node.weight === undefined
                ? node.label
                : `${node.label}: ${formatValue(node.weight, { signed: true })}`,
            ),
          ),
        ),
        ...(options.named ?? []).map((i) =>
          el(
            'text',
            {
              x: px(layout.x[i]),
              y: px(layout.y[i] - MARK - 3),
              'text-anchor': 'middle',
              'font-size': 10,
              'paint-order': 'stroke',
              stroke: palette.colour('paper'),
              'stroke-width': 3,
            },
            fitText(nodes[i].label, 140, 10),
          ),
        ),
      ),
      options.note === undefined
        ? null
        : el(
            'text',
            { x: 0, y: px(top + layout.height + TEXT.label), fill: palette.colour('muted') },
            options.note,
          ),
    ],
  );
}
