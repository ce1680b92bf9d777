import type { VNode } from 'preact';
import type { Palette } from './palette.ts';
import { el } from './svg.ts';

/** A matrix of shares in [0, 1], row-major: an attention pattern `[destination, source]`. */
export interface PatternMatrix {
  readonly rows: number;
  readonly columns: number;
  readonly values: ArrayLike<number>;
}

/** A part of a matrix: the first row and column, and how many of each. */
export interface PatternWindow {
  readonly row: number;
  readonly column: number;
  readonly rows: number;
  readonly columns: number;
}

/** Shades between paper and the full hue. Shares are rounded to them. */
export const SHADES = 16;

/**
 * The matrix made smaller by taking the largest value of every block, so that one strong weight in a
 * long prompt stays visible in a thumbnail. A matrix within `size` comes back as it is.
 */
export function poolPattern(matrix: PatternMatrix, size: number): PatternMatrix {
  const { rows, columns, values } = matrix;
  if (rows <= size && columns <= size) return matrix;
  const height = Math.min(rows, size);
  const width = Math.min(columns, size);
  const pooled = new Float32Array(height * width);
  for (let row = 0; row < rows; row++) {
    const toRow = Math.floor((row * height) / rows);
    for (let column = 0; column < columns; column++) {
      const at = toRow * width + Math.floor((column * width) / columns);
      pooled[at] = Math.max(pooled[at], values[row * columns + column]);
    }
  }
  return { rows: height, columns: width, values: pooled };
}

/** The mean, or the largest value cell by cell, of patterns of one size. At least one is needed. */
export function combinePatterns(
  patterns: readonly PatternMatrix[],
  how: 'average' | 'maximum',
): PatternMatrix {
  const { rows, columns } = patterns[0];
  const values = new Float32Array(rows * columns);
  for (let i = 0; i < values.length; i++) {
    const all = patterns.map((pattern) => pattern.values[i]);
    values[i] =
      how === 'maximum'
        ? all.reduce((a, b) => Math.max(a, b))
        : all.reduce((a, b) => a + b) / all.length;
  }
  return { rows, columns, values };
}

/**
 * The cells of a window as one path per shade, in units of `unit` px from its upper left corner. Equal
 * neighbours in a row become one rectangle and white cells are left out, so a pattern of thousands of
 * cells is a few elements.
 */
export function patternCells(
  matrix: PatternMatrix,
  options: { readonly palette: Palette; readonly unit: number; readonly window?: PatternWindow },
): VNode[] {
  const { unit } = options;
  const {
    row: top,
    column: left,
    rows,
    columns,
  } = options.window ?? { row: 0, column: 0, rows: matrix.rows, columns: matrix.columns };
  const paths: string[] = Array.from({ length: SHADES + 1 }, () => '');
  const shade = (row: number, column: number) => {
    const value = matrix.values[(top + row) * matrix.columns + left + column];
    return Math.min(SHADES, Math.max(0, Math.round(value * SHADES))) || 0;
  };
  for (let row = 0; row < rows; row++) {
    for (let start = 0; start < columns; ) {
      const level = shade(row, start);
      let end = start + 1;
      while (end < columns && shade(row, end) === level) end++;
      const width = (end - start) * unit;
      if (level > 0) paths[level] += `M${start * unit} ${row * unit}h${width}v${unit}h-${width}z`;
      start = end;
    }
  }
  return paths.flatMap((d, level) =>
    d === '' ? [] : [el('path', { d, fill: options.palette.tint('line', level / SHADES) })],
  );
}
