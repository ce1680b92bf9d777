import type {
  HiddenCount,
  HiddenNode,
  TraceLinks,
  TraceNode,
  TraceResponse,
  TraceScores,
} from '../../../src/lab/api.ts';
import type { GraphFile, GraphFileNode } from '../../../src/microscope/graph/schema.ts';

/** A node as the panel draws it. */
export type GraphNode = TraceNode;

/** What a file holds besides what is shown; it is written back when the graph is saved. */
export interface FileOrigin {
  readonly file: GraphFile;
  /** The file's record of every node, by name. */
  readonly records: ReadonlyMap<string, GraphFileNode>;
  /** Nodes of attention dictionaries, shown as features and errors. */
  readonly attention: number;
  /** Links that may start at either of two nodes with one id. */
  readonly unsure: number;
  /** Ids among pins and supernodes that are no node. */
  readonly lost: number;
}

/** A graph that is looked at, whether traced here or read from a file. */
export interface GraphView {
  /** The file it came from; null for a trace of the prompt. */
  readonly file: string | null;
  readonly prompt: string;
  /** One label per token. */
  readonly tokens: readonly string[];
  readonly layers: number;
  readonly nodes: readonly GraphNode[];
  readonly links: TraceLinks;
  /** Links by the node they end at and start from: indices into the links. */
  readonly into: readonly (readonly number[])[];
  readonly from: readonly (readonly number[])[];
  readonly indexOf: ReadonlyMap<string, number>;
  readonly scores: TraceScores;
  readonly shown: { readonly nodes: number; readonly links: number };
  readonly total: { readonly nodes: number; readonly links: number };
  readonly hidden: readonly HiddenCount[];
  /** The most influential of what is hidden. */
  readonly largestHidden: readonly HiddenNode[];
  /** Of a file: what it says that this page does not show, and what in it was not clear. */
  readonly origin?: FileOrigin;
}

/** What is left to find out of nodes and links. */
export function completeView(
  parts: Omit<GraphView, 'into' | 'from' | 'indexOf' | 'shown'>,
): GraphView {
  const { nodes, links } = parts;
  const into: number[][] = nodes.map(() => []);
  const from: number[][] = nodes.map(() => []);
  links.source.forEach((source, i) => {
    from[source].push(i);
    into[links.target[i]].push(i);
  });
  return {
    ...parts,
    into,
    from,
    indexOf: new Map(nodes.map(({ key }, i) => [key, i])),
    shown: { nodes: nodes.length, links: links.weight.length },
  };
}

/** The view of a trace. */
export function viewOfTrace(
  answer: TraceResponse,
  given: { readonly prompt: string; readonly tokens: readonly string[] },
): GraphView {
  const { layers, nodes, links, scores, total, hidden, largestHidden } = answer;
  const parts = { layers, nodes, links, scores, total, hidden, largestHidden };
  return completeView({ ...given, file: null, ...parts });
}

/** A link from one node's point of view. */
export interface Connection {
  /** Index of the link. */
  readonly link: number;
  /** The node at its other end. */
  readonly node: number;
  readonly weight: number;
  /** Part of the receiving node's input, signed, in [−1, 1]. */
  readonly share: number;
}

/** What feeds a node, or what it feeds, the largest first. */
export function connections(
  view: GraphView,
  node: number,
  side: 'inputs' | 'outputs',
): Connection[] {
  const { links, nodes } = view;
  const own = side === 'inputs' ? view.into[node] : view.from[node];
  return own
    .map((link): Connection => {
      const target = links.target[link];
      const weight = links.weight[link];
      return {
        link,
        node: side === 'inputs' ? links.source[link] : target,
        weight,
        share: weight / Math.max(nodes[target].inputs, 1e-10),
      };
    })
    .sort((a, b) => Math.abs(b.share) - Math.abs(a.share));
}

/**
 * Every node's weight to a chosen one, signed, in [−1, 1]: what it passes to the chosen node, or receives from it. The
 * chosen node itself has 1; nodes without a link to it have 0.
 */
export function weightsTo(view: GraphView, chosen: number): Float64Array {
  const out = new Float64Array(view.nodes.length);
  const scale = (list: readonly Connection[]) => {
    const most = list.reduce((a, { share }) => Math.max(a, Math.abs(share)), 0) || 1;
    for (const { node, share } of list) out[node] = share / most;
  };
  scale(connections(view, chosen, 'inputs'));
  scale(connections(view, chosen, 'outputs'));
  out[chosen] = 1;
  return out;
}

/** Pinned nodes and supernodes that are in a graph, as one list of groups. */
export interface Group {
  /** The first member's name; a supernode's is `super:` and its number. */
  readonly id: string;
  readonly label: string | null;
  readonly members: readonly number[];
  readonly supernode: number | null;
}

/** Groups to draw as a subgraph; `missing` counts the names that the graph does not have. */
export function groupsOf(
  view: GraphView,
  annotations: {
    readonly pins: readonly string[];
    readonly supernodes: readonly (readonly string[])[];
  },
): { readonly groups: readonly Group[]; readonly missing: number } {
  const { indexOf } = view;
  let missing = 0;
  const known = (names: readonly string[]) =>
    names.flatMap((name) => {
      const index = indexOf.get(name);
      if (index === undefined) missing++;
      return index === undefined ? [] : [index];
    });
  const taken = new Set<number>();
  const supers = annotations.supernodes.flatMap(([label, ...names], i): Group[] => {
    const members = known(names);
    for (const member of members) taken.add(member);
    return members.length === 0 ? [] : [{ id: `super:${i}`, label, members, supernode: i }];
  });
  const single = known(annotations.pins).filter((index) => !taken.has(index));
  const groups = [
    ...supers,
    ...[...new Set(single)].map((index) => {
      return { id: view.nodes[index].key, label: null, members: [index], supernode: null };
    }),
  ];
  return { groups, missing };
}

/** Effects between groups, as shares of what the target group receives from outside itself. */
export function groupLinks(
  view: GraphView,
  groups: readonly Group[],
): { readonly source: number; readonly target: number; readonly share: number }[] {
  const { links, nodes } = view;
  const owner = new Map(groups.flatMap(({ members }, g) => members.map((node) => [node, g])));
  const sums = new Map<string, number>();
  const outside = groups.map(({ members }, g) =>
    members.reduce((sum, member) => {
      const inner = view.into[member].reduce(
        (total, link) =>
          owner.get(links.source[link]) === g ? total + Math.abs(links.weight[link]) : total,
        0,
      );
      return sum + Math.max(0, nodes[member].inputs - inner);
    }, 0),
  );
  links.weight.forEach((weight, i) => {
    const [source, target] = [owner.get(links.source[i]), owner.get(links.target[i])];
    if (source === undefined || target === undefined || source === target) return;
    const key = `${source} ${target}`;
    sums.set(key, (sums.get(key) ?? 0) + weight);
  });
  return [...sums].map(([key, weight]) => {
    const [source, target] = key.split(' ').map(Number);
    return { source, target, share: weight / Math.max(outside[target], 1e-10) };
  });
}
