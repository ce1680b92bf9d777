/** A linear classifier: positive where `x · weights + bias` is above zero. */
export interface LinearProbe {
  readonly weights: Float64Array;
  readonly bias: number;
}

/** Rows with a yes or no each. */
export interface Labelled {
  /** `[rows, width]` */
  readonly x: Float32Array;
  readonly labels: readonly boolean[];
}

/** How a logistic regression is fitted. */
export interface FitOptions {
  /** Strength of the L2 penalty on weights of standardised inputs. Default 1e-3. */
  readonly penalty?: number;
  /** Default 300. */
  readonly iterations?: number;
}

/** Logistic regression by Adam on standardised columns; both classes weigh the same however rare one is. */
export function fitLogistic({ x, labels }: Labelled, options: FitOptions = {}): LinearProbe {
  const { penalty = 1e-3, iterations = 300 } = options;
  const rows = labels.length;
  const width = x.length / rows;
  const { mean, deviation } = columns(x, rows);
  const scaled = x.map((value, i) => (value - mean[i % width]) / deviation[i % width]);
  const positives = labels.filter(Boolean).length;
  const share = labels.map((label) => (label ? 0.5 / positives : 0.5 / (rows - positives)));
  // The last entry is the bias.
  const size = width + 1;
  const [theta, first, second] = [0, 1, 2].map(() => new Float64Array(size));
  const gradient = new Float64Array(size);
  for (let t = 1; t <= iterations; t++) {
    gradient.fill(0);
    for (let row = 0; row < rows; row++) {
      let score = theta[width];
      const start = row * width;
      for (let d = 0; d < width; d++) score += theta[d] * scaled[start + d];
      const error = share[row] * (1 / (1 + Math.exp(-score)) - (labels[row] ? 1 : 0));
      for (let d = 0; d < width; d++) gradient[d] += error * scaled[start + d];
      gradient[width] += error;
    }
    for (let d = 0; d < size; d++) {
      const g = gradient[d] + (d < width ? penalty * theta[d] : 0);
      first[d] = 0.9 * first[d] + 0.1 * g;
      second[d] = 0.999 * second[d] + 0.001 * g * g;
      const step = first[d] / (1 - 0.9 ** t);
      theta[d] -= (0.1 * step) / (Math.sqrt(second[d] / (1 - 0.999 ** t)) + 1e-8);
    }
  }
  const weights = Float64Array.from({ length: width }, (_, d) => theta[d] / deviation[d]);
  const bias = weights.reduce((sum, weight, d) => sum - weight * mean[d], theta[width]);
  return { weights, bias };
}

function columns(x: Float32Array, rows: number) {
  const width = x.length / rows;
  const [mean, square] = [new Float64Array(width), new Float64Array(width)];
  x.forEach((value, i) => {
    mean[i % width] += value / rows;
    square[i % width] += (value * value) / rows;
  });
  const deviation = square.map((value, d) => Math.sqrt(Math.max(value - mean[d] ** 2, 1e-12)) || 1);
  return { mean, deviation };
}

/** Score of every row; positive means yes. */
export function probeScores({ weights, bias }: LinearProbe, x: Float32Array): Float64Array {
  const width = weights.length;
  return Float64Array.from({ length: x.length / width }, (_, row) => {
    let score = bias;
    for (let d = 0; d < width; d++) score += weights[d] * x[row * width + d];
    return score;
  });
}

/** How well yes and no are told, all in [0, 1]. */
export interface BinaryScores {
  readonly n: number;
  readonly accuracy: number;
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
}

/** Accuracy, precision, recall and F1 of yes-or-no guesses against labels of equal length. */
export function binaryScores(
  guesses: readonly boolean[],
  labels: readonly boolean[],
): BinaryScores {
  const count = (test: (guess: boolean, label: boolean) => boolean) =>
    guesses.filter((guess, i) => test(guess, labels[i])).length;
  const both = count((guess, label) => guess && label);
  const [yes, there] = [count((guess) => guess), count((_, label) => label)];
  return {
    n: labels.length,
    accuracy: count((guess, label) => guess === label) / labels.length,
    precision: yes === 0 ? 0 : both / yes,
    recall: there === 0 ? 0 : both / there,
    f1: yes + there === 0 ? 0 : (2 * both) / (yes + there),
  };
}

/** Some columns of `[rows, width]`, in the order given. */
export function pickColumns(
  x: Float32Array,
  width: number,
  chosen: readonly number[],
): Float32Array {
  const rows = x.length / width;
  const out = new Float32Array(rows * chosen.length);
  for (let row = 0; row < rows; row++) {
    chosen.forEach((column, i) => {
      out[row * chosen.length + i] = x[row * width + column];
    });
  }
  return out;
}
