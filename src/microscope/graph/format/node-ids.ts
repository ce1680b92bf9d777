import type { GraphNodeKind } from '../types.ts';

/** One number for a layer and a feature: Cantor's pairing, as the public format has it. */
export function cantorPair(x: number, y: number): number {
  return ((x + y) * (x + y + 1)) / 2 + y;
}

/** The layer and feature behind a {@link cantorPair} number. */
export function cantorUnpair(z: number): [x: number, y: number] {
  const w = Math.floor((Math.sqrt(8 * z + 1) - 1) / 2);
  const y = z - (w * (w + 1)) / 2;
  return [w - y, y];
}

/** What graph files call the kinds of nodes. */
export const NODE_TYPES: Readonly<Record<GraphNodeKind, string>> = {
  feature: 'cross layer transcoder',
  error: 'mlp reconstruction error',
  token: 'embedding',
  logit: 'logit',
};

const KINDS: Readonly<Record<string, GraphNodeKind>> = {
  ...Object.fromEntries(Object.entries(NODE_TYPES).map(([kind, type]) => [type, kind])),
  // Features of attention layers (Lorsa), and the name of older files for features nobody looked at.
  lorsa: 'feature',
  'lorsa error': 'error',
  'unexplored node': 'feature',
};

/** The kind of node that a type in a file means; undefined for types that are not known. */
export function kindOfType(type: string): GraphNodeKind | undefined {
  return Object.hasOwn(KINDS, type) ? KINDS[type] : undefined;
}

/** A node as far as its id goes. */
interface Named {
  readonly kind: GraphNodeKind;
  readonly layer: number;
  readonly index: number;
  readonly position: number;
}

/**
 * Ids as circuit-tracer writes them, one per node. Its id of an error, `0_{layer}_{position}`, has the form of a feature's
 * of layer 0; where a feature with that id is among the nodes, the error is `-1_{layer}_{position}` here, so that every id means
 * one node in every program.
 */
export function fileIds(nodes: readonly Named[], nLayers: number): string[] {
  const feature = ({ layer, index, position }: Named) => `${layer}_${index}_${position}`;
  const taken = new Set(nodes.filter(({ kind }) => kind === 'feature').map(feature));
  const idOf = (node: Named): string => {
    const { kind, layer, index, position } = node;
    if (kind === 'feature') return feature(node);
    if (kind === 'token') return `E_${index}_${position}`;
    if (kind === 'logit') return `${nLayers + 1}_${index}_${position}`;
    const usual = `0_${layer}_${position}`;
    return taken.has(usual) ? `-1_${layer}_${position}` : usual;
  };
  return nodes.map(idOf);
}
