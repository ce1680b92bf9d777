import { GlassboxError } from '../../base/error.ts';
import { type CircuitGraph, type EdgeMask, type EdgeValues, edgeMask } from './graph.ts';

/**
 * The edges with the largest scores.
 *
 * @param options.count how many edges to keep, or
 * @param options.fraction which share of all, in (0, 1]
 * @param options.by `absolute` keeps edges that matter either way (the default), `signed` only counts
 *   those that raise the metric as better than those that lower it
 * @throws GlassboxError `bad-option` for a count or fraction outside its range
 */
export function topEdges(
  graph: CircuitGraph,
  scores: EdgeValues,
  options: {
    readonly count?: number;
    readonly fraction?: number;
    readonly by?: 'absolute' | 'signed';
  },
): EdgeMask {
  const all = graph.edges.length;
  const count = options.count ?? Math.round((options.fraction ?? 1) * all);
  if (!(count >= 0 && count <= all)) {
    throw new GlassboxError(`${count} edges were asked for, the graph has ${all}`, {
      code: 'bad-option',
      remedy: `Give a count from 0 to ${all}, or a fraction from 0 to 1.`,
    });
  }
  const worth = options.by === 'signed' ? (x: number) => x : Math.abs;
  const ranked = [...graph.edges].sort((a, b) => worth(scores[b.index]) - worth(scores[a.index]));
  const mask = edgeMask(graph, 'none');
  for (const { index } of ranked.slice(0, count)) mask[index] = 1;
  return mask;
}
