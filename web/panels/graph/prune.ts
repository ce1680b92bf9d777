import type { TraceScores } from '../../../src/lab/api.ts';
import { without } from './filter.ts';
import type { GraphView } from './view.ts';

/** No chain of links is longer than the graph is deep; this many steps see the end of any. */
const MOST_STEPS = 1000;

interface Sparse {
  readonly nodes: readonly Pick<GraphView['nodes'][number], 'kind' | 'probability'>[];
  readonly links: GraphView['links'];
}

/** Magnitudes of all links into each node, summed. */
export function inputSums({ nodes, links }: Sparse): Float64Array {
  const sums = new Float64Array(nodes.length);
  links.target.forEach((target, i) => {
    sums[target] += Math.abs(links.weight[i]);
  });
  return sums;
}

/** Influence of every node on the logits through the links there are: the library's, for a sparse graph. */
export function sparseInfluence(graph: Sparse): Float64Array {
  const { nodes, links } = graph;
  const sums = inputSums(graph);
  const total = new Float64Array(nodes.length);
  let current = Float64Array.from(nodes, ({ kind, probability }) =>
    kind === 'logit' ? (probability ?? 0) : 0,
  );
  for (let step = 0; step < MOST_STEPS && current.some((value) => value !== 0); step++) {
    const next = new Float64Array(nodes.length);
    links.target.forEach((target, i) => {
      if (current[target] === 0) return;
      next[links.source[i]] += (current[target] * Math.abs(links.weight[i])) / sums[target];
    });
    next.forEach((value, node) => {
      total[node] += value;
    });
    current = next;
  }
  return total;
}

/** Replacement, completeness and the share of errors, of the links there are. */
export function sparseScores(graph: Sparse, influences: Float64Array): TraceScores {
  const { nodes, links } = graph;
  const sums = inputSums(graph);
  const errors = new Float64Array(nodes.length);
  links.target.forEach((target, i) => {
    if (nodes[links.source[i]].kind === 'error') errors[target] += Math.abs(links.weight[i]);
  });
  const of = (kind?: string) =>
    nodes.reduce((sum, node, i) => (!kind || node.kind === kind ? sum + influences[i] : sum), 0);
  let [explained, all] = [0, 0];
  nodes.forEach(({ kind, probability }, i) => {
    const weight = influences[i] + (kind === 'logit' ? (probability ?? 0) : 0);
    explained += (1 - (sums[i] > 0 ? errors[i] / sums[i] : 0)) * weight;
    all += weight;
  });
  const ratio = (part: number, whole: number) => (whole > 0 ? part / whole : 0);
  return {
    replacement: ratio(of('token'), of('token') + of('error')),
    completeness: ratio(explained, all),
    errorShare: ratio(of('error'), of()),
  };
}

/**
 * Replacement and completeness when only some features count as explained: links from any other are added to those from
 * the error at its layer and position, sign by sign. The library's `subgraphScores`, for a sparse graph; a file may lack
 * the error, as pruned, and then gets one for this.
 *
 * @param kept indices of the features that are kept
 */
export function sparseSubgraphScores(
  { nodes, links }: Pick<GraphView, 'nodes' | 'links'>,
  kept: ReadonlySet<number>,
): Pick<TraceScores, 'replacement' | 'completeness'> {
  const all: Pick<GraphView['nodes'][number], 'kind' | 'probability'>[] = [...nodes];
  const errorAt = new Map<string, number>();
  nodes.forEach(({ kind, layer, position }, i) => {
    if (kind === 'error') errorAt.set(`${layer} ${position}`, i);
  });
  const errorOf = ({ layer, position }: GraphView['nodes'][number]) => {
    const cell = `${layer} ${position}`;
    let error = errorAt.get(cell);
    if (error === undefined) {
      error = all.length;
      all.push({ kind: 'error', probability: null });
      errorAt.set(cell, error);
    }
    return error;
  };
  const sums = new Map<string, { source: number; target: number; weight: number }>();
  links.weight.forEach((weight, i) => {
    const [from, target] = [links.source[i], links.target[i]];
    const source = nodes[from].kind === 'feature' && !kept.has(from) ? errorOf(nodes[from]) : from;
    const name = `${source} ${target}`;
    const sum = sums.get(name);
    if (sum) sum.weight += weight;
    else sums.set(name, { source, target, weight });
  });
  const rows = [...sums.values()];
  const merged = {
    nodes: all,
    links: {
      source: rows.map(({ source }) => source),
      target: rows.map(({ target }) => target),
      weight: rows.map(({ weight }) => weight),
    },
  };
  const { replacement, completeness } = sparseScores(merged, sparseInfluence(merged));
  return { replacement, completeness };
}

/** The smallest score to keep so that what is kept carries `share` of the whole. */
function threshold(scores: readonly number[], share: number): number {
  const sorted = [...scores].sort((a, b) => b - a);
  const total = sorted.reduce((a, b) => a + b, 0);
  let carried = 0;
  for (const score of sorted) {
    carried += score;
    if (carried >= share * total) return score;
  }
  return sorted.at(-1) ?? 0;
}

/**
 * A file's graph with its weakest nodes and links taken out, then whatever is left hanging, by the rules that the lab
 * prunes a trace by. A file holds no more than what its maker kept, so shares are of that.
 */
export function pruneView(
  view: GraphView,
  shares: { readonly nodes: number; readonly links: number },
): GraphView {
  // All of a file is all of it, also what leads nowhere.
  if (shares.nodes >= 1 && shares.links >= 1) return view;
  const { nodes, links } = view;
  const least = threshold(
    nodes.map(({ influence }) => influence),
    shares.nodes,
  );
  const fixed = (i: number) => nodes[i].kind === 'token' || nodes[i].kind === 'logit';
  const keep = nodes.map(({ influence }, i) => fixed(i) || influence >= least);
  const scores = links.weight.map((weight, i) => {
    const target = nodes[links.target[i]];
    if (!keep[links.source[i]] || !keep[links.target[i]]) return 0;
    const matters = target.influence + (target.kind === 'logit' ? (target.probability ?? 0) : 0);
    return (Math.abs(weight) / Math.max(target.inputs, 1e-10)) * matters;
  });
  const leastLink = threshold(scores, shares.links);
  const keepLinks = scores.map((score) => score > 0 && score >= leastLink);
  for (let changed = true; changed; ) {
    changed = false;
    nodes.forEach(({ kind }, i) => {
      if (!keep[i] || fixed(i)) return;
      const outgoing = view.from[i].some((link) => keepLinks[link]);
      const incoming = view.into[i].some((link) => keepLinks[link]);
      if (outgoing && (incoming || kind === 'error')) return;
      keep[i] = false;
      for (const link of [...view.from[i], ...view.into[i]]) keepLinks[link] = false;
      changed = true;
    });
  }
  return without(view, {
    why: (_, i) => (keep[i] ? null : 'pruned'),
    dropLink: (link) => !keepLinks[link],
  });
}
