import type { VNode } from 'preact';
import {
  type CircuitFigureEdge,
  type CircuitLayout,
  type CircuitNode,
  type CircuitSize,
  circuitLayout,
  parseCircuitNode,
} from './circuit-layout.ts';
import type { Palette } from './palette.ts';
import { formatValue } from './scale.ts';
import { el, type FigureOptions, FONTS, fitText, frame, px, TEXT } from './svg.ts';

/** A circuit: the edges that are kept. */
export interface CircuitFigureData extends CircuitSize {
  readonly edges: readonly CircuitFigureEdge[];
}

/** Words of {@link circuitDiagram}. Sizes in px. */
export interface CircuitFigureOptions extends FigureOptions {
  readonly width: number;
  readonly height?: number;
  /** Names on the two bars. */
  readonly inputBar: string;
  readonly logitsBar: string;
  /** Unit of the scores, in tooltips. */
  readonly unit: string;
  readonly note?: string;
  /** The strongest score, where the colours and widths of several pictures must mean the same. */
  readonly reach?: number;
  /** Edges to bring out, by index; the others are drawn faintly. */
  readonly lit?: ReadonlySet<number>;
  /** Adds wide invisible strokes, so that a pointer finds a thin edge. */
  readonly pointed?: boolean;
}

/** Names fit into boxes from this width on. */
const NAMED = 30;
const SMALL = 9;

/** How an edge is called: `a3.h0→logits`, `m0→a3.h3 v`. */
export function edgeTitle({ from, to, input }: Omit<CircuitFigureEdge, 'score'>): string {
  return `${from} → ${to}${input === null ? '' : ` ${input}`}`;
}

/**
 * A circuit as a wiring diagram: layers upwards from the input to the logits, a column per head, edges by sign (colour
 * and dash) and size (width). Nodes outside the circuit are dots, so that the shape of the model stays in sight.
 */
export function circuitDiagram(data: CircuitFigureData, options: CircuitFigureOptions): VNode {
  const { palette, lit } = options;
  const { edges, layers, heads } = data;
  const layout = circuitLayout(data, edges, options);
  const reach =
    options.reach ?? edges.reduce((most, { score }) => Math.max(most, Math.abs(score)), 0);
  const top = options.heading === 'hidden' ? 2 : TEXT.title + 12;
  const foot = options.note === undefined ? 2 : TEXT.label + 10;
  const used = new Set(edges.flatMap(({ from, to }) => [from, to]));
  const bright = new Set(
    [...(lit ?? [])].flatMap((i) => (edges[i] ? [edges[i].from, edges[i].to] : [])),
  );
  const nodes: CircuitNode[] = [
    ...Array.from({ length: layers }, (_, layer) => [
      ...Array.from({ length: heads }, (__, head): CircuitNode => ({ kind: 'head', layer, head })),
      { kind: 'mlp', layer } as const,
    ]).flat(),
    { kind: 'input' },
    { kind: 'logits' },
  ];
  const order = edges
    .map((_, i) => i)
    .sort((a, b) => Math.abs(edges[a].score) - Math.abs(edges[b].score));
  return frame(
    {
      ...options,
      width: layout.width,
      height: top + layout.height + foot,
      description: `${used.size} / ${edges.length}`,
    },
    [
      el(
        'g',
        { transform: `translate(0 ${top})` },
        ...layerNames(layout, data, palette),
        ...order.map((i) =>
          wire(edges[i], {
            index: i,
            path: layout.paths[i],
            share: reach > 0 ? Math.abs(edges[i].score) / reach : 0,
            dim: lit !== undefined && !lit.has(i),
            options,
          }),
        ),
        ...nodes.map((node) => {
          const name = nodeName(node);
          const dim = lit !== undefined && !bright.has(name);
          return nodeMark(node, { layout, options, used: used.has(name), dim });
        }),
        ...portNames(edges, layout, palette),
      ),
      options.note === undefined
        ? null
        : el(
            'text',
            { x: 0, y: px(top + layout.height + TEXT.label + 4), fill: palette.colour('muted') },
            options.note,
          ),
    ],
  );
}

function nodeName(node: CircuitNode): string {
  if (node.kind === 'head') return `a${node.layer}.h${node.head}`;
  return node.kind === 'mlp' ? `m${node.layer}` : node.kind;
}

function layerNames(layout: CircuitLayout, { layers }: CircuitSize, palette: Palette): VNode[] {
  return Array.from({ length: layers }, (_, layer) => {
    const { y } = layout.boxOf({ kind: 'head', layer, head: 0 });
    const edge = y + layout.band * 0.24;
    return el(
      'g',
      {},
      el('line', {
        x1: 0,
        x2: layout.width,
        y1: px(edge),
        y2: px(edge),
        stroke: palette.colour('hairline'),
        'stroke-width': 0.5,
        'stroke-dasharray': '1 3',
      }),
      el(
        'text',
        { x: 0, y: px(y + TEXT.label * 0.35), fill: palette.colour('muted') },
        `L${layer}`,
      ),
    );
  });
}

