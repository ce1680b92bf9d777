import type { GraphView } from './view.ts';

/** A chain of links from a token to a logit. */
export interface GraphPath {
  /** Indices of nodes, the logit last. */
  readonly nodes: readonly number[];
  /** Part of the logits' input that comes along this one chain, in [0, 1]: the product of its links' shares. */
  readonly share: number;
  /** Whether the chain raises the logit: the product of its links' signs. */
  readonly positive: boolean;
}

interface Tail {
  readonly share: number;
  readonly positive: boolean;
  readonly node: number;
  readonly next: Tail | null;
}

/** The nodes so that every link's target comes before its source. What lies on a cycle, which no trace has, is left out. */
function fromTheTop({ nodes, links, into, from }: GraphView): number[] {
  const open = from.map(({ length }) => length);
  const ready = [...nodes.keys()].filter((i) => open[i] === 0);
  for (let at = 0; at < ready.length; at++) {
    for (const link of into[ready[at]]) {
      const source = links.source[link];
      open[source] -= 1;
      if (open[source] === 0) ready.push(source);
    }
  }
  return ready;
}

/**
 * The chains from tokens that carry most of the answer, the strongest first. In a graph with all its links the shares of
 * all of them and of those from errors sum to 1; logits count by their probability.
 *
 * @param count most chains to return
 */
export function strongestPaths(view: GraphView, count: number): GraphPath[] {
  const { nodes, links, into } = view;
  const logits = nodes.reduce((sum, { probability }) => sum + (probability ?? 0), 0) || 1;
  const tails: Tail[][] = nodes.map(() => []);
  const add = (node: number, tail: Tail) => {
    const list = tails[node];
    if (list.length === count && tail.share <= list[count - 1].share) return;
    const place = list.findIndex(({ share }) => share < tail.share);
    list.splice(place < 0 ? list.length : place, 0, tail);
    if (list.length > count) list.pop();
  };
  nodes.forEach(({ probability }, node) => {
    if (probability) add(node, { share: probability / logits, positive: true, node, next: null });
  });
  for (const target of fromTheTop(view)) {
    for (const tail of tails[target]) {
      for (const link of into[target]) {
        const source = links.source[link];
        const weight = links.weight[link];
        const share = (tail.share * Math.abs(weight)) / Math.max(nodes[target].inputs, 1e-10);
        add(source, { share, positive: tail.positive === weight >= 0, node: source, next: tail });
      }
    }
  }
  return nodes
    .flatMap(({ kind }, i) => (kind === 'token' ? tails[i] : []))
    .sort((a, b) => b.share - a.share)
    .slice(0, count)
    .map(({ share, positive, ...first }) => {
      const chain: number[] = [];
      for (let at: Pick<Tail, 'node' | 'next'> | null = first; at !== null; at = at.next) {
        chain.push(at.node);
      }
      return { nodes: chain, share, positive };
    });
}
