import { GlassboxError } from '../../base/error.ts';
import type { ProgressListener } from '../../base/progress.ts';
import type { Model } from '../../model/model.ts';
import { acdc } from './acdc.ts';
import { attributionMethods, edgeAttribution } from './attribution.ts';
import { exactEdgeScores } from './exact.ts';
import type { Ablation } from './examples.ts';
import type { Circuit } from './file.ts';
import { pruneDeadEnds } from './graph.ts';
import type { CircuitExample, CircuitMetric } from './metric.ts';
import { circuitRunner } from './runner.ts';
import { topEdges } from './select.ts';

/** How a circuit is found: by scores from gradients, by cutting each edge alone, or by cutting greedily. */
export const circuitMethods = [...attributionMethods, 'exact', 'acdc'] as const;
/** The name of a way to find a circuit. */
export type CircuitMethod = (typeof circuitMethods)[number];

/** How edges are scored and how many are kept. */
export interface FindCircuitOptions {
  /** `eap-ig-inputs` unless told. */
  readonly method?: CircuitMethod;
  /** `logit-diff` unless told. */
  readonly metric?: CircuitMetric;
  /** What cut edges carry; `corrupted` unless told, and the only one for methods that use gradients. */
  readonly ablation?: Ablation;
  /** Points of the integral of EAP-IG; 5 unless told. */
  readonly steps?: number;
  /** For `acdc`: an edge is cut when that costs less, in the metric's unit; 0.01 unless told. */
  readonly threshold?: number;
  /** Edges to keep, or the share of them, 0.05 unless told; `acdc` decides by itself. */
  readonly edges?: number;
  readonly fraction?: number;
  /** Edges that matter either way (`absolute`, the default), or those that raise the metric first. */
  readonly by?: 'absolute' | 'signed';
  readonly progress?: ProgressListener;
  readonly signal?: AbortSignal;
}

/**
 * Scores the edges of a model on a task and keeps the strongest that lie on a path from input to logits.
 *
 * @throws GlassboxError `bad-option` for a gradient method with another ablation, and what
 *   {@link edgeAttribution}, {@link acdc} and {@link topEdges} throw
 */
export async function findCircuit(
  model: Model,
  examples: readonly CircuitExample[],
  options: FindCircuitOptions = {},
): Promise<Circuit> {
  const { method = 'eap-ig-inputs', metric, ablation = 'corrupted', progress, signal } = options;
  if (method === 'acdc') {
    const { threshold = 0.01 } = options;
    return acdc(model, examples, { threshold, metric, ablation, progress, signal });
  }
  const { edges: count, fraction = 0.05, by } = options;
  const keep = ({ graph, scores }: Pick<Circuit, 'graph' | 'scores'>): Circuit => {
    const mask = pruneDeadEnds(graph, topEdges(graph, scores, { count, fraction, by }));
    return { graph, scores, mask };
  };
  if (method === 'exact') {
    const runner = await circuitRunner(model, examples, { metric, ablation, signal });
    const scores = await exactEdgeScores(runner, { progress, signal });
    return keep({ graph: runner.graph, scores });
  }
  if (ablation !== 'corrupted') {
    throw new GlassboxError(`${method} scores edges against corrupted prompts, not '${ablation}'`, {
      code: 'bad-option',
      remedy: 'Ablate with corrupted prompts, or use the method exact or acdc.',
    });
  }
  const { steps } = options;
  return keep(await edgeAttribution(model, examples, { method, metric, steps, progress, signal }));
}