function wire(
  edge: CircuitFigureEdge,
  drawn: {
    readonly index: number;
    readonly path: string;
    readonly share: number;
    readonly dim: boolean;
    readonly options: CircuitFigureOptions;
  },
): VNode {
  const { palette, unit, pointed } = drawn.options;
  const { score } = edge;
  const share = Math.min(1, drawn.share);
  const title = `${edgeTitle(edge)}: ${formatValue(score, { signed: true })} ${unit}`;
  return el(
    'g',
    { class: 'circuit-edge', 'data-edge': drawn.index, opacity: drawn.dim ? 0.12 : undefined },
    el('title', {}, title),
    el('path', {
      d: drawn.path,
      fill: 'none',
      stroke: palette.colour(score < 0 ? 'negative' : 'positive'),
      'stroke-width': px(1 + 4.2 * Math.sqrt(share)),
      'stroke-opacity': px(0.75 + 0.23 * Math.sqrt(share)),
      'stroke-dasharray': score < 0 ? '5 2.5' : undefined,
      'stroke-linejoin': 'round',
    }),
    pointed === true
      ? el('path', { d: drawn.path, class: 'circuit-reach', fill: 'none', 'stroke-width': 9 })
      : null,
  );
}

function nodeMark(
  node: CircuitNode,
  drawn: {
    readonly layout: CircuitLayout;
    readonly options: CircuitFigureOptions;
    readonly used: boolean;
    readonly dim: boolean;
  },
): VNode {
  const { palette, inputBar, logitsBar } = drawn.options;
  const { x, y, width, height } = drawn.layout.boxOf(node);
  const name = nodeName(node);
  const common = {
    class: `circuit-node${drawn.used ? '' : ' unused'}`,
    'data-node': name,
    'data-head': node.kind === 'head' ? `${node.layer}.${node.head}` : undefined,
    opacity: drawn.dim && drawn.used ? 0.35 : undefined,
  };
  if (!drawn.used && (node.kind === 'head' || node.kind === 'mlp')) {
    return el(
      'g',
      common,
      el('title', {}, name),
      el('rect', {
        x: px(x - 5),
        y: px(y - 5),
        width: 10,
        height: 10,
        rx: node.kind === 'mlp' ? 1 : 5,
        fill: palette.colour('paper'),
        stroke: palette.colour('hairline'),
      }),
    );
  }
  const bar = node.kind === 'input' || node.kind === 'logits';
  const label = node.kind === 'input' ? inputBar : node.kind === 'logits' ? logitsBar : name;
  const size = bar || width >= 46 ? TEXT.label : SMALL;
  return el(
    'g',
    common,
    el('title', {}, name),
    el('rect', {
      x: px(x - width / 2),
      y: px(y - height / 2),
      width: px(width),
      height: px(height),
      // Heads are round, MLPs square: told apart without colour and name.
      rx: node.kind === 'head' ? height / 2 : 2,
      fill: bar ? palette.tint('hairline', 0.5) : palette.tint('line', 0.1),
      stroke: palette.colour(bar ? 'hairline' : 'muted'),
    }),
    bar || width >= NAMED
      ? el(
          'text',
          {
            x: px(x),
            y: px(y + size * 0.35),
            'text-anchor': 'middle',
            'font-size': size,
            'font-family': bar ? undefined : FONTS.mono,
          },
          fitText(label, bar ? width - 12 : width, bar ? size : size * 0.95),
        )
      : null,
  );
}

/** Letters of the inputs that edges enter, where there is room for them. */
function portNames(
  edges: readonly CircuitFigureEdge[],
  layout: CircuitLayout,
  palette: Palette,
): VNode[] {
  const seen = new Set<string>();
  return edges.flatMap(({ to, input }, i) => {
    const node = parseCircuitNode(to);
    const key = `${to} ${input}`;
    if (input === null || node === null || seen.has(key)) return [];
    seen.add(key);
    if (layout.boxOf(node).width < 40) return [];
    const [x, y] = layout.ends[i];
    return [
      el(
        'text',
        {
          x: px(x),
          y: px(y + SMALL),
          'text-anchor': 'middle',
          'font-size': SMALL,
          'font-family': FONTS.mono,
          'paint-order': 'stroke',
          stroke: palette.colour('paper'),
          'stroke-width': 2.5,
          fill: palette.colour('muted'),
        },
        input,
      ),
    ];
  });
}
