/** What a reader takes out of a graph's picture, and the one node that can be added. */
import type { HiddenCount, HiddenNode } from '../../../src/lab/api.ts';
import { completeView, type GraphNode, type GraphView } from './view.ts';

/** Hidden nodes that are named. */
const NAMED_HIDDEN = 20;

/** Over this share of positions a feature says little about any one of them: the rule of Anthropic's front end. */
export const MOST_PRESENT = 2 / 3;

/** Per feature, the share of positions at which it is among the nodes; null for other kinds. */
export function presences(
  nodes: readonly Pick<GraphNode, 'kind' | 'layer' | 'index'>[],
  positions: number,
): (number | null)[] {
  const counts = new Map<string, number>();
  const name = ({ layer, index }: Pick<GraphNode, 'layer' | 'index'>) => `${layer}.${index}`;
  for (const node of nodes) {
    if (node.kind === 'feature') counts.set(name(node), (counts.get(name(node)) ?? 0) + 1);
  }
  return nodes.map((node) =>
    node.kind === 'feature' ? (counts.get(name(node)) ?? 0) / positions : null,
  );
}

function tally(what: HiddenCount['what'], reasons: readonly HiddenCount['why'][]): HiddenCount[] {
  const counts = new Map<HiddenCount['why'], number>();
  for (const why of reasons) counts.set(why, (counts.get(why) ?? 0) + 1);
  return [...counts].map(([why, count]) => ({ what, why, count }));
}

/** A view with some nodes taken out, counted and, the largest, named. Scores stay those of the whole. */
export function without(
  view: GraphView,
  taken: {
    /** Why a node is taken out; null keeps it. */
    readonly why: (node: GraphNode, index: number) => HiddenCount['why'] | null;
    /** Links that go although both their ends stay. */
    readonly dropLink?: (link: number) => boolean;
  },
): GraphView {
  const { nodes, links } = view;
  const reasons = nodes.map(taken.why);
  const at = new Map<number, number>();
  reasons.forEach((why, i) => {
    if (why === null) at.set(i, at.size);
  });
  const stays = (i: number) =>
    at.has(links.source[i]) && at.has(links.target[i]) && !taken.dropLink?.(i);
  const rows = [...links.weight.keys()].filter(stays);
  const gone = [...nodes.keys()].filter((i) => reasons[i] !== null);
  if (gone.length === 0 && rows.length === links.weight.length) return view;
  const largest = gone
    .sort((a, b) => nodes[b].influence - nodes[a].influence || a - b)
    .slice(0, NAMED_HIDDEN)
    .map((i): HiddenNode => {
      const { key, kind, layer, position, index, label, influence } = nodes[i];
      return { key, kind, layer, position, index, label, influence, why: reasons[i]! };
    });
  const hidden: HiddenCount[] = [
    ...tally(
      'nodes',
      gone.map((i) => reasons[i]!),
    ),
    ...tally(
      'links',
      [...links.weight.keys()]
        .filter((i) => !stays(i))
        .map((i) => reasons[links.source[i]] ?? reasons[links.target[i]] ?? 'pruned'),
    ),
  ];
  return completeView({
    ...view,
    nodes: nodes.filter((_, i) => reasons[i] === null),
    links: {
      source: rows.map((i) => at.get(links.source[i])!),
      target: rows.map((i) => at.get(links.target[i])!),
      weight: rows.map((i) => links.weight[i]),
    },
    hidden: [...view.hidden, ...hidden],
    largestHidden: [...view.largestHidden, ...largest]
      .sort((a, b) => b.influence - a.influence)
      .slice(0, NAMED_HIDDEN),
  });
}

/** A view without the features that fire too often to say much about this prompt. */
export function hideFrequent(
  view: GraphView,
  limits: {
    /** The most of a corpus's tokens that a feature may fire on, in [0, 1]. Unknown densities stay. */
    readonly density: number;
    /** The most of the prompt's positions that a feature may be at, in [0, 1]. */
    readonly presence: number;
  },
): GraphView {
  return without(view, {
    why: ({ density, presence }) => {
      if (density !== null && density > limits.density) return 'dense';
      return presence !== null && presence > limits.presence ? 'present' : null;
    },
  });
}

/** The name of the node that stands for one logit minus another, as in Anthropic's front end. */
export function differenceKey(a: string, b: string): string {
  return `${a}__vs__${b}`;
}

/**
 * A view with one more node at the top: one logit minus another. Its links are those of the two, subtracted. It carries
 * no influence of its own, so scores stay what they are. Names that the view does not have, or has as other kinds,
 * leave it as it is.
 */
export function withDifference(
  view: GraphView,
  [a, b]: readonly string[],
  label: (a: GraphNode, b: GraphNode) => string,
): GraphView {
  const [plus, minus] = [a, b].map((key) => view.indexOf.get(key ?? '') ?? -1);
  const { nodes, links } = view;
  if (plus === minus || nodes[plus]?.kind !== 'logit' || nodes[minus]?.kind !== 'logit')
    return view;
  const sums = new Map<number, number>();
  for (const [end, sign] of [
    [plus, 1],
    [minus, -1],
  ]) {
    for (const link of view.into[end]) {
      const source = links.source[link];
      sums.set(source, (sums.get(source) ?? 0) + sign * links.weight[link]);
    }
  }
  const fresh = [...sums].filter(([, weight]) => weight !== 0);
  const size = (list: typeof fresh) => list.reduce((sum, [, weight]) => sum + Math.abs(weight), 0);
  const inputs = size(fresh);
  const errors = size(fresh.filter(([source]) => nodes[source].kind === 'error'));
  const node: GraphNode = {
    ...nodes[plus],
    key: differenceKey(a, b),
    label: label(nodes[plus], nodes[minus]),
    probability: null,
    influence: 0,
    cumulative: null,
    inputs,
    errorShare: inputs > 0 ? errors / inputs : 0,
  };
  const added = completeView({
    ...view,
    nodes: [...nodes, node],
    links: {
      source: [...links.source, ...fresh.map(([source]) => source)],
      target: [...links.target, ...fresh.map(() => nodes.length)],
      weight: [...links.weight, ...fresh.map(([, weight]) => weight)],
    },
  });
  // What is shown of what counts the graph's own nodes only.
  return { ...added, shown: view.shown };
}
