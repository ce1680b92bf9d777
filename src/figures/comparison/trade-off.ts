import { scaleLinear } from 'd3-scale';
import type { VNode } from 'preact';
import { formatValue } from '../scale.ts';
import { el, type FigureOptions, frame, px, TEXT, textWidth } from '../svg.ts';
import { DICTIONARY_MARKS, type DictionaryMark, dictionaryMark } from './marks.ts';

/** A measured value with the range over repetitions. */
export interface Ranged {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** One thing in two measures. */
export interface TradeOffPoint {
  readonly name: string;
  /** A short name beside the mark, e.g. `0`. */
  readonly short: string;
  readonly kind: DictionaryMark;
  readonly x: Ranged;
  readonly y: Ranged;
  /** Repetitions behind the ranges. */
  readonly n: number;
}

/** Titles with units. Sizes in px. */
export interface TradeOffOptions extends FigureOptions {
  readonly xTitle: string;
  readonly yTitle: string;
  /** Names of the kinds, for the legend. */
  readonly kinds: Readonly<Record<DictionaryMark, string>>;
  /** A y that must be reached, drawn as a dashed line. */
  readonly bar?: number;
  /** Name of the point that is pointed at. */
  readonly marked?: string;
  readonly width?: number;
  readonly height?: number;
}

const WIDTH = 310;
/** Pixels between two names; pushed a hair further, so that rounding never leaves one where it was. */
const LINE = 11;
const MARGIN = { left: 48, right: 26, bottom: 36 };
/** More points than this go without a name of their own; their tooltips tell. */
const NAMED = 24;

/** Two measures of several things, each with its range over repetitions as whiskers. */
export function tradeOff(points: readonly TradeOffPoint[], options: TradeOffOptions): VNode {
  const { palette, width = WIDTH, height = 250, marked } = options;
  const legendAt = options.heading === 'hidden' ? 0 : TEXT.title + 7;
  const top = legendAt + TEXT.label + 26;
  const bottom = height - MARGIN.bottom;
  const known = points.filter(({ x, y }) => Number.isFinite(x.value) && Number.isFinite(y.value));
  const x = scaleLinear()
    .domain(padded(known.flatMap((p) => [p.x.low, p.x.high])))
    .range([MARGIN.left, width - MARGIN.right]);
  const bars = options.bar === undefined ? [] : [options.bar];
  const y = scaleLinear()
    .domain(padded([...known.flatMap((p) => [p.y.low, p.y.high]), ...bars]))
    .range([bottom, top]);
  const xLabel = x.tickFormat(5);
  const yLabel = y.tickFormat(5);
  const muted = palette.colour('muted');
  const grid = [
    ...y.ticks(5).map((tick) =>
      el(
        'g',
        { transform: `translate(0 ${px(y(tick))})` },
        el('line', {
          x1: MARGIN.left,
          x2: width - MARGIN.right,
          stroke: palette.colour('hairline'),
          'stroke-width': 0.5,
        }),
        el(
          'text',
          { x: MARGIN.left - 6, y: TEXT.label * 0.35, 'text-anchor': 'end', fill: muted },
          yLabel(tick),
        ),
      ),
    ),
    ...x
      .ticks(5)
      .map((tick) =>
        el(
          'text',
          { x: px(x(tick)), y: bottom + 14, 'text-anchor': 'middle', fill: muted },
          xLabel(tick),
        ),
      ),
  ];
  const bar =
    options.bar === undefined
      ? null
      : el('line', {
          x1: MARGIN.left,
          x2: width - MARGIN.right,
          y1: px(y(options.bar)),
          y2: px(y(options.bar)),
          stroke: muted,
          'stroke-dasharray': '4 3',
        });
  // The marked point is drawn last, above the others.
  const order = [...known].sort((a, b) => Number(a.name === marked) - Number(b.name === marked));
  return frame({ ...options, width, height, description: `${known.length}` }, [
    ...legend(known, { ...options, y: legendAt + TEXT.label }),
    el('text', { x: 0, y: top - 12, fill: muted }, options.yTitle),
    el(
      'text',
      {
        x: px((MARGIN.left + width - MARGIN.right) / 2),
        y: height - 4,
        'text-anchor': 'middle',
        fill: muted,
      },
      options.xTitle,
    ),
    ...grid,
    bar,
    ...order.map((point) => drawPoint(point, { x, y, options })),
    ...names(known, { x, y, options }),
  ]);
}

type Scale = (value: number) => number;

function drawPoint(
  point: TradeOffPoint,
  plot: {
    readonly x: Scale;
    readonly y: Scale;
    readonly options: TradeOffOptions;
  },
): VNode {
  const { x, y, options } = plot;
  const { palette } = options;
  const marked = point.name === options.marked;
  const [cx, cy] = [x(point.x.value), y(point.y.value)];
  const whisker = { stroke: palette.colour('uncertain'), 'stroke-width': marked ? 2 : 1.25 };
  const measure = (title: string, { value, low, high }: Ranged) =>
    `${title} ${formatValue(value)} [${formatValue(low)}, ${formatValue(high)}]`;
  return el(
    'g',
    { 'data-dictionary': point.name },
    el(
      'title',
      {},
      `${point.name}: ${measure(options.xTitle, point.x)}; ${measure(options.yTitle, point.y)}; n = ${point.n}`,
    ),
    el('circle', { cx: px(cx), cy: px(cy), r: 10, fill: 'transparent' }),
    el('line', {
      x1: px(x(point.x.low)),
      x2: px(x(point.x.high)),
      y1: px(cy),
      y2: px(cy),
      ...whisker,
    }),
    el('line', {
      x1: px(cx),
      x2: px(cx),
      y1: px(y(point.y.low)),
      y2: px(y(point.y.high)),
      ...whisker,
    }),
    dictionaryMark(point.kind, { x: cx, y: cy, palette, marked }),
  );
}

/** Names beside marks, pushed down where one would lie on another. */
function names(
  points: readonly TradeOffPoint[],
  plot: { readonly x: Scale; readonly y: Scale; readonly options: TradeOffOptions },
): VNode[] {
  const { x, y, options } = plot;
  const { palette, marked, width = WIDTH } = options;
  const shown = points.filter(({ name }) => points.length <= NAMED || name === marked);
  const placed: { readonly left: number; readonly right: number; readonly y: number }[] = [];
  return [...shown]
    .sort((a, b) => b.y.value - a.y.value)
    .map((point) => {
      const on = point.name === marked;
      const text = on ? point.name : point.short;
      const size = textWidth(text, TEXT.label);
      const right = x(point.x.value) + 8;
      const fits = right + size < width;
      const left = fits ? right : x(point.x.value) - 8 - size;
      let at = y(point.y.value) - 5;
      const hits = () =>
        placed.find(
          (one) => one.left < left + size && left < one.right && Math.abs(one.y - at) < LINE,
        );
      for (let other = hits(); other; other = hits()) at = other.y + LINE + 0.01;
      placed.push({ left, right: left + size, y: at });
      return el(
        'text',
        {
          x: px(fits ? left : x(point.x.value) - 8),
          y: px(at),
          'text-anchor': fits ? undefined : 'end',
          fill: palette.colour(on ? 'ink' : 'muted'),
          'font-weight': on ? 600 : undefined,
          'data-dictionary': point.name,
        },
        text,
      );
    });
}

function legend(
  points: readonly TradeOffPoint[],
  options: TradeOffOptions & { readonly y: number },
): VNode[] {
  const { palette, kinds } = options;
  const present = DICTIONARY_MARKS.filter((kind) => points.some((point) => point.kind === kind));
  let at = 5;
  return present.map((kind) => {
    const x = at;
    at += textWidth(kinds[kind], TEXT.label) + 26;
    return el(
      'g',
      {},
      dictionaryMark(kind, { x, y: options.y - 4, palette }),
      el('text', { x: x + 9, y: options.y, fill: palette.colour('muted') }, kinds[kind]),
    );
  });
}

/** The extent of values with a margin, so that no mark lies on the frame. */
function padded(values: readonly number[]): [number, number] {
  if (values.length === 0) return [0, 1];
  const low = values.reduce((a, b) => Math.min(a, b));
  const high = values.reduce((a, b) => Math.max(a, b));
  const margin = 0.1 * (high - low) || 0.05 * Math.abs(high) || 0.5;
  return [low - margin, high + margin];
}
