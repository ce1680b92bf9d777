import type { GraphNodeKind } from '../types.ts';

/** A node of a file as far as telling its namesakes apart goes. */
export interface EndNode {
  readonly id: string;
  readonly kind: GraphNodeKind;
  /** −1 for tokens, above all others for logits. */
  readonly layer: number;
}

/** Where links start and end, as indices of nodes; −1 where an id is no node. */
export interface LinkEnds {
  readonly source: readonly number[];
  readonly target: readonly number[];
  /** Links whose source could be either of two nodes; the feature is taken. */
  readonly unsure: number;
}

/**
 * Finds the nodes that links mean. In files of circuit-tracer an error may have the id of a feature. An error is never a
 * target, and reaches later layers only; of two links between the same ids the first is the feature's, and the links of one
 * target are in the order of the nodes. What is left open after that is counted.
 */
export function linkEnds(
  nodes: readonly EndNode[],
  links: readonly { readonly source: string; readonly target: string }[],
): LinkEnds {
  const named = new Map<string, number[]>();
  nodes.forEach(({ id }, i) => {
    const known = named.get(id);
    if (known) known.push(i);
    else named.set(id, [i]);
  });
  const one = (id: string) => {
    const found = named.get(id) ?? [];
    return found.find((i) => nodes[i].kind !== 'error') ?? found[0] ?? -1;
  };
  const target = links.map((link) => one(link.target));
  const options = links.map((link, i): readonly number[] => {
    const found = named.get(link.source) ?? [];
    const to = nodes[target[i]];
    if (found.length < 2 || to === undefined) return found;
    const reaching = found.filter((source) => nodes[source].layer < to.layer);
    return reaching.length > 0 ? reaching : found;
  });
  const source = options.map((found) => (found.length === 1 ? found[0] : -1));
  const open = options.flatMap((found, i) => (found.length > 1 ? [i] : []));
  pairTwins(links, { open, options, source, nodes });
  let unsure = 0;
  for (const i of open) {
    if (source[i] >= 0) continue;
    const before = links[i - 1]?.target === links[i].target ? source[i - 1] : -1;
    const after = links[i + 1]?.target === links[i].target ? source[i + 1] : -1;
    const fitting = options[i].filter((at) => before < at && (after < 0 || at < after));
    if (fitting.length !== 1) unsure++;
    source[i] = fitting.length === 1 ? fitting[0] : one(links[i].source);
  }
  return { source, target, unsure };
}

/** Of as many links between two ids as there are nodes of that name, each means another, in order. */
function pairTwins(
  links: readonly { readonly source: string; readonly target: string }[],
  found: {
    readonly open: readonly number[];
    readonly options: readonly (readonly number[])[];
    readonly source: number[];
    readonly nodes: readonly EndNode[];
  },
): void {
  const twins = new Map<string, number[]>();
  for (const i of found.open) {
    const key = `${links[i].source} ${links[i].target}`;
    const known = twins.get(key);
    if (known) known.push(i);
    else twins.set(key, [i]);
  }
  for (const group of twins.values()) {
    const nodes = found.options[group[0]];
    if (group.length !== nodes.length) continue;
    group.forEach((link, i) => {
      found.source[link] = nodes[i];
    });
  }
}
