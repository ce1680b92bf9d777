import { scaleLinear, scaleLog } from 'd3-scale';
import { area, line } from 'd3-shape';
import type { VNode } from 'preact';
import type { Colours } from './palette.ts';
import { formatValue } from './scale.ts';
import { el, type FigureOptions, fitText, frame, px, TEXT, textWidth } from './svg.ts';

/** One measured point with its interval. */
export interface BandPoint {
  readonly x: number;
  readonly y: number;
  /** Ends of the interval of y, in y's unit; leave both out for an exact value. */
  readonly low?: number;
  readonly high?: number;
  /** Sample size behind the point. */
  readonly n?: number;
}

/** One line: the measured effect, or a control beside it. */
export interface BandSeries {
  readonly name: string;
  /** A control is drawn dashed, grey and with open markers. */
  readonly role: 'measured' | 'control';
  /** In order of x. A y that is not finite breaks the line. */
  readonly points: readonly BandPoint[];
}

/** How a line with band is drawn. Sizes in px. */
export interface LineBandOptions extends FigureOptions {
  readonly xTitle: string;
  /** With its unit, e.g. `logit difference (logits)`. */
  readonly yTitle: string;
  readonly width?: number;
  readonly height?: number;
  /** An x to mark with a thin upright line, e.g. the strength in use. */
  readonly markX?: number;
  /** `log` for sizes over several orders; every x must then be above 0. `linear` unless told. */
  readonly xScale?: 'linear' | 'log';
  /** How an x is written, at the axis and in tooltips. */
  readonly formatX?: (x: number) => string;
  /** A y to mark with a thin line across, e.g. what all would be. */
  readonly markY?: number;
}

/** Above the plot without the title: the title of the y axis. */
const TOP = 30;
const BOTTOM = 36;
const LEFT = 46;
const POINT = 2.75;

/**
 * Lines over x with a band for the interval: the dose–response of an intervention beside its
 * random-direction control. Names stand at the line ends instead of in a legend; lines differ by
 * dash and marker as well as colour; every point has a tooltip with value, interval and n.
 */
export function lineBand(series: readonly BandSeries[], options: LineBandOptions): VNode {
  const { palette } = options;
  const nameWidth = Math.max(24, ...series.map(({ name }) => textWidth(name, TEXT.label))) + 14;
  const right = Math.min(nameWidth, 180);
  const top = TOP + (options.heading === 'hidden' ? 0 : TEXT.title + 7);
  const width = options.width ?? 420;
  const height = options.height ?? 240;
  const points = series.flatMap((one) => one.points).filter(({ y }) => Number.isFinite(y));
  const isLog = options.xScale === 'log';
  const x = (isLog ? scaleLog() : scaleLinear())
    .domain(extent(points.map((point) => point.x)))
    .range([LEFT, width - right]);
  const y = scaleLinear()
    .domain(
      extent([
        0,
        ...(options.markY === undefined ? [] : [options.markY]),
        ...points.flatMap((p) => [p.y, p.low ?? p.y, p.high ?? p.y]),
      ]),
    )
    .nice()
    .range([height - BOTTOM, top]);

  const yLabel = y.tickFormat(5);
  const grid = y.ticks(5).map((tick) =>
    el(
      'g',
      { transform: `translate(0 ${px(y(tick))})` },
      el('line', {
        x1: LEFT,
        x2: px(width - right),
        stroke: palette.colour(tick === 0 ? 'muted' : 'hairline'),
        'stroke-width': tick === 0 ? 1 : 0.5,
      }),
      el(
        'text',
        { x: LEFT - 6, y: TEXT.label * 0.35, 'text-anchor': 'end', fill: palette.colour('muted') },
        yLabel(tick),
      ),
    ),
  );
  const xLabel = options.formatX ?? x.tickFormat(6);
  // A logarithmic axis names powers of ten only.
  const named = (tick: number) =>
    !isLog || Number.isInteger(Math.round(Math.log10(tick) * 1e6) / 1e6);
  const ticks = x
    .ticks(6)
    .filter(named)
    .map((tick) =>
      el(
        'text',
        {
          x: px(x(tick)),
          y: height - BOTTOM + 14,
          'text-anchor': 'middle',
          fill: palette.colour('muted'),
        },
        xLabel(tick),
      ),
    );
  const mark =
    options.markX === undefined
      ? null
      : el('line', {
          x1: px(x(options.markX)),
          x2: px(x(options.markX)),
          y1: top,
          y2: height - BOTTOM,
          stroke: palette.colour('ink'),
          'stroke-width': 0.75,
        });
  const across =
    options.markY === undefined
      ? null
      : el('line', {
          x1: LEFT,
          x2: px(width - right),
          y1: px(y(options.markY)),
          y2: px(y(options.markY)),
          stroke: palette.colour('muted'),
          'stroke-width': 0.75,
          'stroke-dasharray': '2 3',
        });
  const description = series.map(({ name, points: p }) => `${name}: ${p.length} points`).join('; ');
  return frame({ ...options, width, height, description }, [
    el('text', { x: 0, y: top - 16, fill: palette.colour('muted') }, options.yTitle),
    el(
      'text',
      {
        x: px((LEFT + width - right) / 2),
        y: height - 4,
        'text-anchor': 'middle',
        fill: palette.colour('muted'),
      },
      options.xTitle,
    ),
    ...grid,
    ...ticks,
    mark,
    across,
    ...labelHeights(series, y, height - BOTTOM).map(({ one, labelY }) =>
      drawSeries(one, labelY, { x, y, right, width, options }),
    ),
  ]);
}

