import { scaleLinear } from 'd3-scale';
import type { VNode } from 'preact';
import { formatValue } from '../scale.ts';
import { el, type FigureOptions, fitText, frame, px, TEXT } from '../svg.ts';

/** Shares of things by bins. */
export interface Distribution {
  /** Edges of the bins, one more than shares. */
  readonly edges: readonly number[];
  /** Share of all things in each bin, in [0, 1]. */
  readonly shares: readonly number[];
}

/** One small picture of the grid. */
export interface DistributionItem {
  readonly name: string;
  /** A line under the name: how many things, and what is not in the bins. */
  readonly note: string;
  readonly own: Distribution;
  /** What it is compared with, drawn as a dashed outline. */
  readonly other?: Distribution;
}

/** Titles with units. Sizes in px. */
export interface DistributionGridOptions extends FigureOptions {
  readonly valueTitle: string;
  /** What the dashed outline is; left out where nothing is compared. */
  readonly otherTitle?: string;
  /** Draws the outlines of all others behind each. */
  readonly overlay?: boolean;
  /** A value to mark in every picture. */
  readonly bar?: number;
  readonly marked?: string;
  readonly columns?: number;
  readonly width?: number;
}

const GAP = 18;
const HEAD = 30;
const PLOT = 62;
const FOOT = 18;
const LEFT = 26;
const RIGHT = 10;

/** Small multiples of distributions on common axes. */
export function distributionGrid(
  items: readonly DistributionItem[],
  options: DistributionGridOptions,
): VNode {
  const { palette, width = 676, columns = 4, marked } = options;
  const top = options.heading === 'hidden' ? 0 : TEXT.title + 8;
  const cell = (width - GAP * (columns - 1)) / columns;
  const rows = Math.ceil(items.length / columns);
  const step = HEAD + PLOT + FOOT + 8;
  const height = top + rows * step + TEXT.label + 8;
  const all = items.flatMap(({ own, other }) => (other ? [own, other] : [own]));
  const edges = all.flatMap((one) => one.edges);
  const x = scaleLinear()
    .domain([
      edges.reduce((a, b) => Math.min(a, b), edges[0] ?? 0),
      edges.reduce((a, b) => Math.max(a, b), edges[0] ?? 1),
    ])
    .range([LEFT, cell - RIGHT]);
  const most = all.flatMap(({ shares }) => shares).reduce((a, b) => Math.max(a, b), 0) || 1;
  const y = scaleLinear().domain([0, most]).range([PLOT, 0]);
  const pictures = items.map((item, i) => {
    const place = `translate(${px((i % columns) * (cell + GAP))} ${px(top + Math.floor(i / columns) * step)})`;
    const on = item.name === marked;
    const behind = options.overlay ? items.filter((one) => one !== item) : [];
    return el(
      'g',
      { transform: place, 'data-dictionary': item.name },
      el('rect', { width: px(cell), height: step - 8, fill: 'transparent' }),
      el(
        'text',
        { y: TEXT.label, 'font-weight': 600, fill: palette.colour(on ? 'uncertain' : 'ink') },
        fitText(item.name, cell, TEXT.label),
      ),
      el(
        'text',
        { y: 2 * TEXT.label + 3, fill: palette.colour('muted') },
        fitText(item.note, cell, TEXT.label),
      ),
      el('g', { transform: `translate(0 ${HEAD})` }, [
        ...behind.map(({ own }) =>
          el('path', {
            d: outline(own, x, y),
            fill: 'none',
            stroke: palette.colour('hairline'),
          }),
        ),
        ...bars(item.own, { x, y, options, on }),
        item.other
          ? el('path', {
              d: outline(item.other, x, y),
              fill: 'none',
              stroke: palette.colour('lineOther'),
              'stroke-dasharray': '3 2',
              'stroke-width': 1.25,
            })
          : null,
        ...axes(x, y, { cell, options }),
      ]),
    );
  });
  const description = `${options.valueTitle}; ${items.map(({ name }) => name).join(', ')}`;
  return frame({ ...options, width, height, description }, [
    ...pictures,
    el(
      'text',
      { y: height - 4, fill: palette.colour('muted') },
      options.otherTitle === undefined
        ? options.valueTitle
        : `${options.valueTitle}; ┄ ${options.otherTitle}`,
    ),
  ]);
}

type Scale = ReturnType<typeof scaleLinear<number>>;

function bars(
  { edges, shares }: Distribution,
  plot: {
    readonly x: Scale;
    readonly y: Scale;
    readonly options: DistributionGridOptions;
    readonly on: boolean;
  },
): VNode[] {
  const { x, y, options, on } = plot;
  return shares.map((share, i) =>
    el(
      'rect',
      {
        x: px(x(edges[i])),
        width: px(Math.max(0.5, x(edges[i + 1]) - x(edges[i]) - 0.5)),
        y: px(y(share)),
        height: px(PLOT - y(share)),
        fill: options.palette.tint(on ? 'uncertain' : 'line', 0.75),
      },
      el(
        'title',
        {},
        `${formatValue(edges[i])} – ${formatValue(edges[i + 1])}: ${(100 * share).toFixed(1)} %`,
      ),
    ),
  );
}

/** The upper edge of a histogram as steps. */
function outline({ edges, shares }: Distribution, x: Scale, y: Scale): string {
  if (shares.length === 0) return '';
  const steps = shares.map((share, i) => `V${px(y(share))}H${px(x(edges[i + 1]))}`);
  return `M${px(x(edges[0]))} ${PLOT}${steps.join('')}V${PLOT}`;
}

function axes(
  x: Scale,
  y: Scale,
  { cell, options }: { readonly cell: number; readonly options: DistributionGridOptions },
): (VNode | null)[] {
  const { palette, bar } = options;
  const muted = palette.colour('muted');
  const label = x.tickFormat(4);
  const [, most] = y.domain();
  return [
    el('line', {
      x1: LEFT,
      x2: px(cell - RIGHT),
      y1: PLOT,
      y2: PLOT,
      stroke: muted,
      'stroke-width': 0.5,
    }),
    bar === undefined
      ? null
      : el('line', {
          x1: px(x(bar)),
          x2: px(x(bar)),
          y1: 0,
          y2: PLOT,
          stroke: muted,
          'stroke-dasharray': '1 2',
        }),
    el(
      'text',
      { x: LEFT - 3, y: 8, 'text-anchor': 'end', fill: muted, 'font-size': 9 },
      `${Math.round(100 * most)}%`,
    ),
    ...x
      .ticks(4)
      .map((tick) =>
        el(
          'text',
          { x: px(x(tick)), y: PLOT + 12, 'text-anchor': 'middle', fill: muted, 'font-size': 10 },
          label(tick),
        ),
      ),
  ];
}
