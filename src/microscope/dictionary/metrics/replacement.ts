import type { ProgressListener } from '../../../base/progress.ts';
import type { Model } from '../../../model/model.ts';
import { attributePrompt } from '../../graph/attribute.ts';
import { withBeginning } from '../../graph/beginning.ts';
import { graphScores } from '../../graph/influence.ts';
import type { DictionarySet } from '../types.ts';
import { type Spread, spread } from './evaluate.ts';

/** How much of the influence on predictions a set explains, over prompts. */
export interface ReplacementScores {
  /** Share of influence on the logits that starts at tokens and not at errors, spread over prompts. */
  readonly replacement: Spread;
  /** Share of the inputs of nodes, weighted by influence, that does not come from errors. */
  readonly completeness: Spread;
  /** Features that fire, per prompt. */
  readonly activeFeatures: Spread;
}

/**
 * Scores a set by the attribution graphs of prompts, unpruned (Ameisen et al. 2025).
 *
 * @param prompts token rows, one graph each
 */
export async function replacementScores(
  model: Model,
  set: DictionarySet,
  prompts: readonly (readonly number[])[],
  options: { readonly progress?: ProgressListener; readonly signal?: AbortSignal } = {},
): Promise<ReplacementScores> {
  const [replacement, completeness, active]: [number[], number[], number[]] = [[], [], []];
  for (const [done, tokens] of prompts.entries()) {
    const { graph, targets, activeFeatures } = await attributePrompt(
      model,
      set,
      withBeginning(model, tokens),
      { signal: options.signal },
    );
    const { nodes, adjacency } = graph;
    const weights = new Float64Array(nodes.length);
    const total = targets.reduce((sum, { probability }) => sum + probability, 0);
    targets.forEach(({ probability }, i) => {
      weights[nodes.length - targets.length + i] = probability / total;
    });
    const scores = graphScores(
      nodes.map(({ kind }) => kind),
      adjacency,
      weights,
    );
    replacement.push(scores.replacement);
    completeness.push(scores.completeness);
    active.push(activeFeatures);
    options.progress?.({
      label: 'graphs',
      done: done + 1,
      total: prompts.length,
      unit: 'prompts',
    });
  }
  return {
    replacement: spread(replacement),
    completeness: spread(completeness),
    activeFeatures: spread(active),
  };
}
