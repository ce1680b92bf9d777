import type { VNode } from 'preact';
import { linkPath, markColours } from './attribution-graph.ts';
import { type GraphMark, markPath } from './graph-layout.ts';
import { el, type FigureOptions, fitText, frame, px, TEXT, textWidth } from './svg.ts';

/** A pinned node, or a supernode with several members. */
export interface SubgraphNode {
  readonly id: string;
  readonly label: string;
  readonly kind: GraphMark;
  /** Mean layer and position of its members. */
  readonly layer: number;
  readonly position: number;
  readonly members: number;
  readonly chosen?: boolean;
}

export interface SubgraphLink {
  readonly source: number;
  readonly target: number;
  /** Share of the target's input, signed, in [−1, 1]. */
  readonly share: number;
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
}

const BOX = { height: 34, most: 150, least: 92, gap: 14, rise: 46 };

interface Box {
  x: number;
  readonly y: number;
  readonly width: number;
}

/** A signed share, whole percent. */
function percent(share: number): string {
  const value = Math.round(Math.abs(share) * 100);
  return `${share < 0 ? '−' : '+'}${value} %`;
}

/** Boxes by layer from the bottom up, as near to their token as the others of their row allow. */
export function subgraphLayout(
  nodes: readonly SubgraphNode[],
  width: number,
): { readonly boxes: readonly Box[]; readonly width: number; readonly height: number } {
  const levels = [...new Set(nodes.map(({ layer }) => Math.round(layer)))].sort((a, b) => b - a);
  const first = Math.min(...nodes.map(({ position }) => position));
  const span = Math.max(1, Math.max(...nodes.map(({ position }) => position)) - first);
  const boxes = nodes.map(({ label, layer, position }): Box => {
    const own = Math.min(BOX.most, Math.max(BOX.least, textWidth(label, TEXT.label) + 26));
    const row = levels.indexOf(Math.round(layer));
    return {
      width: own,
      x: ((position - first) / span) * Math.max(0, width - own),
      y: row * (BOX.height + BOX.rise),
    };
  });
  let reach = width;
  for (const [row] of levels.entries()) {
    const own = boxes
      .filter(({ y }) => y === row * (BOX.height + BOX.rise))
      .sort((a, b) => a.x - b.x);
    // Left to right without overlap, then back from the right edge.
    let edge = 0;
    for (const box of own) {
      box.x = Math.max(box.x, edge);
      edge = box.x + box.width + BOX.gap;
    }
    let limit = Math.max(
      width,
      own.reduce((sum, box) => sum + box.width + BOX.gap, -BOX.gap),
    );
    reach = Math.max(reach, limit);
    for (const box of [...own].reverse()) {
      box.x = Math.min(box.x, limit - box.width);
      limit = box.x - BOX.gap;
    }
  }
  const height = Math.max(1, levels.length) * (BOX.height + BOX.rise) - BOX.rise;
  return { boxes, width: reach, height };
}

/** Pinned nodes and supernodes with the effects between them; sources below, the answer at the top. */
export function subgraph(data: SubgraphData, options: SubgraphOptions): VNode {
  const { nodes, links } = data;
  const { palette } = options;
  const top = options.heading === 'hidden' ? 2 : TEXT.title + 10;
  const { boxes, width, height } = subgraphLayout(nodes, options.width - 4);
  const anchor = (i: number, end: 'top' | 'bottom'): [number, number] => [
    boxes[i].x + boxes[i].width / 2,
    boxes[i].y + (end === 'top' ? 0 : BOX.height),
  ];
  return frame(
    {
      ...options,
      width: width + 4,
      height: top + height + 4,
      description: `${nodes.length} / ${links.length}`,
    },
    el(
      'g',
      { transform: `translate(2 ${top})` },
      ...links.map(({ source, target, share }) => {
        const from = anchor(source, 'top');
        const to = anchor(target, 'bottom');
        return el(
          'g',
          {},
          el('path', {
            d: linkPath(from, to),
            fill: 'none',
            stroke: palette.colour(share < 0 ? 'negative' : 'positive'),
            'stroke-width': px(0.8 + 6 * Math.min(1, Math.abs(share))),
            'stroke-dasharray': share < 0 ? '5 3' : undefined,
          }),
          el('title', {}, percent(share)),
          Math.abs(share) < 0.05
            ? null
            : el(
                'text',
                {
                  x: px((from[0] + to[0]) / 2),
                  y: px((from[1] + to[1]) / 2 + 4),
                  'text-anchor': 'middle',
                  'font-size': 10,
                  'paint-order': 'stroke',
                  stroke: palette.colour('paper'),
                  'stroke-width': 3,
                },
                percent(share),
              ),
        );
      }),
      ...nodes.map((node, i) => {
        const { x, y, width: own } = boxes[i];
        const colours = markColours({ kind: node.kind, strength: 0.5 }, palette);
        return el(
          'g',
          {
            transform: `translate(${px(x)} ${px(y)})`,
            'data-node': node.id,
            class: 'subgraph-node',
          },
          el('title', {}, node.label),
          // A supernode is a pile.
          node.members > 1
            ? el('rect', {
                x: 3,
                y: -3,
                width: px(own),
                height: BOX.height,
                rx: 3,
                fill: palette.colour('paper'),
                stroke: palette.colour('muted'),
              })
            : null,
          el('rect', {
            width: px(own),
            height: BOX.height,
            rx: 3,
            fill: palette.colour('paper'),
            stroke: palette.colour(node.chosen ? 'line' : 'muted'),
            'stroke-width': node.chosen ? 2 : 1,
          }),
          el('path', { d: markPath(node.kind, 4), transform: 'translate(11 12)', ...colours }),
          el('text', { x: 20, y: 15.5 }, fitText(node.label, own - 24, TEXT.label)),
          el(
            'text',
            { x: 20, y: 28, 'font-size': 10, fill: palette.colour('muted') },
            node.members > 1 ? options.members(node.members) : node.id,
          ),
        );
      }),
    ),
  );
}
