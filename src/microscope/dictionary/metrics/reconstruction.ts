/** How well rows are reconstructed. */
export interface ReconstructionMetrics {
  /** 1 − Σ‖x − x̂‖² / Σ‖x − x̄‖², sums over all rows and dimensions, x̄ the mean per dimension over all rows. */
  readonly explainedVariance: number;
  /** 1 − {@link explainedVariance}, also called FVU or NMSE. */
  readonly nmse: number;
  /** Mean over rows of Σ_d (x − x̂)². */
  readonly squaredError: number;
  /** Mean cosine of x and x̂. */
  readonly cosine: number;
  /** Mean ‖x̂‖ / ‖x‖; below 1 is shrinkage. */
  readonly l2Ratio: number;
  /** E‖x̂‖² / E[x · x̂]; 1 without bias (Rajamanoharan et al. 2024a). */
  readonly relativeBias: number;
  /** Numbers that other tools print under the name "explained variance"; only to compare with their tables. */
  readonly legacy: {
    /** 1 − mean over rows of ‖x − x̂‖² / ‖x − x̄‖² (older SAEBench). */
    readonly perRowExplainedVariance: number;
    /** 1 − Σ‖x − x̂‖² / Σ‖x‖²: forgets the mean, so it flatters (SAELens #659, #665). */
    readonly uncentredExplainedVariance: number;
  };
}

/** Sums from which {@link ReconstructionMetrics} follow, one batch at a time. */
export class ReconstructionSums {
  readonly #width: number;
  readonly #mean: Float64Array;
  #rows = 0;
  #error = 0;
  #square = 0;
  #guessSquare = 0;
  #product = 0;
  #cosine = 0;
  #ratio = 0;
  /** Per row: squared error and what is needed to centre it later. */
  readonly #kept: { error: number; x: Float32Array }[] = [];

  constructor(width: number) {
    this.#width = width;
    this.#mean = new Float64Array(width);
  }

  /**
   * @param x `[rows, width]`
   * @param guess its reconstruction
   */
  add(x: Float32Array, guess: Float32Array): void {
    const width = this.#width;
    for (let start = 0; start < x.length; start += width) {
      let [error, square, guessSquare, product] = [0, 0, 0, 0];
      for (let d = 0; d < width; d++) {
        const [a, b] = [x[start + d], guess[start + d]];
        this.#mean[d] += a;
        error += (a - b) ** 2;
        square += a * a;
        guessSquare += b * b;
        product += a * b;
      }
      this.#rows++;
      this.#error += error;
      this.#square += square;
      this.#guessSquare += guessSquare;
      this.#product += product;
      this.#cosine += product / Math.max(Math.sqrt(square * guessSquare), 1e-12);
      this.#ratio += Math.sqrt(guessSquare / Math.max(square, 1e-12));
      this.#kept.push({ error, x: x.slice(start, start + width) });
    }
  }

  get metrics(): ReconstructionMetrics {
    const rows = this.#rows;
    const mean = this.#mean.map((sum) => sum / rows);
    const meanSquare = mean.reduce((sum, value) => sum + value * value, 0);
    const variance = this.#square - rows * meanSquare;
    const perRow = this.#kept.reduce((sum, { error, x }) => {
      let centred = 0;
      for (let d = 0; d < mean.length; d++) centred += (x[d] - mean[d]) ** 2;
      return sum + error / Math.max(centred, 1e-12);
    }, 0);
    const nmse = this.#error / variance;
    return {
      explainedVariance: 1 - nmse,
      nmse,
      squaredError: this.#error / rows,
      cosine: this.#cosine / rows,
      l2Ratio: this.#ratio / rows,
      relativeBias: this.#guessSquare / this.#product,
      legacy: {
        perRowExplainedVariance: 1 - perRow / rows,
        uncentredExplainedVariance: 1 - this.#error / this.#square,
      },
    };
  }
}
