import type { VNode } from 'preact';
import { type ColourScale, colourScale, formatValue } from './scale.ts';
import { el, type FigureOptions, FONTS, fitText, frame, px, TEXT, textWidth } from './svg.ts';

/** A table of numbers with named rows and columns: layer × position, head × head, site × position. */
export interface HeatmapData {
  readonly rows: readonly string[];
  readonly columns: readonly string[];
  /** `[rows, columns]`; a value that is not finite means "not assessed" and is drawn hatched. */
  readonly values: readonly (readonly number[])[];
  /** `[rows, columns]` words inside the cells, e.g. the top-1 token of a lens. */
  readonly labels?: readonly (readonly string[])[];
}

/** How a heatmap is drawn. */
export interface HeatmapOptions extends FigureOptions {
  /** `sequential` for magnitude (a probability), `diverging` for signed effect (a logit difference). */
  readonly scale: 'sequential' | 'diverging';
  /** Ends of the colour scale in the values' unit; taken from the data when absent. */
  readonly domain?: readonly [number, number];
  readonly rowTitle: string;
  readonly columnTitle: string;
  /** Unit of the values, shown at the legend: `nats`, `logits`, `probability`. */
  readonly unit: string;
  /** Cell size in px; by default wide enough for the labels, or square. */
  readonly cell?: { readonly width: number; readonly height: number };
  /** Words for a value that is not finite. */
  readonly notAssessed?: string;
}

const GAP = 1;
const LEGEND_STEPS = 9;
const LEGEND_STEP = 14;

/**
 * A heatmap as SVG: rows down, columns across, a legend with the unit, a tooltip (`<title>`) per cell.
 * Cells carry `data-row` and `data-column` for the page's hover and click. Meant for up to a few
 * thousand cells; the page paints larger ones on a canvas.
 */
export function heatmap(data: HeatmapData, options: HeatmapOptions): VNode {
  const { palette } = options;
  const values = data.values.flat();
  const scale = colourScale(values, { kind: options.scale, palette, domain: options.domain });
  const cell = options.cell ?? defaultCell(data);
  const left = 8 + TEXT.label + widest(data.rows, 160);
  const columnText = data.columns.map((name) => fitText(name, 96, TEXT.label));
  const slanted = columnText.some((name) => textWidth(name, TEXT.label) > cell.width - 2);
  const header = slanted ? 8 + widest(columnText, 96) * Math.SQRT1_2 : TEXT.label + 4;
  const top = TEXT.title + 14 + TEXT.label + header;
  const gridWidth = data.columns.length * cell.width;
  const gridHeight = data.rows.length * cell.height;
  const overhang = slanted ? header : 0;
  const legendWidth = LEGEND_STEPS * LEGEND_STEP + 100;
  const width = Math.max(left + gridWidth + overhang, left + legendWidth, titleWidth(options));
  const height = top + gridHeight + 12 + 30;

  const columnLabels = columnText.map((name, column) => {
    const x = left + (column + 0.5) * cell.width;
    const y = top - 5;
    const place = slanted
      ? { transform: `translate(${px(x)} ${px(y)}) rotate(-45)` }
      : { x: px(x), y: px(y), 'text-anchor': 'middle' };
    return el('text', { ...place, 'font-family': FONTS.mono }, name);
  });
  const rowLabels = data.rows.map((name, row) =>
    el(
      'text',
      {
        x: px(left - 5),
        y: px(top + (row + 0.5) * cell.height + TEXT.label * 0.35),
        'text-anchor': 'end',
        'font-family': FONTS.mono,
      },
      fitText(name, 160, TEXT.label),
    ),
  );
  return frame({ ...options, width, height, description: describe(data, scale, options) }, [
    axisTitle(left, TEXT.title + 10 + TEXT.label, options.columnTitle, options),
    el(
      'text',
      {
        transform: `translate(${TEXT.label} ${px(top + gridHeight / 2)}) rotate(-90)`,
        'text-anchor': 'middle',
        fill: palette.colour('muted'),
      },
      options.rowTitle,
    ),
    ...columnLabels,
    ...rowLabels,
    el('g', { transform: `translate(${px(left)} ${px(top)})` }, cells(data, scale, cell, options)),
    legend(left, top + gridHeight + 12, scale, options),
  ]);
}

