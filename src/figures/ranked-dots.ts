import { scaleLinear } from 'd3-scale';
import type { VNode } from 'preact';
import { formatValue } from './scale.ts';
import { el, type FigureOptions, FONTS, fitText, frame, px, TEXT, textWidth } from './svg.ts';

/** One measured thing of a ranking. */
export interface RankedValue {
  readonly name: string;
  readonly value: number;
  /** Ends of the interval, in the value's unit; leave both out for an exact value. */
  readonly low?: number;
  readonly high?: number;
  /** Sample size behind the value. */
  readonly n?: number;
}

/** How a ranking is drawn. Sizes in px. */
export interface RankedDotsOptions extends FigureOptions {
  /** With its unit, e.g. `induction score (probability)`. */
  readonly valueTitle: string;
  /** `diverging` colours by sign and writes plus signs; values are then stems from zero. */
  readonly scale: 'sequential' | 'diverging';
  /** Ends of the axis; taken from the data, with zero, when absent. */
  readonly domain?: readonly [number, number];
  readonly width?: number;
}

const ROW = 15;
const FOOT = 30;
const NUMBERS = 58;

/** Dot and whisker per line, in the order given: head scores with intervals, or signed effects. */
export function rankedDots(values: readonly RankedValue[], options: RankedDotsOptions): VNode {
  const { palette, width = 360 } = options;
  const signed = options.scale === 'diverging';
  const top = options.heading === 'hidden' ? 4 : TEXT.title + 10;
  const names = values.map(({ name }) => textWidth(name, TEXT.label));
  const left =
    Math.min(
      120,
      names.reduce((a, b) => Math.max(a, b), 0),
    ) + 8;
  const ends = values
    .flatMap(({ value, low, high }) => [value, low ?? value, high ?? value])
    .filter((value) => Number.isFinite(value));
  const axis = scaleLinear()
    .domain(
      options.domain ?? [
        ends.reduce((a, b) => Math.min(a, b), 0),
        ends.reduce((a, b) => Math.max(a, b), 0) || 1,
      ],
    )
    .range([left, width - NUMBERS]);
  const bottom = top + values.length * ROW;
  const label = axis.tickFormat(4);
  const grid = axis.ticks(4).map((tick) =>
    el(
      'g',
      { transform: `translate(${px(axis(tick))} 0)` },
      el('line', {
        y1: top,
        y2: bottom,
        stroke: palette.colour(tick === 0 ? 'muted' : 'hairline'),
        'stroke-width': tick === 0 ? 1 : 0.5,
      }),
      el(
        'text',
        { y: bottom + 12, 'text-anchor': 'middle', fill: palette.colour('muted') },
        label(tick),
      ),
    ),
  );
  const rows = values.map((one, i) => {
    const y = top + (i + 0.5) * ROW;
    const text = formatValue(one.value, { signed });
    return el(
      'g',
      { transform: `translate(0 ${px(y)})`, 'data-index': i },
      el('title', {}, describe(one, signed)),
      el(
        'text',
        { y: TEXT.label * 0.35, 'font-family': FONTS.mono },
        fitText(one.name, left - 8, TEXT.label),
      ),
      ...(Number.isFinite(one.value) ? mark(one, { axis, options }) : []),
      el(
        'text',
        {
          x: width,
          y: TEXT.label * 0.35,
          'text-anchor': 'end',
          'font-family': FONTS.mono,
          fill: palette.colour('muted'),
        },
        text,
      ),
    );
  });
  return frame(
    {
      ...options,
      width,
      height: bottom + FOOT,
      description: `${options.valueTitle}; ${values.length}`,
    },
    [
      ...grid,
      ...rows,
      el(
        'text',
        {
          x: px((left + width - NUMBERS) / 2),
          y: bottom + FOOT - 4,
          'text-anchor': 'middle',
          fill: palette.colour('muted'),
        },
        options.valueTitle,
      ),
    ],
  );
}

function mark(
  one: RankedValue,
  plot: { readonly axis: (value: number) => number; readonly options: RankedDotsOptions },
): (VNode | null)[] {
  const { axis, options } = plot;
  const { palette } = options;
  const signed = options.scale === 'diverging';
  const x = px(axis(one.value));
  const zero = px(axis(0));
  return [
    signed
      ? el('rect', {
          x: Math.min(x, zero),
          y: -4,
          width: px(Math.abs(x - zero)),
          height: 8,
          fill: palette.colour(one.value < 0 ? 'negative' : 'positive'),
        })
      : null,
    one.low !== undefined && one.high !== undefined
      ? el('line', {
          x1: px(axis(one.low)),
          x2: px(axis(one.high)),
          stroke: palette.colour('uncertain'),
          'stroke-width': 2,
        })
      : null,
    signed ? null : el('circle', { cx: x, r: 3, fill: palette.colour('line') }),
  ];
}

function describe({ name, value, low, high, n }: RankedValue, signed: boolean): string {
  const interval =
    low === undefined || high === undefined ? '' : ` [${formatValue(low)}, ${formatValue(high)}]`;
  const size = n === undefined ? '' : `, n = ${n}`;
  return `${name}: ${formatValue(value, { signed })}${interval}${size}`;
}
