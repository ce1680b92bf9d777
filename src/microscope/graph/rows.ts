/** One target with the effects of all sources on it. */
interface Row {
  /** What the target itself weighs: the share of a logit, 0 for a feature. */
  readonly weight: number;
  /** Index of the feature, or null for a logit. */
  readonly feature: number | null;
  /** Columns are sources. */
  readonly values: Float32Array;
}

/**
 * Rows of edges as they are found. Features are numbered by layer, so whatever acts on a feature has a
 * smaller number.
 */
export class Rows {
  readonly rows: Row[] = [];
  /** Σ |values| of each row. */
  readonly #sums: number[] = [];

  add(row: Row): void {
    this.rows.push(row);
    let sum = 0;
    for (const value of row.values) sum += Math.abs(value);
    this.#sums.push(Math.max(sum, 1e-10));
  }

  /**
   * Influence of the first `features` sources on the logits through the rows known so far, all paths
   * summed. One pass suffices: taken from the last feature to the first, a target's own influence is
   * complete before it is handed on to its sources.
   */
  influence(features: number): Float64Array {
    const total = new Float64Array(features);
    const order = this.rows.map((_, row) => row);
    const number = (row: number) => this.rows[row].feature ?? features;
    order.sort((a, b) => number(b) - number(a));
    for (const row of order) {
      const { values, feature, weight } = this.rows[row];
      const scale = (feature === null ? weight : total[feature]) / this.#sums[row];
      if (scale === 0) continue;
      const end = feature ?? features;
      for (let i = 0; i < end; i++) total[i] += Math.abs(values[i]) * scale;
    }
    return total;
  }
}
