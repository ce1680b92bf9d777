import { Rng } from '../../../base/rng.ts';

/** Resamplings of documents behind every interval. */
export const REPLICATES = 200;

/**
 * How often each document counts in each resampling, `[document][replicate]`: Poisson draws with mean 1, which is the
 * bootstrap for many documents (Hanley and MacGibbon 2006) and lets sums run over the documents that matter alone.
 */
export function documentWeights(documents: number, seed = 17): Uint8Array {
  const rng = new Rng(seed).fork('documents');
  const weights = new Uint8Array(documents * REPLICATES);
  for (let i = 0; i < weights.length; i++) {
    let [count, product] = [0, rng.next()];
    while (product > Math.exp(-1)) {
      count++;
      product *= rng.next();
    }
    weights[i] = count;
  }
  return weights;
}

/** Adds a document's count to every resampling. */
export function addWeighted(
  sums: Float64Array,
  weights: Uint8Array,
  document: number,
  count: number,
): void {
  const start = document * REPLICATES;
  for (let b = 0; b < REPLICATES; b++) sums[b] += count * weights[start + b];
}

/** The 2.5 % and 97.5 % points; undefined replicates (not a number) are left out. */
export function percentileInterval(values: Float64Array): { low: number; high: number } {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort();
  if (sorted.length === 0) return { low: 0, high: 1 };
  const at = (share: number) => sorted[Math.round(share * (sorted.length - 1))];
  return { low: at(0.025), high: at(0.975) };
}
