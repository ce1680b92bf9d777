import type { VNode } from 'preact';
import type { Palette } from './palette.ts';
import { type PatternMatrix, type PatternWindow, patternCells, SHADES } from './pattern-cells.ts';
import { el, type FigureOptions, FONTS, fitText, frame, px, TEXT, textWidth } from './svg.ts';

/** The pattern of one head, or of several taken together, with the tokens of its axes. */
export interface AttentionPatternData {
  readonly pattern: PatternMatrix;
  /** One per position, as shown; both axes read the same tokens. */
  readonly tokens: readonly string[];
}

/** How an attention pattern is drawn. */
export interface AttentionPatternOptions extends FigureOptions {
  /** Titles of the axes: rows attend, columns are attended to. */
  readonly destinationTitle: string;
  readonly sourceTitle: string;
  /** What the shade means, at the legend. */
  readonly unit: string;
  /** Side of a cell in whole px, at least 12 for legible labels; 14 unless told. */
  readonly cell?: number;
  /** The part to draw; everything unless told. The page draws what its scroll position shows. */
  readonly window?: PatternWindow;
  /** A row and a column to mark, as positions in the prompt. */
  readonly mark?: { readonly destination?: number; readonly source?: number };
}

/** Where the cells of a pattern begin, in px from the upper left corner of its figure. */
export interface PatternLayout {
  readonly left: number;
  readonly top: number;
  /** Width kept for the widest token. */
  readonly label: number;
  readonly cell: number;
}

const LABEL_LIMIT = 78;
const LEGEND = 30;
const LEGEND_WIDTH = 260;

/**
 * Margins of a pattern's figure. They follow from all tokens, not from the window, so that scrolling
 * and hovering move nothing.
 */
export function patternLayout(
  tokens: readonly string[],
  options: Pick<AttentionPatternOptions, 'heading' | 'cell'>,
): PatternLayout {
  const widths = tokens.map((token) => textWidth(token, TEXT.label));
  const label = Math.ceil(
    Math.min(
      LABEL_LIMIT,
      widths.reduce((a, b) => Math.max(a, b), 0),
    ),
  );
  const number = Math.ceil(textWidth(String(Math.max(0, tokens.length - 1)), TEXT.label));
  const heading = options.heading === 'hidden' ? 0 : TEXT.title + 8;
  // From the cells outwards: a gap, the token, a gap, its position, a gap, the title of the axis.
  const margin = 5 + label + 8 + number + 4 + TEXT.label + 4;
  return { left: margin, top: heading + margin, label, cell: options.cell ?? 14 };
}

/**
 * An attention pattern as SVG: destination tokens down, source tokens across, shade by probability,
 * the future greyed out. Cells are drawn as one path per shade; the page finds the cell under the
 * pointer with {@link patternLayout}.
 */
export function attentionPattern(
  data: AttentionPatternData,
  options: AttentionPatternOptions,
): VNode {
  const { pattern, tokens } = data;
  const { palette } = options;
  const { left, top, cell } = patternLayout(tokens, options);
  const window = options.window ?? {
    row: 0,
    column: 0,
    rows: pattern.rows,
    columns: pattern.columns,
  };
  const width = left + window.columns * cell;
  const height = top + window.rows * cell;
  const legend = options.window === undefined ? LEGEND : 0;
  const full = Math.max(
    width,
    options.heading === 'hidden' ? 0 : titleWidth(options),
    left + LEGEND_WIDTH,
  );
  return frame(
    {
      ...options,
      width: legend === 0 ? width : full,
      height: height + legend,
      description: `${options.destinationTitle} (${pattern.rows}) × ${options.sourceTitle} (${pattern.columns}); ${options.unit}`,
    },
    [
      el(
        'g',
        { transform: `translate(${left} ${top})`, 'shape-rendering': 'crispEdges' },
        future(window, cell, palette),
        ...patternCells(pattern, { palette, unit: cell, window }),
        marks(window, cell, options),
        el('rect', {
          width: window.columns * cell,
          height: window.rows * cell,
          fill: 'none',
          stroke: palette.colour('muted'),
          'stroke-width': 0.5,
        }),
      ),
      ...axisLabels(tokens, window, options),
      axisTitle(options.sourceTitle, {
        place: { x: left, y: top - margin(top, options) + TEXT.label },
        palette,
      }),
      axisTitle(options.destinationTitle, {
        place: {
          transform: `translate(${TEXT.label} ${px(top + (window.rows * cell) / 2)}) rotate(-90)`,
          'text-anchor': 'middle',
        },
        palette,
      }),
      legend === 0 ? null : shadeLegend(left, height + 8, options),
    ],
  );
}

