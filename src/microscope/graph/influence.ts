/** The circuit-tracer algorithm stops here even when a cycle, which no real graph has, goes on. */
const MOST_STEPS = 1000;
const SMALLEST_ROW = 1e-10;

/**
 * |matrix| with every row divided by its sum, `[n, n]`; rows of zeros stay zero.
 *
 * @param keep nodes that count, one flag each; rows and columns of the others are zero
 */
export function normaliseRows(
  matrix: ArrayLike<number>,
  n: number,
  keep?: readonly boolean[],
): Float64Array {
  const out = new Float64Array(n * n);
  for (let row = 0; row < n; row++) {
    if (keep && !keep[row]) continue;
    let total = 0;
    for (let column = 0; column < n; column++) {
      if (keep && !keep[column]) continue;
      const size = Math.abs(matrix[row * n + column]);
      out[row * n + column] = size;
      total += size;
    }
    const divisor = Math.max(total, SMALLEST_ROW);
    for (let i = row * n; i < (row + 1) * n; i++) out[i] /= divisor;
  }
  return out;
}

/** weights · matrix, skipping targets without weight. */
function step(weights: Float64Array, normalised: Float64Array): Float64Array {
  const n = weights.length;
  const out = new Float64Array(n);
  for (let target = 0; target < n; target++) {
    const weight = weights[target];
    if (weight === 0) continue;
    const row = target * n;
    for (let source = 0; source < n; source++) out[source] += weight * normalised[row + source];
  }
  return out;
}

/**
 * How much every node matters to the outputs, through all paths: wN + wN² + … with N the row-normalised
 * absolute effects (Ameisen et al. 2025, "Circuit Tracing", and circuit-tracer's implementation).
 *
 * @param normalised `[n, n]` from {@link normaliseRows}
 * @param weights one per node: the probability of a logit, 0 for other nodes
 */
export function influence(normalised: Float64Array, weights: ArrayLike<number>): Float64Array {
  const total = new Float64Array(weights.length);
  let current: Float64Array = Float64Array.from(weights);
  for (let i = 0; i < MOST_STEPS; i++) {
    current = step(current, normalised);
    if (current.every((value) => value === 0)) return total;
    current.forEach((value, node) => {
      total[node] += value;
    });
  }
  return total;
}

/**
 * Scores of edges `[n, n]`: a target's normalised input times how much the target itself matters.
 *
 * @param scores where they are written; may be `normalised` itself, since these are the largest arrays of all
 */
export function edgeScores(
  normalised: Float64Array,
  influences: Float64Array,
  weights: ArrayLike<number>,
  scores: Float64Array = new Float64Array(normalised.length),
): Float64Array {
  const n = influences.length;
  for (let target = 0; target < n; target++) {
    const matters = influences[target] + weights[target];
    for (let i = target * n; i < (target + 1) * n; i++) scores[i] = normalised[i] * matters;
  }
  return scores;
}

/**
 * The smallest score to keep so that what is kept carries at least `share` of the whole.
 *
 * @param share in [0, 1]
 */
export function keepThreshold(scores: ArrayLike<number>, share: number): number {
  // Zeros carry nothing, and most entries of a matrix are zero.
  const sorted = Float64Array.from(scores as ArrayLike<number>)
    .filter((score) => score > 0)
    .sort()
    .reverse();
  const total = sorted.reduce((a, b) => a + b, 0);
  let carried = 0;
  for (const score of sorted) {
    carried += score;
    if (carried / total >= share) return score;
  }
  return sorted.at(-1) ?? 0;
}

/** Two figures of how much of an explanation runs through features instead of errors, in [0, 1]. */
export interface GraphScores {
  /** Share of end-to-end influence on the logits that starts at tokens and not at errors. */
  readonly replacement: number;
  /** Share of the inputs of nodes, weighted by how much they matter, that does not come from errors. */
  readonly completeness: number;
}

/**
 * Replacement and completeness of a graph.
 *
 * @param nodes kind of each node, in the order of the matrix
 */
export function graphScores(
  kinds: readonly ('feature' | 'error' | 'token' | 'logit')[],
  adjacency: ArrayLike<number>,
  weights: ArrayLike<number>,
): GraphScores {
  const n = kinds.length;
  const normalised = normaliseRows(adjacency, n);
  const influences = influence(normalised, weights);
  const total = (kind: string) =>
    kinds.reduce((sum, found, i) => (found === kind ? sum + influences[i] : sum), 0);
  const [tokens, errors] = [total('token'), total('error')];
  let explained = 0;
  let all = 0;
  for (let target = 0; target < n; target++) {
    const weight = influences[target] + weights[target];
    let fromErrors = 0;
    kinds.forEach((kind, source) => {
      if (kind === 'error') fromErrors += normalised[target * n + source];
    });
    explained += (1 - fromErrors) * weight;
    all += weight;
  }
  return { replacement: tokens / (tokens + errors), completeness: explained / all };
}
