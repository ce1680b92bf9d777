import type { GraphView } from './view.ts';

/** Nodes that belong together in a list. */
export interface Shelf {
  /** The position or the layer that they share; null for one list of all. */
  readonly part: number | null;
  /** Indices, the most influential first. */
  readonly nodes: readonly number[];
}

/** Nodes by influence, as one list or by token or layer. Logits, which have none, are listed only where found. */
export function shelves(
  view: GraphView,
  options: {
    readonly by: 'influence' | 'token' | 'layer';
    /** Per node, whether it is wanted; all but logits if absent. */
    readonly found?: readonly boolean[];
  },
): Shelf[] {
  const { by, found } = options;
  const { nodes } = view;
  const order = [...nodes.keys()]
    .filter((i) => (found === undefined ? nodes[i].kind !== 'logit' : found[i]))
    .sort((a, b) => nodes[b].influence - nodes[a].influence || a - b);
  if (by === 'influence') return [{ part: null, nodes: order }];
  const parts = new Map<number, number[]>();
  for (const i of order) {
    const part = by === 'token' ? nodes[i].position : nodes[i].layer;
    const own = parts.get(part);
    if (own) own.push(i);
    else parts.set(part, [i]);
  }
  return [...parts].sort(([a], [b]) => a - b).map(([part, own]) => ({ part, nodes: own }));
}
