import { edgeScores, influence, keepThreshold, normaliseRows } from './influence.ts';
import type { GraphNodeKind } from './types.ts';

/** How much of the influence to keep, in [0, 1]; circuit-tracer's defaults are .8 and .98. */
export interface PruneOptions {
  readonly nodeShare?: number;
  readonly edgeShare?: number;
}

/** What pruning keeps. */
export interface Pruned {
  /** Per node. */
  readonly keepNodes: readonly boolean[];
  /** Per entry of the matrix. */
  readonly keepEdges: Uint8Array;
  /**
   * Per node: the share of all influence carried by the nodes at least as influential, small for
   * important nodes; what the public graph format calls `influence`. Null for logits.
   */
  readonly cumulative: readonly (number | null)[];
}

/**
 * Removes nodes, then edges, that carry little influence, then whatever is left hanging: features and
 * errors need an outgoing edge, features an incoming one, repeated until nothing changes. Tokens and
 * logits always stay. (circuit-tracer's `prune_graph`.)
 */
export function pruneGraph(
  kinds: readonly GraphNodeKind[],
  adjacency: ArrayLike<number>,
  weights: ArrayLike<number>,
  options: PruneOptions = {},
): Pruned {
  const { nodeShare = 0.8, edgeShare = 0.98 } = options;
  const n = kinds.length;
  const influences = influence(normaliseRows(adjacency, n), weights);
  const least = keepThreshold(influences, nodeShare);
  const always = (kind: GraphNodeKind) => kind === 'token' || kind === 'logit';
  const keepNodes = kinds.map((kind, i) => always(kind) || influences[i] >= least);

  const normalised = normaliseRows(adjacency, n, keepNodes);
  const scores = edgeScores(normalised, influence(normalised, weights), weights, normalised);
  const leastEdge = keepThreshold(scores, edgeShare);
  const keepEdges = new Uint8Array(scores.length);
  for (let i = 0; i < scores.length; i++) {
    if (scores[i] > 0 && scores[i] >= leastEdge) keepEdges[i] = 1;
  }
  removeHanging(kinds, keepNodes, keepEdges);
  return { keepNodes, keepEdges, cumulative: cumulativeShares(kinds, influences) };
}

function removeHanging(
  kinds: readonly GraphNodeKind[],
  keepNodes: boolean[],
  keepEdges: Uint8Array,
): void {
  const n = kinds.length;
  for (let changed = true; changed; ) {
    changed = false;
    for (let node = 0; node < n; node++) {
      if (!keepNodes[node] || kinds[node] === 'token' || kinds[node] === 'logit') continue;
      let incoming = false;
      let outgoing = false;
      for (let other = 0; other < n && !(incoming && outgoing); other++) {
        incoming ||= keepEdges[node * n + other] === 1;
        outgoing ||= keepEdges[other * n + node] === 1;
      }
      if (outgoing && (incoming || kinds[node] === 'error')) continue;
      keepNodes[node] = false;
      for (let other = 0; other < n; other++) {
        keepEdges[node * n + other] = 0;
        keepEdges[other * n + node] = 0;
      }
      changed = true;
    }
  }
}

function cumulativeShares(
  kinds: readonly GraphNodeKind[],
  influences: Float64Array,
): (number | null)[] {
  const order = Array.from(influences.keys()).sort(
    (a, b) => influences[b] - influences[a] || a - b,
  );
  const total = influences.reduce((a, b) => a + b, 0);
  const shares = new Array<number | null>(kinds.length);
  let carried = 0;
  for (const node of order) {
    carried += influences[node];
    shares[node] = kinds[node] === 'logit' ? null : total > 0 ? carried / total : 1;
  }
  return shares;
}
