import { type FeatureLabels, summariseLabels } from '../labels/index.ts';
import type { DensityShape, LabelShape } from './types.ts';

/** Bins per power of ten of density. */
const PER_DECADE = 4;

/** How many features fire how often: bins of log10 of the share of tokens; no bin when none fires. */
export function densityShape(densities: Iterable<number>, tokens: number): DensityShape {
  const all = [...densities];
  const logs = all.filter((density) => density > 0).map(Math.log10);
  const silent = all.length - logs.length;
  if (logs.length === 0) return { edges: [], counts: [], silent, tokens };
  // Edges at the same places for all dictionaries, so that they can be laid over each other.
  const place = (log: number) => Math.floor(log * PER_DECADE + 1e-9);
  const low = logs.reduce((least, log) => Math.min(least, place(log)), 0);
  const counts = new Array<number>(Math.max(1, -low)).fill(0);
  for (const log of logs) counts[Math.min(counts.length - 1, place(log) - low)]++;
  const edges = Array.from({ length: counts.length + 1 }, (_, i) => (low + i) / PER_DECADE);
  return { edges, counts, silent, tokens };
}

/** How the features of a dictionary are labelled. */
export function labelShape(labels: FeatureLabels): LabelShape {
  const { random = null } = labels;
  return { summary: summariseLabels(labels), random, tokens: labels.heldOut.tokens };
}
