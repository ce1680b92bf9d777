/**
 * The assignment of rows to columns with the largest total score (Kuhn 1955; shortest augmenting paths with potentials,
 * Jonker and Volgenant 1987). Every row gets a column when there are at least as many columns.
 *
 * @param scores `[rows, columns]`, row-major, rows <= columns
 * @returns the column of every row
 */
export function assign(scores: ArrayLike<number>, rows: number, columns: number): Int32Array {
  // One-based, with column 0 standing for "no column yet", as the algorithm is usually written.
  const rowPotential = new Float64Array(rows + 1);
  const columnPotential = new Float64Array(columns + 1);
  const rowOf = new Int32Array(columns + 1);
  const cost = (row: number, column: number) => -scores[(row - 1) * columns + column - 1];
  for (let row = 1; row <= rows; row++) {
    const best = new Float64Array(columns + 1).fill(Number.POSITIVE_INFINITY);
    const from = new Int32Array(columns + 1);
    const done = new Uint8Array(columns + 1);
    rowOf[0] = row;
    let column = 0;
    do {
      done[column] = 1;
      const at = rowOf[column];
      let [delta, next] = [Number.POSITIVE_INFINITY, 0];
      for (let c = 1; c <= columns; c++) {
        if (done[c]) continue;
        const reduced = cost(at, c) - rowPotential[at] - columnPotential[c];
        if (reduced < best[c]) {
          best[c] = reduced;
          from[c] = column;
        }
        if (best[c] < delta) {
          delta = best[c];
          next = c;
        }
      }
      for (let c = 0; c <= columns; c++) {
        if (done[c]) {
          rowPotential[rowOf[c]] += delta;
          columnPotential[c] -= delta;
        } else best[c] -= delta;
      }
      column = next;
    } while (rowOf[column] !== 0);
    while (column !== 0) {
      rowOf[column] = rowOf[from[column]];
      column = from[column];
    }
  }
  const out = new Int32Array(rows).fill(-1);
  for (let c = 1; c <= columns; c++) if (rowOf[c] > 0) out[rowOf[c] - 1] = c - 1;
  return out;
}

/** Cosines of every row of one matrix with every row of another, `[rows of a, rows of b]`. */
export function cosines(a: Float32Array, b: Float32Array, width: number): Float32Array {
  const unit = (data: Float32Array) => {
    const out = data.slice();
    for (let start = 0; start < out.length; start += width) {
      const row = out.subarray(start, start + width);
      const length = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0)) || 1;
      for (let d = 0; d < width; d++) row[d] /= length;
    }
    return out;
  };
  const [left, right] = [unit(a), unit(b)];
  const columns = b.length / width;
  const out = new Float32Array((a.length / width) * columns);
  for (let i = 0; i < a.length / width; i++) {
    for (let j = 0; j < columns; j++) {
      let sum = 0;
      for (let d = 0; d < width; d++) sum += left[i * width + d] * right[j * width + d];
      out[i * columns + j] = sum;
    }
  }
  return out;
}
