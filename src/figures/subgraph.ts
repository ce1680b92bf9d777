import type { VNode } from 'preact';
import { linkPath, markColours } from './attribution-graph.ts';
import { type GraphMark, markPath } from './graph-layout.ts';
import {
  BOX,
  type SubgraphLayout,
  type SubgraphLink,
  type SubgraphPart,
  type SubgraphPlacing,
  subgraphLayout,
} from './subgraph-layout.ts';
import { el, type FigureOptions, fitText, frame, px, TEXT, textWidth } from './svg.ts';

/** A pinned node, or a supernode with several members. */
export interface SubgraphNode extends SubgraphPart {
  readonly kind: GraphMark;
  readonly members: number;
  /** A second line, such as the token. */
  readonly detail?: string;
  readonly chosen?: boolean;
  /** Whether a reader put it where it is. */
  readonly fixed?: boolean;
}

export interface SubgraphData {
  readonly nodes: readonly SubgraphNode[];
  readonly links: readonly SubgraphLink[];
}

/** Sizes in px. */
export interface SubgraphOptions extends FigureOptions {
  readonly width: number;
  /** Words for a supernode's size, e.g. `3 features`. */
  readonly members: (count: number) => string;
  readonly fixed?: ReadonlyMap<string, SubgraphPlacing>;
  /** Where everything lies, where that is known already. */
  readonly layout?: SubgraphLayout;
  /** A part whose links stand out from the rest, by index. */
  readonly lit?: number;
}

/** Under this share no number is written at a link. */
const WRITTEN = 0.05;
/** Room around the parts. */
export const SUBGRAPH_MARGIN = 4;

/** A signed share, whole percent. */
function percent(share: number): string {
  const value = Math.round(Math.abs(share) * 100);
  return `${share < 0 ? '−' : '+'}${value} %`;
}

type Point = readonly [number, number];

/** A point of the curve that {@link linkPath} draws, t in [0, 1]. */
function along([x1, y1]: Point, [x2, y2]: Point, t: number): Point {
  const middle = (y1 + y2) / 2;
  const s = 1 - t;
  const [a, b, c, d] = [s ** 3, 3 * s * s * t, 3 * s * t * t, t ** 3];
  return [(a + b) * x1 + (c + d) * x2, a * y1 + (b + c) * middle + d * y2];
}

/** Where the numbers stand: on their curves, and as far as possible not on each other or on a box. */
function placeNumbers(
  ends: readonly (readonly [Point, Point, string])[],
  boxes: SubgraphLayout['boxes'],
): Point[] {
  const taken: { readonly at: Point; readonly half: number }[] = [];
  return ends.map(([from, to, text]) => {
    const half = textWidth(text, 10) / 2;
    const free = ([x, y]: Point) =>
      taken.every(
        (one) => Math.abs(one.at[1] - y) > 11 || Math.abs(one.at[0] - x) > half + one.half,
      ) &&
      boxes.every(
        (box) =>
          x + half < box.x ||
          x - half > box.x + box.width ||
          y + 8 < box.y ||
          y - 8 > box.y + box.height,
      );
    const places = [0.5, 0.36, 0.64, 0.24, 0.76, 0.14, 0.86].map((t) => along(from, to, t));
    const at = places.find(free) ?? places[0];
    taken.push({ at, half });
    return at;
  });
}

