import type { VNode } from 'preact';
import { shadeLegend } from './attention-pattern.ts';
import type { Palette } from './palette.ts';
import { type PatternMatrix, patternCells, poolPattern } from './pattern-cells.ts';
import { formatValue } from './scale.ts';
import { el, type FigureOptions, frame, px, TEXT, textWidth } from './svg.ts';

/** One head of the grid. */
export interface HeadThumbnail {
  readonly layer: number;
  readonly head: number;
  readonly pattern: PatternMatrix;
  /** What the head writes towards the chosen direction, in logits; shown as a signed bar. */
  readonly effect?: number;
}

/** How the grid of heads is drawn. */
export interface HeadGridOptions extends FigureOptions {
  /** What the shade means, at the legend. */
  readonly unit: string;
  /** Words for the signed bar, with its unit; needed where heads have an effect. */
  readonly effectTitle?: string;
  /** Side of a thumbnail in px; 56 unless told. */
  readonly size?: number;
  /** Heads per line; the heads of the first one's layer unless told. */
  readonly columns?: number;
}

/** Cells of a thumbnail at most, per side. Longer prompts are pooled by maximum. */
export const THUMBNAIL_CELLS = 32;
const GAP = 8;
const CAPTION = 14;
const BAR = 5;

/**
 * One head's pattern without labels, for a thumbnail. Scales to the box it is put in.
 *
 * @param options.size side in px
 */
export function headThumbnail(
  pattern: PatternMatrix,
  options: { readonly palette: Palette; readonly size: number },
): VNode {
  const small = poolPattern(pattern, THUMBNAIL_CELLS);
  return el(
    'svg',
    {
      xmlns: 'http://www.w3.org/2000/svg',
      viewBox: `0 0 ${small.columns} ${small.rows}`,
      width: options.size,
      height: options.size,
      preserveAspectRatio: 'none',
      'shape-rendering': 'crispEdges',
      'aria-hidden': 'true',
    },
    el('rect', {
      width: small.columns,
      height: small.rows,
      fill: options.palette.colour('paper'),
    }),
    ...patternCells(small, { palette: options.palette, unit: 1 }),
  );
}

/**
 * A signed bar that grows from the middle of its width: right and the positive hue for a value above
 * zero, left and the negative hue below. `reach` is the value of half the width.
 */
export function signedBar(
  value: number,
  options: {
    readonly palette: Palette;
    readonly reach: number;
    readonly width: number;
    readonly height: number;
  },
): VNode {
  const { palette, reach, width, height } = options;
  const half = width / 2;
  const share = Number.isFinite(value) && reach > 0 ? Math.min(1, Math.abs(value) / reach) : 0;
  const length = px(share * half);
  return el(
    'g',
    {},
    el('rect', { width, height, fill: palette.tint('hairline', 0.45) }),
    el('rect', {
      x: px(value < 0 ? half - length : half),
      width: length,
      height,
      fill: palette.colour(value < 0 ? 'negative' : 'positive'),
    }),
    el('rect', { x: px(half - 0.5), width: 1, height, fill: palette.colour('muted') }),
  );
}

/**
 * Small multiples of attention patterns in the order given, each with its name `L0H3` and, where there
 * is one, its signed effect as bar and number.
 */
export function headGrid(heads: readonly HeadThumbnail[], options: HeadGridOptions): VNode {
  const { palette, size = 56 } = options;
  const first = heads[0]?.layer;
  const columns = Math.max(
    1,
    options.columns ?? heads.filter(({ layer }) => layer === first).length,
  );
  const reach = heads.reduce((most, { effect = 0 }) => Math.max(most, Math.abs(effect)), 0);
  const withEffect = heads.some(({ effect }) => effect !== undefined);
  const cellWidth = Math.max(size, withEffect ? 74 : 0) + GAP;
  const cellHeight = CAPTION + size + (withEffect ? BAR + 2 : 0) + GAP;
  const top = options.heading === 'hidden' ? 0 : TEXT.title + 10;
  const rows = Math.ceil(heads.length / columns);
  const width = Math.max(
    columns * cellWidth,
    options.heading === 'hidden' ? 0 : textWidth(options.title, TEXT.title),
    300,
    withEffect ? 110 + textWidth(options.effectTitle ?? '', TEXT.label) : 0,
  );
  const foot = top + rows * cellHeight;
  return frame(
    {
      ...options,
      width,
      height: foot + (withEffect ? 62 : 30),
      description: `${heads.length} × ${options.unit}`,
    },
    [
      ...heads.map(({ layer, head, pattern, effect }, i) => {
        const x = (i % columns) * cellWidth;
        const y = top + Math.floor(i / columns) * cellHeight;
        const said =
          effect === undefined
            ? ''
            : `: ${formatValue(effect, { signed: true })} ${options.effectTitle ?? ''}`;
        return el(
          'g',
          { transform: `translate(${x} ${y})`, 'data-layer': layer, 'data-head': head },
          el('title', {}, `L${layer}H${head}${said}`),
          el('text', { y: TEXT.label - 1 }, `L${layer}H${head}`),
          effect === undefined
            ? null
            : el(
                'text',
                {
                  x: cellWidth - GAP,
                  y: TEXT.label - 1,
                  'text-anchor': 'end',
                  fill: palette.colour('muted'),
                },
                shortEffect(effect),
              ),
          el(
            'g',
            { transform: `translate(0 ${CAPTION})` },
            headThumbnail(pattern, { palette, size }),
            el('rect', {
              width: size,
              height: size,
              fill: 'none',
              stroke: palette.colour('hairline'),
            }),
          ),
          effect === undefined
            ? null
            : el(
                'g',
                { transform: `translate(0 ${CAPTION + size + 2})` },
                signedBar(effect, { palette, reach, width: size, height: BAR }),
              ),
        );
      }),
      shadeLegend(0, foot + 4, options),
      withEffect ? effectLegend(foot + 36, reach, options) : null,
    ],
  );
}

/** Two decimals with a sign: all effects of a grid are read against each other. */
function shortEffect(effect: number): string {
  const text = Math.abs(effect).toFixed(2);
  return `${effect < 0 ? '−' : effect > 0 ? '+' : ''}${text}`;
}

function effectLegend(y: number, reach: number, options: HeadGridOptions): VNode {
  const { palette } = options;
  const width = 96;
  return el(
    'g',
    { transform: `translate(0 ${y})`, fill: palette.colour('muted') },
    el('rect', { width: width / 2, height: 8, fill: palette.colour('negative') }),
    el('rect', { x: width / 2, width: width / 2, height: 8, fill: palette.colour('positive') }),
    el('text', { y: 20 }, formatValue(-reach)),
    el('text', { x: width, y: 20, 'text-anchor': 'end' }, formatValue(reach, { signed: true })),
    el('text', { x: width + 8, y: 8 }, options.effectTitle ?? ''),
  );
}
