import { GlassboxError } from '../../base/error.ts';
import type { ProgressListener } from '../../base/progress.ts';
import type { Model } from '../../model/model.ts';
import type { Circuit } from './file.ts';
import { type Edge, type EdgeMask, edgeMask, edgeValues, pruneDeadEnds } from './graph.ts';
import type { CircuitExample } from './metric.ts';
import { type CircuitRunner, type CircuitRunOptions, circuitRunner, meanOf } from './runner.ts';

/** How far ACDC cuts, and how it runs. */
export interface AcdcOptions extends CircuitRunOptions {
  /** An edge is cut when that lowers the metric by less than this, in the metric's unit. */
  readonly threshold: number;
  /** Edges tried at once, 8 unless told. Changes the time only, never the result. */
  readonly lookahead?: number;
  readonly progress?: ProgressListener;
}

/** A circuit found by cutting, with what it cost. */
export interface AcdcResult extends Circuit {
  /** The mean metric with the found edges alone, and with all of them. */
  readonly metric: { readonly circuit: number; readonly full: number };
  /** Masks that were run. */
  readonly runs: number;
}

function cut(mask: EdgeMask, edges: readonly Edge[]): EdgeMask {
  const out = mask.slice();
  for (const { index } of edges) out[index] = 0;
  return out;
}

/** Edges in reverse order of computation, grouped by receiver. */
function receiversBackwards(runner: CircuitRunner): Edge[][] {
  const groups = new Map<number, Edge[]>();
  for (const edge of runner.graph.edges) {
    const list = groups.get(edge.receiver) ?? [];
    list.unshift(edge);
    groups.set(edge.receiver, list);
  }
  return [...groups].sort(([a], [b]) => b - a).map(([, edges]) => edges);
}

/** The first layer whose receivers lose an edge when a receiver does. */
function layerOf(runner: CircuitRunner, receiver: number): number {
  const to = runner.graph.receivers[receiver];
  return to.kind === 'logits' ? runner.graph.shape.nLayers : to.layer;
}

/**
 * Automated circuit discovery (Conmy et al. 2023): walks the graph from the logits backwards and cuts every
 * edge whose removal lowers the metric by less than the threshold (with `kl`, raises the divergence by less).
 * Cut edges carry what the ablation says. Scores are how much the metric fell when the edge was tried.
 *
 * Edges are tried several at a time on the guess that each will be cut; results after the first
 * one that is kept are thrown away, so the outcome is that of trying one by one. What comes before the
 * layer in question has all its edges and is not run again.
 *
 * @throws GlassboxError `bad-option` for a lookahead below 1, and what {@link circuitRunner} throws
 */
export async function acdc(
  model: Model,
  examples: readonly CircuitExample[],
  options: AcdcOptions,
): Promise<AcdcResult> {
  const { threshold, lookahead = 8 } = options;
  // With none at a time the walk would not move.
  if (!(lookahead >= 1)) {
    throw new GlassboxError(`lookahead is ${lookahead}`, {
      code: 'bad-option',
      remedy: 'Give a whole number of at least 1.',
    });
  }
  const runner = await circuitRunner(model, examples, options);
  const { graph } = runner;
  const scores = edgeValues(graph);
  const full = meanOf(runner.full);
  let mask = edgeMask(graph);
  let current = full;
  let runs = 0;
  let done = 0;
  for (const edges of receiversBackwards(runner)) {
    const from = layerOf(runner, edges[0].receiver);
    let next = 0;
    while (next < edges.length) {
      const tried = edges.slice(next, next + lookahead);
      const base = mask;
      const masks = tried.map((_, i) => cut(base, tried.slice(0, i + 1)));
      const found = (await runner.run(masks, { from })).map(meanOf);
      runs += masks.length;
      for (const [i, edge] of tried.entries()) {
        next++;
        scores[edge.index] = current - found[i];
        if (current - found[i] >= threshold) break;
        mask = masks[i];
        current = found[i];
      }
    }
    done += edges.length;
    options.progress?.({ label: 'acdc', done, total: graph.edges.length, unit: 'edges' });
  }
  const pruned = pruneDeadEnds(graph, mask);
  const [values] = await runner.run([pruned]);
  return { graph, scores, mask: pruned, metric: { circuit: meanOf(values), full }, runs };
}