/** Height above the cells without the heading. */
function margin(top: number, options: AttentionPatternOptions): number {
  return options.heading === 'hidden' ? top : top - TEXT.title - 8;
}

/** Cells that no destination may attend to, as one grey staircase. */
function future(window: PatternWindow, cell: number, palette: Palette): VNode {
  let d = '';
  for (let row = 0; row < window.rows; row++) {
    const first = Math.max(0, window.row + row + 1 - window.column);
    const count = window.columns - first;
    if (count > 0) d += `M${first * cell} ${row * cell}h${count * cell}v${cell}h-${count * cell}z`;
  }
  return el('path', { d, fill: palette.tint('hairline', 0.45) });
}

function marks(
  window: PatternWindow,
  cell: number,
  { palette, mark }: AttentionPatternOptions,
): VNode {
  const line = { fill: 'none', stroke: palette.colour('ink'), 'stroke-width': 1 };
  const row = mark?.destination === undefined ? -1 : mark.destination - window.row;
  const column = mark?.source === undefined ? -1 : mark.source - window.column;
  return el(
    'g',
    { 'data-mark': 'true' },
    row >= 0 && row < window.rows
      ? el('rect', { y: row * cell, width: window.columns * cell, height: cell, ...line })
      : null,
    column >= 0 && column < window.columns
      ? el('rect', { x: column * cell, width: cell, height: window.rows * cell, ...line })
      : null,
  );
}

function axisLabels(
  tokens: readonly string[],
  window: PatternWindow,
  options: AttentionPatternOptions,
): VNode[] {
  const { palette, mark } = options;
  const { left, top, label, cell } = patternLayout(tokens, options);
  const labels = (
    axis: { readonly first: number; readonly count: number; readonly marked?: number },
    place: (at: number) => string,
    towards: -1 | 1,
  ) =>
    tokens.slice(axis.first, axis.first + axis.count).map((token, i) => {
      const position = axis.first + i;
      const anchor = towards === 1 ? 'start' : 'end';
      return el(
        'g',
        { transform: place(i), 'font-family': FONTS.mono, 'text-anchor': anchor },
        el(
          'text',
          { 'xml:space': 'preserve', 'font-weight': position === axis.marked ? 700 : undefined },
          fitText(token, LABEL_LIMIT, TEXT.label),
        ),
        el(
          'text',
          {
            x: towards * (label + 8),
            'font-size': TEXT.label - 1,
            fill: palette.colour('muted'),
          },
          String(position),
        ),
      );
    });
  const middle = (i: number) => (i + 0.5) * cell + TEXT.label * 0.35;
  return [
    ...labels(
      { first: window.row, count: window.rows, marked: mark?.destination },
      (i) => `translate(${left - 5} ${px(top + middle(i))})`,
      -1,
    ),
    ...labels(
      { first: window.column, count: window.columns, marked: mark?.source },
      (i) => `translate(${px(left + middle(i))} ${top - 5}) rotate(-90)`,
      1,
    ),
  ];
}

function axisTitle(
  text: string,
  options: {
    readonly place: Readonly<Record<string, string | number>>;
    readonly palette: Palette;
  },
): VNode {
  return el('text', { ...options.place, fill: options.palette.colour('muted') }, text);
}

/** The shades from 0 to 1 with the unit. */
export function shadeLegend(
  x: number,
  y: number,
  options: { readonly palette: Palette; readonly unit: string },
): VNode {
  const { palette } = options;
  const step = 6;
  const end = SHADES * step;
  return el(
    'g',
    { transform: `translate(${px(x)} ${px(y)})`, fill: palette.colour('muted') },
    ...Array.from({ length: SHADES }, (_, i) =>
      el('rect', {
        x: i * step,
        width: step,
        height: 8,
        fill: palette.tint('line', (i + 1) / SHADES),
      }),
    ),
    el('rect', {
      width: end,
      height: 8,
      fill: 'none',
      stroke: palette.colour('muted'),
      'stroke-width': 0.5,
    }),
    el('text', { y: 20 }, '0'),
    el('text', { x: end, y: 20, 'text-anchor': 'end' }, '1'),
    el('text', { x: end + 8, y: 8 }, options.unit),
  );
}

function titleWidth(options: FigureOptions): number {
  return textWidth(options.title, TEXT.title);
}