function cells(
  data: HeatmapData,
  scale: ColourScale,
  cell: { readonly width: number; readonly height: number },
  options: HeatmapOptions,
): VNode[] {
  const { palette } = options;
  const signed = scale.kind === 'diverging';
  return data.values.flatMap((line, row) =>
    line.map((value, column) => {
      const x = px(column * cell.width);
      const y = px(row * cell.height);
      const size = { width: px(cell.width - GAP), height: px(cell.height - GAP) };
      const known = Number.isFinite(value);
      const label = data.labels?.[row]?.[column];
      const said = known
        ? `${formatValue(value, { signed })} ${options.unit}`
        : (options.notAssessed ?? 'not assessed');
      const name = [data.rows[row], data.columns[column], label].filter(Boolean).join(' · ');
      return el(
        'g',
        { transform: `translate(${x} ${y})`, 'data-row': row, 'data-column': column },
        el('title', {}, `${name}: ${said}`),
        known
          ? el('rect', { ...size, fill: scale.fill(value) })
          : el('path', {
              d: `M0 0H${size.width}V${size.height}H0ZM0 ${size.height}L${size.width} 0`,
              fill: 'none',
              stroke: palette.colour('muted'),
              'stroke-width': 0.75,
            }),
        label === undefined
          ? null
          : el(
              'text',
              {
                x: px(size.width / 2),
                y: px(size.height / 2 + TEXT.label * 0.35),
                'text-anchor': 'middle',
                'font-family': FONTS.mono,
              },
              fitText(label, size.width - 4, TEXT.label),
            ),
      );
    }),
  );
}

function legend(x: number, y: number, scale: ColourScale, options: HeatmapOptions): VNode {
  const [low, high] = scale.domain;
  const signed = scale.kind === 'diverging';
  const steps = Array.from({ length: LEGEND_STEPS }, (_, step) => {
    const value = low + ((high - low) * step) / (LEGEND_STEPS - 1);
    const fill = scale.fill(value);
    return el('rect', { x: step * LEGEND_STEP, width: LEGEND_STEP, height: 8, fill });
  });
  const end = LEGEND_STEPS * LEGEND_STEP;
  const baseline = 8 + TEXT.label + 2;
  return el(
    'g',
    { transform: `translate(${px(x)} ${px(y)})`, fill: options.palette.colour('muted') },
    ...steps,
    el('rect', {
      width: end,
      height: 8,
      fill: 'none',
      stroke: options.palette.colour('muted'),
      'stroke-width': 0.5,
    }),
    el('text', { y: baseline }, formatValue(low, { signed })),
    signed ? el('text', { x: end / 2, y: baseline, 'text-anchor': 'middle' }, '0') : null,
    el('text', { x: end, y: baseline, 'text-anchor': 'end' }, formatValue(high, { signed })),
    el('text', { x: end + 8, y: 8 }, options.unit),
  );
}

function axisTitle(x: number, y: number, text: string, options: HeatmapOptions): VNode {
  return el('text', { x: px(x), y: px(y), fill: options.palette.colour('muted') }, text);
}

function describe(data: HeatmapData, scale: ColourScale, options: HeatmapOptions): string {
  const [low, high] = scale.domain.map((value) => formatValue(value));
  const size = `${options.rowTitle} (${data.rows.length}) × ${options.columnTitle} (${data.columns.length})`;
  return `${size}; ${low} to ${high} ${options.unit}`;
}

function defaultCell(data: HeatmapData): { width: number; height: number } {
  if (data.labels === undefined) return { width: 18, height: 18 };
  return { width: Math.max(24, widest(data.labels.flat(), 72) + 6), height: 20 };
}

function titleWidth(options: HeatmapOptions): number {
  return textWidth(options.title, TEXT.title);
}

/** Width in px of the widest of some labels, at most `limit`. */
function widest(labels: readonly string[], limit: number): number {
  const widths = labels.map((label) => textWidth(label, TEXT.label));
  return Math.min(limit, widths.length === 0 ? 0 : widths.reduce((a, b) => Math.max(a, b)));
}
