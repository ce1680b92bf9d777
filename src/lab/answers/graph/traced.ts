import { GlassboxError } from '../../../base/error.ts';
import type { DictionarySet } from '../../../microscope/dictionary/types.ts';
import {
  type Attribution,
  attributePrompt,
  influence,
  normaliseRows,
  withBeginning,
} from '../../../microscope/graph/index.ts';
import type { GraphNode } from '../../../microscope/graph/types.ts';
import type { Model } from '../../../model/index.ts';
import type { TraceRequest, TraceTarget } from '../../contract/graph.ts';
import { type Job, preferenceOf, promptIds, type Session } from '../session.ts';
import { setOf } from './dictionaries.ts';

/** A graph with what all answers about it need. */
export interface Traced {
  readonly set: DictionarySet;
  readonly found: Attribution;
  readonly keys: readonly string[];
  readonly indexOf: ReadonlyMap<string, number>;
  readonly targets: readonly TraceTarget[];
  /** Influence of every node on the explained logits. */
  readonly influences: Float64Array;
  readonly weights: readonly number[];
}

/** How many graphs a model keeps. Each holds a dense matrix of some ten megabytes. */
const KEPT = 3;

const graphs = new WeakMap<Model, Map<string, Traced>>();

/** The name of a node in requests, answers and links: see {@link TraceRequest}. */
export function nodeName({ kind, layer, index, position }: GraphNode, nLayers: number): string {
  switch (kind) {
    case 'feature':
      return `${layer}_${index}_${position}`;
    case 'error':
      return `err_${layer}_${position}`;
    case 'token':
      return `E_${index}_${position}`;
    case 'logit':
      return `${nLayers + 1}_${index}_${position}`;
  }
}

/** The graph of a request: from memory when a question about it was asked before. */
export async function traceOf(
  session: Session,
  request: Omit<TraceRequest, 'nodeShare' | 'edgeShare'>,
  job: Job,
): Promise<Traced> {
  const { model } = session;
  const set = await setOf(session);
  const ids = withBeginning(model, promptIds(session, request.prompt));
  const { target, distractor } = preferenceOf(session, request) ?? {};
  const { maxLogits, logitShare, maxFeatures } = request;
  const key = JSON.stringify([ids, target, distractor, maxLogits, logitShare, maxFeatures]);
  const kept = graphs.get(model) ?? new Map<string, Traced>();
  graphs.set(model, kept);
  const known = kept.get(key);
  if (known?.set === set) {
    kept.delete(key);
    kept.set(key, known);
    return known;
  }
  const found = await attributePrompt(model, set, ids, {
    maxLogits,
    logitShare,
    maxFeatures,
    ...(target !== undefined &&
      (distractor === undefined ? { tokens: [target] } : { difference: { target, distractor } })),
    progress: job.progress,
    signal: job.signal,
  });
  const { nodes, adjacency, nLayers } = found.graph;
  const keys = nodes.map((node) => nodeName(node, nLayers));
  const weights = nodes.map(({ probability }) => probability ?? 0);
  const first = nodes.length - found.targets.length;
  const traced: Traced = {
    set,
    found,
    keys,
    indexOf: new Map(keys.map((name, i) => [name, i])),
    targets: found.targets.map(({ id, label, probability }, i) => ({
      key: keys[first + i],
      id,
      label,
      probability,
    })),
    influences: influence(normaliseRows(adjacency, nodes.length), weights),
    weights,
  };
  kept.set(key, traced);
  for (const oldest of kept.keys()) {
    if (kept.size <= KEPT) break;
    kept.delete(oldest);
  }
  return traced;
}

/** The index of a named node. Throws `bad-node`. */
export function nodeAt({ indexOf }: Traced, name: string): number {
  const index = indexOf.get(name);
  if (index !== undefined) return index;
  throw new GlassboxError(`the graph of this prompt has no node '${name}'`, {
    code: 'bad-node',
    remedy: 'Use the keys that /api/trace gives for the same prompt and target.',
  });
}
