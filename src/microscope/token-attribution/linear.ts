/**
 * Solves A x = b for a symmetric positive matrix `[n][n]` by Gaussian elimination with pivots; a column that
 * has nothing to say (no pivot) gets 0.
 */
export function solve(a: readonly (readonly number[])[], b: readonly number[]): number[] {
  const n = b.length;
  const rows = a.map((row, i) => [...row, b[i]]);
  const size = Math.max(...rows.map((row, i) => Math.abs(row[i])), 1e-300);
  const pivots: (number | null)[] = [];
  let next = 0;
  for (let column = 0; column < n; column++) {
    let best = next;
    for (let row = next; row < n; row++) {
      if (Math.abs(rows[row][column]) > Math.abs(rows[best][column])) best = row;
    }
    if (next >= n || Math.abs(rows[best][column]) < 1e-12 * size) {
      pivots.push(null);
      continue;
    }
    [rows[next], rows[best]] = [rows[best], rows[next]];
    for (let row = 0; row < n; row++) {
      if (row === next) continue;
      const factor = rows[row][column] / rows[next][column];
      if (factor === 0) continue;
      for (let i = column; i <= n; i++) rows[row][i] -= factor * rows[next][i];
    }
    pivots.push(next++);
  }
  return pivots.map((row, column) => (row === null ? 0 : rows[row][n] / rows[row][column]));
}

/**
 * Weighted least squares with a ridge: the x that minimises Σ w (row · x − y)² + ridge · |x|². `free` columns
 * (an intercept) are not held back by the ridge.
 */
export function weightedLeastSquares(
  rows: readonly (readonly number[])[],
  y: readonly number[],
  options: {
    readonly weights: readonly number[];
    readonly ridge?: number;
    readonly free?: number;
  },
): number[] {
  const { weights, ridge = 0, free } = options;
  const n = rows[0].length;
  const a = Array.from({ length: n }, () => new Array<number>(n).fill(0));
  const b = new Array<number>(n).fill(0);
  rows.forEach((row, r) => {
    for (let i = 0; i < n; i++) {
      const wi = weights[r] * row[i];
      if (wi === 0) continue;
      b[i] += wi * y[r];
      for (let j = 0; j < n; j++) a[i][j] += wi * row[j];
    }
  });
  for (let i = 0; i < n; i++) if (i !== free) a[i][i] += ridge;
  return solve(a, b);
}
