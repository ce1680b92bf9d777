import { scaleLinear } from 'd3-scale';
import { area, line } from 'd3-shape';
import type { VNode } from 'preact';
import { formatValue } from '../scale.ts';
import { el, type FigureOptions, FONTS, fitText, frame, px, TEXT } from '../svg.ts';

/** A value at every point of a run: its mean over repetitions, with the smallest and the largest. */
export interface CourseCurve {
  readonly mean: readonly number[];
  readonly low: readonly number[];
  readonly high: readonly number[];
}

/** One row: a thing with a curve per column. */
export interface CourseRow {
  readonly name: string;
  /** Beside the name, e.g. `n = 3`. */
  readonly note: string;
  readonly curves: readonly CourseCurve[];
}

/** One column: a measure. */
export interface CourseColumn {
  readonly title: string;
  /** Every row on an axis of its own, where rows do not compare. */
  readonly apart?: boolean;
}

/** Sizes in px. */
export interface CourseGridOptions extends FigureOptions {
  readonly columns: readonly CourseColumn[];
  /** Where the points of all curves are, e.g. updates done. */
  readonly at: readonly number[];
  /** End of the x axis; the last point unless told. */
  readonly end?: number;
  readonly xTitle: string;
  /** Index of the point whose values are written; the last unless told. */
  readonly pointed?: number;
  readonly marked?: string;
  readonly width?: number;
}

const ROW = 46;
const PAD = 6;
const NAME = 118;
const VALUE = 46;
const GAP = 14;

/** Where the columns of a grid are, for finding the point under the pointer. */
export function courseColumns(
  columns: number,
  width: number,
): { readonly left: number; readonly width: number }[] {
  const cell = (width - NAME - GAP * (columns - 1)) / columns;
  return Array.from({ length: columns }, (_, i) => ({
    left: NAME + i * (cell + GAP),
    width: cell - VALUE,
  }));
}

/** The course of several things in several measures: a row each, a column each, bands for the range. */
export function courseGrid(rows: readonly CourseRow[], options: CourseGridOptions): VNode {
  const { palette, columns, at, width = 760 } = options;
  const top = (options.heading === 'hidden' ? 0 : TEXT.title + 10) + TEXT.label + 8;
  const places = courseColumns(columns.length, width);
  const height = top + rows.length * ROW + 30;
  const end = options.end ?? at.at(-1) ?? 1;
  const pointed = Math.min(at.length - 1, options.pointed ?? at.length - 1);
  const muted = palette.colour('muted');
  const extents = columns.map((_, c) => extent(rows.map(({ curves }) => curves[c])));
  const cells = rows.flatMap((row, r) =>
    columns.map((column, c) => {
      const { left, width: wide } = places[c];
      const x = scaleLinear()
        .domain([0, end])
        .range([left, left + wide]);
      const y = scaleLinear()
        .domain(column.apart ? extent([row.curves[c]]) : extents[c])
        .range([top + (r + 1) * ROW - PAD, top + r * ROW + PAD]);
      return drawCell(row, c, { x, y, at, pointed, options, left, wide, top: top + r * ROW });
    }),
  );
  const x = scaleLinear().domain([0, end]);
  const ticks = places.flatMap(({ left, width: wide }) =>
    [0, end].map((tick, i) =>
      el(
        'text',
        {
          x: px(x.range([left, left + wide])(tick)),
          y: height - 16,
          'text-anchor': i === 0 ? 'start' : 'end',
          fill: muted,
          'font-size': 10,
        },
        String(tick),
      ),
    ),
  );
  return frame({ ...options, width, height, description: `${rows.length}, ${options.xTitle}` }, [
    ...columns.map(({ title }, c) =>
      el(
        'text',
        { x: px(places[c].left), y: top - 8, fill: muted },
        fitText(title, places[c].width + VALUE, TEXT.label),
      ),
    ),
    ...rows.map((row, r) =>
      el(
        'g',
        { 'data-dictionary': row.name },
        el('rect', {
          x: 0,
          y: top + r * ROW,
          width,
          height: ROW,
          fill: row.name === options.marked ? palette.tint('uncertain', 0.1) : 'transparent',
        }),
        el('line', {
          x1: 0,
          x2: width,
          y1: top + r * ROW,
          y2: top + r * ROW,
          stroke: palette.colour('hairline'),
          'stroke-width': 0.5,
        }),
        el(
          'text',
          { y: top + r * ROW + 20, 'font-weight': row.name === options.marked ? 600 : undefined },
          fitText(row.name, NAME - 6, TEXT.label),
        ),
        el('text', { y: top + r * ROW + 34, fill: muted }, row.note),
      ),
    ),
    ...cells,
    ...ticks,
    el('text', { x: NAME, y: height - 3, fill: muted, 'font-size': 10 }, options.xTitle),
  ]);
}

function drawCell(
  row: CourseRow,
  column: number,
  plot: {
    readonly x: (value: number) => number;
    readonly y: (value: number) => number;
    readonly at: readonly number[];
    readonly pointed: number;
    readonly options: CourseGridOptions;
    readonly left: number;
    readonly wide: number;
    readonly top: number;
  },
): VNode {
  const { x, y, at, pointed, options } = plot;
  const { palette } = options;
  const { mean, low, high } = row.curves[column];
  const points = at.map((_, i) => i);
  const known = (i: number) => Number.isFinite(mean[i]);
  const band = area<number>()
    .defined(known)
    .digits(1)
    .x((i) => x(at[i]))
    .y0((i) => y(low[i]))
    .y1((i) => y(high[i]));
  const path = line<number>()
    .defined(known)
    .digits(1)
    .x((i) => x(at[i]))
    .y((i) => y(mean[i]));
  const value = mean[pointed];
  const range =
    low[pointed] === high[pointed]
      ? ''
      : ` [${formatValue(low[pointed])}, ${formatValue(high[pointed])}]`;
  const where = at.length === 0 ? '' : `, ${at[pointed]}: ${formatValue(value)}${range}`;
  const title = `${row.name}, ${options.columns[column].title}${where}`;
  return el(
    'g',
    {},
    el('title', {}, title),
    el('path', { d: band(points) ?? '', fill: palette.colour('uncertain'), opacity: 0.25 }),
    el('path', {
      d: path(points) ?? '',
      fill: 'none',
      stroke: palette.colour('line'),
      'stroke-width': 1.5,
    }),
    Number.isFinite(value)
      ? el('circle', {
          cx: px(x(at[pointed])),
          cy: px(y(value)),
          r: 2.5,
          fill: palette.colour('line'),
        })
      : null,
    options.pointed === undefined || at.length === 0
      ? null
      : el('line', {
          x1: px(x(at[pointed])),
          x2: px(x(at[pointed])),
          y1: plot.top + 2,
          y2: plot.top + ROW - 2,
          stroke: palette.colour('muted'),
          'stroke-width': 0.75,
        }),
    el(
      'text',
      {
        x: px(plot.left + plot.wide + 5),
        y: px(plot.top + ROW / 2 + 4),
        'font-family': FONTS.mono,
        'font-size': 10,
      },
      formatValue(value),
    ),
  );
}

function extent(curves: readonly CourseCurve[]): [number, number] {
  const values = curves.flatMap(({ low, high }) => [...low, ...high]).filter(Number.isFinite);
  const least = values.reduce((a, b) => Math.min(a, b), values[0] ?? 0);
  const most = values.reduce((a, b) => Math.max(a, b), values[0] ?? 1);
  return least === most ? [least - 0.5, most + 0.5] : [least, most];
}
