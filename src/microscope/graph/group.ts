import type { DictionarySet } from '../dictionary/types.ts';
import type { NodeLabels } from './file.ts';
import { decoderVector } from './sources.ts';
import type { AttributionGraph } from './types.ts';

/** Features of a graph that go together. */
export interface Supernode {
  readonly label: string;
  /** Indices of the graph's nodes, at least two. */
  readonly nodes: readonly number[];
  /** Mean similarity of its pairs, in [−1, 1]. */
  readonly cohesion: number;
}

/** What to group, and how alike a group must be. */
export interface GroupOptions {
  /** Nodes to group; other nodes are left alone. All features unless told. */
  readonly nodes?: readonly number[];
  readonly labels?: NodeLabels;
  /** Groups are joined while their mean similarity is at least this, .5 unless told. */
  readonly threshold?: number;
}

function cosine(a: Float32Array, b: Float32Array): number {
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    ab += a[i] * b[i];
    aa += a[i] ** 2;
    bb += b[i] ** 2;
  }
  return aa > 0 && bb > 0 ? ab / Math.sqrt(aa * bb) : 0;
}

/** What a feature writes in all, over the layers of a cross-layer transcoder. */
function written(set: DictionarySet, layer: number, index: number): Float32Array {
  const dictionary = set.dictionaries[layer];
  const vectors = dictionary.config.writes.map((_, j) => decoderVector(dictionary, index, j));
  return vectors.reduce((sum, vector) => sum.map((value, i) => value + vector[i]));
}

/**
 * Groups features that mean and do the same: mean-link clustering of the mean of two cosines, between decoder
 * vectors and between outgoing edges. Features at different positions are kept apart, and so are
 * features with different labels. A group takes the label its members share, else that of its most active one.
 * A proposal to start from, not a finding.
 */
export function groupFeatures(
  graph: AttributionGraph,
  set: DictionarySet,
  options: GroupOptions = {},
): Supernode[] {
  const { nodes, adjacency } = graph;
  const n = nodes.length;
  const { labels, threshold = 0.5 } = options;
  const chosen = (options.nodes ?? [...nodes.keys()]).filter((i) => nodes[i].kind === 'feature');
  const label = new Map(chosen.map((i) => [i, labels?.(nodes[i]) ?? null]));
  const decoders = new Map(chosen.map((i) => [i, written(set, nodes[i].layer, nodes[i].index)]));
  const outgoing = new Map(
    chosen.map((i) => [
      i,
      Float32Array.from({ length: n }, (_, target) => adjacency[target * n + i]),
    ]),
  );
  const similar = (a: number, b: number): number => {
    const [la, lb] = [label.get(a), label.get(b)];
    // No mean with other pairs makes up for two labels.
    if (la !== null && lb !== null && la !== lb) return Number.NEGATIVE_INFINITY;
    const meaning = cosine(decoders.get(a)!, decoders.get(b)!);
    return (meaning + cosine(outgoing.get(a)!, outgoing.get(b)!)) / 2;
  };
  const pair = new Map<string, number>();
  const between = (a: number, b: number): number => {
    const key = a < b ? `${a} ${b}` : `${b} ${a}`;
    if (!pair.has(key)) pair.set(key, similar(a, b));
    return pair.get(key)!;
  };
  const link = (a: readonly number[], b: readonly number[]) =>
    a.reduce((sum, x) => sum + b.reduce((s, y) => s + between(x, y), 0), 0) / (a.length * b.length);

  const positions = [...new Set(chosen.map((i) => nodes[i].position))];
  const groups = positions.flatMap((position) =>
    cluster(
      chosen.filter((i) => nodes[i].position === position),
      { link, threshold },
    ),
  );
  return groups
    .filter((group) => group.length > 1)
    .map((group): Supernode => {
      const known = group.map((i) => label.get(i)).filter((text) => typeof text === 'string');
      const strongest = group.reduce((a, b) =>
        nodes[b].activation! > nodes[a].activation! ? b : a,
      );
      const { layer, index } = nodes[strongest];
      const pairs = group.flatMap((a, i) => group.slice(i + 1).map((b) => between(a, b)));
      return {
        label: known[0] ?? `L${layer} #${index}`,
        nodes: [...group].sort((a, b) => a - b),
        cohesion: pairs.reduce((a, b) => a + b, 0) / pairs.length,
      };
    })
    .sort((a, b) => b.nodes.length - a.nodes.length || a.nodes[0] - b.nodes[0]);
}

/** Joins the two closest groups until none are close enough. */
function cluster(
  members: readonly number[],
  options: {
    readonly link: (a: readonly number[], b: readonly number[]) => number;
    readonly threshold: number;
  },
): number[][] {
  const groups = members.map((member) => [member]);
  for (;;) {
    let best = { value: options.threshold, i: -1, j: -1 };
    for (let i = 0; i < groups.length; i++) {
      for (let j = i + 1; j < groups.length; j++) {
        const value = options.link(groups[i], groups[j]);
        if (value >= best.value && (best.i < 0 || value > best.value)) best = { value, i, j };
      }
    }
    if (best.i < 0) return groups;
    groups[best.i] = [...groups[best.i], ...groups[best.j]];
    groups.splice(best.j, 1);
  }
}
