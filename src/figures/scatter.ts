import { scaleLinear } from 'd3-scale';
import type { VNode } from 'preact';
import { formatValue } from './scale.ts';
import { el, type FigureOptions, frame, px, TEXT } from './svg.ts';

export interface ScatterPoint {
  readonly name: string;
  readonly x: number;
  readonly y: number;
}

/** Titles with units. Sizes in px. */
export interface ScatterOptions extends FigureOptions {
  readonly xTitle: string;
  readonly yTitle: string;
  /** A line under the title: the correlation with its interval and n. */
  readonly note: string;
  readonly size?: number;
}

const MARGIN = { left: 46, right: 10, bottom: 38 };

/** Two measures of the same things on equal axes, with the line on which they agree. */
export function scatter(points: readonly ScatterPoint[], options: ScatterOptions): VNode {
  const { palette, size = 260 } = options;
  const top = (options.heading === 'hidden' ? 0 : TEXT.title + 8) + TEXT.label + 10;
  const known = points.filter(({ x, y }) => Number.isFinite(x) && Number.isFinite(y));
  const reach = known.reduce((most, { x, y }) => Math.max(most, Math.abs(x), Math.abs(y)), 0) || 1;
  const ends = known.flatMap(({ x, y }) => [x, y]);
  const low = Math.min(0, ...ends) < 0 ? -reach : 0;
  const high = Math.max(0, ...ends) > 0 ? reach : 0;
  const domain = [low * 1.05, (high || 0.05 * reach) * 1.05];
  const x = scaleLinear()
    .domain(domain)
    .range([MARGIN.left, MARGIN.left + size]);
  const y = scaleLinear()
    .domain(domain)
    .range([top + size, top]);
  const label = x.tickFormat(4);
  const grid = x.ticks(4).flatMap((tick) => [
    el('line', {
      x1: px(x(tick)),
      x2: px(x(tick)),
      y1: top,
      y2: top + size,
      stroke: palette.colour(tick === 0 ? 'muted' : 'hairline'),
      'stroke-width': 0.5,
    }),
    el('line', {
      y1: px(y(tick)),
      y2: px(y(tick)),
      x1: MARGIN.left,
      x2: MARGIN.left + size,
      stroke: palette.colour(tick === 0 ? 'muted' : 'hairline'),
      'stroke-width': 0.5,
    }),
    el(
      'text',
      {
        x: px(x(tick)),
        y: top + size + 13,
        'text-anchor': 'middle',
        fill: palette.colour('muted'),
      },
      label(tick),
    ),
    el(
      'text',
      {
        x: MARGIN.left - 5,
        y: px(y(tick) + TEXT.label * 0.35),
        'text-anchor': 'end',
        fill: palette.colour('muted'),
      },
      label(tick),
    ),
  ]);
  return frame(
    {
      ...options,
      width: MARGIN.left + size + MARGIN.right,
      height: top + size + MARGIN.bottom,
      description: `${options.note}; ${points.length}`,
    },
    [
      el('text', { x: 0, y: top - 8, fill: palette.colour('muted') }, options.note),
      ...grid,
      el('line', {
        x1: px(x(domain[0])),
        y1: px(y(domain[0])),
        x2: px(x(domain[1])),
        y2: px(y(domain[1])),
        stroke: palette.colour('lineOther'),
        'stroke-dasharray': '4 3',
      }),
      ...known.map((point) =>
        el(
          'circle',
          {
            cx: px(x(point.x)),
            cy: px(y(point.y)),
            r: 3.5,
            fill: palette.tint('line', 0.55),
            stroke: palette.colour('line'),
            'data-node': point.name,
          },
          el(
            'title',
            {},
            `${point.name}: ${formatValue(point.x, { signed: true })} → ${formatValue(point.y, { signed: true })}`,
          ),
        ),
      ),
      el(
        'text',
        {
          x: MARGIN.left + size / 2,
          y: top + size + 30,
          'text-anchor': 'middle',
          fill: palette.colour('muted'),
        },
        options.xTitle,
      ),
      el(
        'text',
        {
          transform: `translate(10 ${top + size / 2}) rotate(-90)`,
          'text-anchor': 'middle',
          fill: palette.colour('muted'),
        },
        options.yTitle,
      ),
    ],
  );
}
