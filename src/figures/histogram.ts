import { scaleLinear } from 'd3-scale';
import type { VNode } from 'preact';
import { formatValue } from './scale.ts';
import { el, type FigureOptions, frame, px, TEXT } from './svg.ts';

export interface HistogramData {
  /** Edges of the bins, one more than counts. */
  readonly edges: readonly number[];
  readonly counts: readonly number[];
}

/** Titles with units. Sizes in px. */
export interface HistogramOptions extends FigureOptions {
  readonly valueTitle: string;
  readonly width?: number;
  readonly height?: number;
  /** Colours bars by the sign of their middle. */
  readonly signed?: boolean;
  /** Counts on a logarithmic axis (of count + 1), for what is mostly near zero. */
  readonly log?: boolean;
  /** A value to mark with an upright line, e.g. where one feature stands among all. */
  readonly mark?: number;
}

const LEFT = 34;

/** How often values fall where. */
export function histogram(data: HistogramData, options: HistogramOptions): VNode {
  const { edges, counts } = data;
  const { palette, width = 280, height = 64 } = options;
  const top = options.heading === 'hidden' ? 4 : TEXT.title + 10;
  const bottom = top + height;
  const size = (count: number) => (options.log ? Math.log10(count + 1) : count);
  const most = counts.reduce((a, b) => Math.max(a, b), 1);
  const x = scaleLinear()
    .domain([edges[0] ?? 0, edges.at(-1) ?? 1])
    .range([LEFT, width - 8]);
  const y = scaleLinear()
    .domain([0, size(most)])
    .range([bottom, top]);
  const label = x.tickFormat(5);
  return frame(
    { ...options, width, height: bottom + 30, description: `${options.valueTitle}; ${most}` },
    [
      ...counts.map((count, i) => {
        const middle = (edges[i] + edges[i + 1]) / 2;
        const colour = !options.signed ? 'line' : middle < 0 ? 'negative' : 'positive';
        return el(
          'rect',
          {
            x: px(x(edges[i])),
            width: px(Math.max(0.5, x(edges[i + 1]) - x(edges[i]) - 0.5)),
            y: px(y(size(count))),
            height: px(bottom - y(size(count))),
            fill: palette.colour(colour),
          },
          el('title', {}, `${formatValue(edges[i])} – ${formatValue(edges[i + 1])}: ${count}`),
        );
      }),
      options.mark === undefined
        ? null
        : el('path', {
            d: `M${px(x(options.mark))} ${bottom}V${top - 3}m-4 0h8l-4 5z`,
            stroke: palette.colour('uncertain'),
            'stroke-width': 1.5,
            fill: palette.colour('uncertain'),
          }),
      el('line', {
        x1: LEFT,
        x2: width - 8,
        y1: bottom,
        y2: bottom,
        stroke: palette.colour('muted'),
        'stroke-width': 0.5,
      }),
      el(
        'text',
        { x: LEFT - 4, y: top + 8, 'text-anchor': 'end', fill: palette.colour('muted') },
        String(most),
      ),
      ...x.ticks(5).map((tick) =>
        el(
          'text',
          {
            x: px(x(tick)),
            y: bottom + 12,
            'text-anchor': 'middle',
            fill: palette.colour('muted'),
          },
          label(tick),
        ),
      ),
      el(
        'text',
        {
          x: px((LEFT + width) / 2),
          y: bottom + 26,
          'text-anchor': 'middle',
          fill: palette.colour('muted'),
        },
        options.valueTitle,
      ),
    ],
  );
}