type Scale = (value: number) => number;

function drawSeries(
  one: BandSeries,
  labelY: number,
  plot: {
    readonly x: Scale;
    readonly y: Scale;
    readonly right: number;
    readonly width: number;
    readonly options: LineBandOptions;
  },
): VNode {
  const { x, y, options } = plot;
  const { palette } = options;
  const measured = one.role === 'measured';
  const name: keyof Colours = measured ? 'line' : 'lineOther';
  const colour = palette.colour(name);
  const isKnown = (point: BandPoint) => Number.isFinite(point.y);
  const path = line<BandPoint>()
    .defined(isKnown)
    .digits(2)
    .x((p) => x(p.x))
    .y((p) => y(p.y));
  const band = area<BandPoint>()
    .defined((p) => isKnown(p) && p.low !== undefined && p.high !== undefined)
    .digits(2)
    .x((p) => x(p.x))
    .y0((p) => y(p.low ?? p.y))
    .y1((p) => y(p.high ?? p.y));
  return el(
    'g',
    { 'data-series': one.name },
    el('path', { d: band(one.points) ?? '', fill: palette.colour('uncertain'), opacity: 0.22 }),
    el('path', {
      d: path(one.points) ?? '',
      fill: 'none',
      stroke: colour,
      'stroke-width': 1.5,
      'stroke-dasharray': measured ? undefined : '4 3',
    }),
    ...one.points.filter(isKnown).map((point) =>
      el(
        'circle',
        {
          cx: px(x(point.x)),
          cy: px(y(point.y)),
          r: POINT,
          fill: measured ? colour : palette.colour('paper'),
          stroke: colour,
        },
        el('title', {}, describePoint(one, point, options.formatX ?? formatValue)),
      ),
    ),
    el(
      'text',
      { x: px(plot.width - plot.right + 8), y: px(labelY + TEXT.label * 0.35), fill: colour },
      fitText(one.name, plot.right - 10, TEXT.label),
    ),
  );
}

function describePoint(
  one: BandSeries,
  { x, y, low, high, n }: BandPoint,
  formatX: (x: number) => string,
): string {
  const interval =
    low === undefined || high === undefined ? '' : ` [${formatValue(low)}, ${formatValue(high)}]`;
  const size = n === undefined ? '' : `, n = ${n}`;
  return `${one.name} at ${formatX(x)}: ${formatValue(y)}${interval}${size}`;
}

/** Heights of the names at the line ends, pushed apart so that no two overlap. */
function labelHeights(
  series: readonly BandSeries[],
  y: Scale,
  bottom: number,
): { one: BandSeries; labelY: number }[] {
  const wanted = series.map((one) => {
    const last = one.points.findLast((point) => Number.isFinite(point.y));
    return { one, labelY: last === undefined ? bottom : y(last.y) };
  });
  const sorted = [...wanted].sort((a, b) => a.labelY - b.labelY);
  for (let i = 1; i < sorted.length; i++) {
    sorted[i].labelY = Math.max(sorted[i].labelY, sorted[i - 1].labelY + TEXT.label + 2);
  }
  return wanted;
}

function extent(values: readonly number[]): [number, number] {
  if (values.length === 0) return [0, 1];
  const low = values.reduce((a, b) => Math.min(a, b));
  const high = values.reduce((a, b) => Math.max(a, b));
  return low === high ? [low - 0.5, high + 0.5] : [low, high];
}
