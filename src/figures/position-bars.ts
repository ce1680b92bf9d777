import { scaleLinear } from 'd3-scale';
import type { VNode } from 'preact';
import { formatValue } from './scale.ts';
import { el, type FigureOptions, FONTS, fitText, frame, px, TEXT, textWidth } from './svg.ts';

/** One number per token of a prompt. */
export interface PositionBarsData {
  readonly tokens: readonly string[];
  /** At least 0. A value that is not finite means "not assessed" and is drawn hatched. */
  readonly values: readonly number[];
}

/** Words and size of {@link positionBars}. */
export interface PositionBarsOptions extends FigureOptions {
  /** With its unit, e.g. `KL (nats)`. */
  readonly valueTitle: string;
  /** Height of the bars in px; 56 unless told. */
  readonly height?: number;
  /** Positions to mark under the axis, e.g. where something was changed. */
  readonly marked?: readonly number[];
}

const CELL = 15;
const LEFT = 40;
const LABEL_LIMIT = 84;

/** Upright bars over the tokens of a prompt: KL divergence, loss or entropy per position. */
export function positionBars(data: PositionBarsData, options: PositionBarsOptions): VNode {
  const { tokens, values } = data;
  const { palette, height = 56 } = options;
  const top = (options.heading === 'hidden' ? 0 : TEXT.title + 8) + TEXT.label + 6;
  const known = values.filter((value) => Number.isFinite(value));
  const y = scaleLinear()
    .domain([0, known.reduce((a, b) => Math.max(a, b), 0) || 1])
    .nice(2)
    .range([top + height, top]);
  const label = Math.min(
    LABEL_LIMIT,
    tokens.reduce((most, token) => Math.max(most, textWidth(token, TEXT.label)), 0),
  );
  const tick = y.tickFormat(2);
  const bottom = top + height;
  const marked = new Set(options.marked);
  const width = Math.max(
    LEFT + tokens.length * CELL + 4,
    options.heading === 'hidden' ? 0 : textWidth(options.title, TEXT.title),
    LEFT + textWidth(options.valueTitle, TEXT.label),
  );
  return frame(
    {
      ...options,
      width,
      height: bottom + label + 14,
      description: `${options.valueTitle}; ${tokens.length}`,
    },
    [
      el('text', { x: LEFT, y: top - 5, fill: palette.colour('muted') }, options.valueTitle),
      ...y.ticks(2).map((value) =>
        el(
          'g',
          { transform: `translate(0 ${px(y(value))})` },
          el('line', {
            x1: LEFT,
            x2: LEFT + tokens.length * CELL,
            stroke: palette.colour(value === 0 ? 'muted' : 'hairline'),
            'stroke-width': value === 0 ? 1 : 0.5,
          }),
          el(
            'text',
            {
              x: LEFT - 5,
              y: TEXT.label * 0.35,
              'text-anchor': 'end',
              fill: palette.colour('muted'),
            },
            tick(value),
          ),
        ),
      ),
      ...tokens.map((token, position) => {
        const value = values[position];
        const finite = Number.isFinite(value);
        const size = finite ? px(bottom - y(value)) : height;
        return el(
          'g',
          {
            transform: `translate(${LEFT + position * CELL} 0)`,
            'data-position': position,
          },
          el('title', {}, `${position} ${token}: ${formatValue(value)}`),
          el('rect', { y: top, width: CELL, height: height + label, fill: 'transparent' }),
          el('rect', {
            x: 2,
            y: px(bottom - size),
            width: CELL - 4,
            height: size,
            fill: finite ? palette.colour('line') : 'none',
            stroke: finite ? undefined : palette.colour('hairline'),
            'stroke-dasharray': finite ? undefined : '2 2',
          }),
          marked.has(position)
            ? el('path', { d: `M3 ${bottom + 6}l4.5 -5l4.5 5z`, fill: palette.colour('uncertain') })
            : null,
          el(
            'text',
            {
              transform: `translate(${px(CELL / 2 + TEXT.label * 0.35)} ${bottom + 9}) rotate(-90)`,
              'text-anchor': 'end',
              'font-family': FONTS.mono,
              'xml:space': 'preserve',
            },
            fitText(token, LABEL_LIMIT, TEXT.label),
          ),
        );
      }),
    ],
  );
}
