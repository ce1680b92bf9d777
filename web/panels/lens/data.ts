import type { LensResponse } from '../../../src/lab/api.ts';
import type { State } from '../../state/index.ts';

export type LensShade = State['lensShade'];

/** The number that shades a cell, in the unit of the chosen measure. */
export function cellValue(
  data: LensResponse,
  shade: LensShade,
  { layer, position }: { readonly layer: number; readonly position: number },
): number {
  switch (shade) {
    case 'top':
      return data.top[layer][position][0]?.prob ?? Number.NaN;
    case 'target':
      return data.target.prob[layer][position];
    case 'rank':
      return data.target.rank[layer][position];
    case 'entropy':
      return data.entropy[layer][position];
  }
}

/**
 * Share of the colour in [0, 1]. Probabilities as they are; of ranks the logarithm, rank 1 in full
 * colour, so that rank 3 of 50,000 looks near rank 1; entropy by its greatest value.
 */
export function cellShare(value: number, shade: LensShade, reach: number): number {
  if (!Number.isFinite(value)) return 0;
  if (shade === 'rank') return Math.max(0, 1 - Math.log(value + 1) / Math.log(reach + 1));
  return shade === 'entropy' ? value / reach : value;
}

/** What {@link cellShare} measures ranks and entropies by: the greatest one shown, at least 1. */
export function shadeReach(data: LensResponse, shade: LensShade): number {
  if (shade === 'rank') return largest(data.target.rank);
  return shade === 'entropy' ? largest(data.entropy) : 1;
}

function largest(matrix: readonly (readonly number[])[]): number {
  return matrix.reduce((most, row) => row.reduce((a, b) => Math.max(a, b), most), 1);
}

/** Columns that a scrolled window shows, with some more on both sides. */
export function visibleColumns(given: {
  readonly count: number;
  readonly width: number;
  readonly scroll: number;
  readonly viewport: number;
}): { readonly start: number; readonly end: number } {
  const { count, width, scroll, viewport } = given;
  const spare = 3;
  const start = Math.max(0, Math.floor(scroll / width) - spare);
  const end = Math.min(count, Math.ceil((scroll + viewport) / width) + spare);
  return { start: Math.min(start, end), end };
}

/** Width of a column in px: the prompt fills the panel as far as cells stay readable. */
export function columnWidth(given: {
  readonly viewport: number;
  readonly count: number;
  readonly most: number;
}): number {
  const { viewport, count, most } = given;
  const width = Math.min(most, Math.max(58, viewport / Math.max(1, count)));
  // Rounded down, or the last column would make a bar to scroll by a fraction of a pixel.
  return Math.floor(width * 100) / 100;
}