/** Pinned nodes and supernodes with the effects between them; sources below, the answer at the top. */
export function subgraph(data: SubgraphData, options: SubgraphOptions): VNode {
  const { nodes, links } = data;
  const { palette, lit } = options;
  const top = options.heading === 'hidden' ? SUBGRAPH_MARGIN : TEXT.title + 10;
  const layout =
    options.layout ??
    subgraphLayout(data, { width: options.width - 2 * SUBGRAPH_MARGIN, fixed: options.fixed });
  const { boxes } = layout;
  const anchor = (i: number, end: 'top' | 'bottom'): Point => [
    boxes[i].x + boxes[i].width / 2,
    boxes[i].y + (end === 'top' ? 0 : boxes[i].height),
  ];
  const sorted = [...links].sort((a, b) => Math.abs(a.share) - Math.abs(b.share));
  const written = sorted.filter(({ share }) => Math.abs(share) >= WRITTEN).reverse();
  const numbers = placeNumbers(
    written.map(({ source, target, share }) => [
      anchor(source, 'top'),
      anchor(target, 'bottom'),
      percent(share),
    ]),
    boxes,
  );
  const faint = ({ source, target }: SubgraphLink) =>
    lit !== undefined && source !== lit && target !== lit;
  return frame(
    {
      ...options,
      width: layout.width + 2 * SUBGRAPH_MARGIN,
      height: top + layout.height + SUBGRAPH_MARGIN,
      description: `${nodes.length} / ${links.length}`,
    },
    el(
      'g',
      { transform: `translate(${SUBGRAPH_MARGIN} ${top})` },
      ...sorted.map((link) =>
        el(
          'path',
          {
            d: linkPath(anchor(link.source, 'top'), anchor(link.target, 'bottom')),
            fill: 'none',
            stroke: palette.colour(link.share < 0 ? 'negative' : 'positive'),
            'stroke-width': px(0.8 + 6 * Math.min(1, Math.abs(link.share))),
            'stroke-dasharray': link.share < 0 ? '5 3' : undefined,
            'stroke-opacity': faint(link) ? 0.2 : undefined,
          },
          el('title', {}, percent(link.share)),
        ),
      ),
      ...nodes.map((node, i) => drawPart(node, boxes[i], options)),
      ...written.map((link, i) =>
        el(
          'text',
          {
            x: px(numbers[i][0]),
            y: px(numbers[i][1] + 3.5),
            'text-anchor': 'middle',
            'font-size': 10,
            'paint-order': 'stroke',
            stroke: palette.colour('paper'),
            'stroke-width': 3,
            opacity: faint(link) ? 0.2 : undefined,
          },
          percent(link.share),
        ),
      ),
    ),
  );
}

function drawPart(
  node: SubgraphNode,
  box: SubgraphLayout['boxes'][number],
  options: SubgraphOptions,
): VNode {
  const { palette } = options;
  const colours = markColours({ kind: node.kind, strength: 0.5 }, palette);
  const { rows = [] } = node;
  const outline = {
    width: px(box.width),
    height: box.height,
    rx: 3,
    fill: palette.colour('paper'),
  };
  return el(
    'g',
    { transform: `translate(${px(box.x)} ${px(box.y)})`, 'data-node': node.id },
    el('title', {}, node.label),
    // A supernode is a pile.
    node.members > 1
      ? el('rect', { ...outline, x: 3, y: -3, stroke: palette.colour('muted') })
      : null,
    el('rect', {
      ...outline,
      stroke: palette.colour(node.chosen ? 'line' : 'muted'),
      'stroke-width': node.chosen ? 2 : 1,
    }),
    el('path', { d: markPath(node.kind, 4), transform: 'translate(11 12)', ...colours }),
    // What a reader put in its place has a pin's head in the corner.
    node.fixed
      ? el('circle', { cx: px(box.width - 7), cy: 7, r: 2.5, fill: palette.colour('muted') })
      : null,
    el('text', { x: 20, y: 15.5 }, fitText(node.label, box.width - 28, TEXT.label)),
    el(
      'text',
      { x: 20, y: 28, 'font-size': 10, fill: palette.colour('muted') },
      fitText(
        node.members > 1 ? options.members(node.members) : (node.detail ?? node.id),
        box.width - 24,
        10,
      ),
    ),
    ...rows.map((row, i) =>
      el(
        'text',
        { x: 12, y: BOX.head + i * BOX.row + 10, 'font-size': 10 },
        fitText(`· ${row}`, box.width - 16, 10),
      ),
    ),
  );
}
