import { type GraphScores, graphScores } from './influence.ts';
import type { AttributionGraph } from './types.ts';

/**
 * Replacement and completeness of a part of a graph: how much of the explanation is left when only some features count
 * as explained. The effects of every other feature are added to those of the error at its layer and position, sign by
 * sign, and the feature is taken out; tokens, errors and logits stay (the rule of Neuronpedia's subgraph view). With all
 * features kept these are the scores of the whole graph.
 *
 * @param kept indices of the features that are kept; other kinds of nodes need not be named
 */
export function subgraphScores(graph: AttributionGraph, kept: Iterable<number>): GraphScores {
  const { nodes, adjacency } = graph;
  const n = nodes.length;
  const stays = new Set(kept);
  const errorAt = new Map<string, number>();
  nodes.forEach(({ kind, layer, position }, i) => {
    if (kind === 'error') errorAt.set(`${layer} ${position}`, i);
  });
  const merged = Float32Array.from(adjacency);
  nodes.forEach(({ kind, layer, position }, feature) => {
    if (kind !== 'feature' || stays.has(feature)) return;
    const error = errorAt.get(`${layer} ${position}`);
    for (let target = 0; target < n; target++) {
      const at = target * n + feature;
      if (error !== undefined) merged[target * n + error] += merged[at];
      merged[at] = 0;
    }
  });
  const weights = nodes.map(({ probability }) => probability ?? 0);
  return graphScores(
    nodes.map(({ kind }) => kind),
    merged,
    weights,
  );
}
