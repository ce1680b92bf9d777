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
    /** 1 − mean over rows of ‖x − x̂‖² / ‖x − x̄‖², x̄ the mean of the row's batch (older SAEBench). */
    readonly perRowExplainedVariance: number;
    /** Mean over batches of 1 − Σ_d Var(x − x̂) / Σ_d Var(x), which forgives a constant error (dictionary_learning). */
    readonly batchwiseExplainedVariance: number;
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
  #batches = 0;
  #perRow = 0;
  #batchwise = 0;

  constructor(width: number) {
    this.#width = width;
    this.#mean = new Float64Array(width);
  }

  /**
   * Adds one batch; the legacy figures depend on how rows are divided into batches.
   *
   * @param x `[rows, width]`
   * @param guess its reconstruction
   */
  add(x: Float32Array, guess: Float32Array): void {
    const width = this.#width;
    if (x.length === 0) return;
    this.#addLegacy(x, guess);
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
    }
  }

  #addLegacy(x: Float32Array, guess: Float32Array): void {
    const width = this.#width;
    const rows = x.length / width;
    const [mean, missed] = [new Float64Array(width), new Float64Array(width)];
    x.forEach((value, i) => {
      mean[i % width] += value / rows;
      missed[i % width] += (value - guess[i]) / rows;
    });
    let [variance, rest] = [0, 0];
    for (let row = 0; row < rows; row++) {
      let [error, centred] = [0, 0];
      for (let d = 0; d < width; d++) {
        const i = row * width + d;
        error += (x[i] - guess[i]) ** 2;
        centred += (x[i] - mean[d]) ** 2;
        rest += (x[i] - guess[i] - missed[d]) ** 2;
      }
      this.#perRow += error / Math.max(centred, 1e-12);
      variance += centred;
    }
    this.#batchwise += 1 - rest / Math.max(variance, 1e-12);
    this.#batches++;
  }

  get metrics(): ReconstructionMetrics {
    const rows = this.#rows;
    const mean = this.#mean.map((sum) => sum / rows);
    const meanSquare = mean.reduce((sum, value) => sum + value * value, 0);
    const variance = this.#square - rows * meanSquare;
    const nmse = this.#error / variance;
    return {
      explainedVariance: 1 - nmse,
      nmse,
      squaredError: this.#error / rows,
      cosine: this.#cosine / rows,
      l2Ratio: this.#ratio / rows,
      relativeBias: this.#guessSquare / this.#product,
      legacy: {
        perRowExplainedVariance: 1 - this.#perRow / rows,
        batchwiseExplainedVariance: this.#batchwise / this.#batches,
        uncentredExplainedVariance: 1 - this.#error / this.#square,
      },
    };
  }
}
