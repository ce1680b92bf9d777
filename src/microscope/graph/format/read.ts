import type { GraphFile, GraphFileNode } from '../schema.ts';
import type { GraphNode } from '../types.ts';
import { readAnnotations } from './annotations.ts';
import { linkEnds } from './ends.ts';
import { cantorUnpair, kindOfType } from './node-ids.ts';

/** A node of a file, as this program sees it. */
export interface ReadNode extends GraphNode {
  /** Its id in the file. */
  readonly id: string;
  readonly type: string;
  readonly label: string | null;
  /** Cumulative share of influence as the file has it. */
  readonly cumulative: number | null;
}

/** A graph read from a file, sparse as the file is. */
export interface ReadGraph {
  readonly nodes: readonly ReadNode[];
  /** Nodes as indices. */
  readonly links: {
    readonly source: readonly number[];
    readonly target: readonly number[];
    readonly weight: readonly number[];
  };
  /** Layers of the model. */
  readonly layers: number;
  /** Pins, supernodes and the clicked node, as indices; `lost` counts ids that are no node. */
  readonly pins: readonly number[];
  readonly supernodes: readonly { readonly label: string; readonly nodes: readonly number[] }[];
  readonly clicked: number | null;
  readonly lost: number;
  /** What is not shown as it is in the file. */
  readonly unknown: readonly { readonly type: string; readonly nodes: number }[];
  readonly unknownLinks: number;
  /** Nodes of attention dictionaries, which are shown as features and errors. */
  readonly attention: number;
  /** Links that may start at either of two nodes with one id. */
  readonly unsure: number;
}

/** The first layer past the model's: files number logits one after the layer that would follow the last. */
function layersOf(nodes: readonly GraphFileNode[]): number {
  const logit = nodes.find(({ feature_type }) => kindOfType(feature_type) === 'logit');
  const numbers = nodes.map(({ layer }) => Number(layer)).filter(Number.isFinite);
  return logit ? Number(logit.layer) - 1 : Math.max(-1, ...numbers) + 1;
}

function readNode(node: GraphFileNode, layers: number, labels: ReadonlyMap<string, string>) {
  const kind = kindOfType(node.feature_type)!;
  const layer = kind === 'token' ? -1 : kind === 'logit' ? layers : Number(node.layer);
  // The second part of an id is the feature's own number; some sources have other ids, but keep the pair.
  const own = Number(node.node_id.split('_')[1]);
  const index = Number.isInteger(own) ? own : cantorUnpair(Number(node.feature ?? 0))[1];
  const label = kind === 'feature' ? labels.get(String(node.feature)) : undefined;
  return {
    id: node.node_id,
    type: node.feature_type,
    kind,
    layer,
    position: node.ctx_idx,
    index: kind === 'error' ? -1 : index,
    label: label ?? (node.clerp ? node.clerp : null),
    activation: node.activation ?? null,
    probability: kind === 'logit' ? (node.token_prob ?? 0) : null,
    cumulative: node.influence ?? null,
  } satisfies ReadNode;
}

/**
 * Makes sense of a checked graph file, by whichever program it was written: kinds and layers of nodes, which nodes links
 * mean, and what a reader added. Nothing is dropped without being counted.
 */
export function readGraph(file: GraphFile): ReadGraph {
  const known = file.nodes.filter(({ feature_type }) => kindOfType(feature_type) !== undefined);
  const layers = layersOf(known);
  const annotations = readAnnotations(file.qParams);
  const nodes = known.map((node) => readNode(node, layers, annotations.labels));
  const ends = linkEnds(nodes, file.links);
  const kept = file.links.flatMap((_, i) => (ends.source[i] < 0 || ends.target[i] < 0 ? [] : [i]));
  const byId = new Map<string, number>();
  nodes.forEach(({ id, kind }, i) => {
    if (!byId.has(id) || kind === 'feature') byId.set(id, i);
  });
  let lost = 0;
  const indices = (ids: readonly string[]) =>
    ids.flatMap((id) => {
      const index = byId.get(id);
      if (index === undefined) lost++;
      return index === undefined ? [] : [index];
    });
  const types = new Map<string, number>();
  for (const { feature_type } of file.nodes) {
    if (kindOfType(feature_type)) continue;
    types.set(feature_type, (types.get(feature_type) ?? 0) + 1);
  }
  const { pins, supernodes, clicked } = annotations;
  return {
    nodes,
    links: {
      source: kept.map((i) => ends.source[i]),
      target: kept.map((i) => ends.target[i]),
      weight: kept.map((i) => file.links[i].weight),
    },
    layers,
    pins: indices(pins),
    supernodes: supernodes.map(([label, ...ids]) => ({ label, nodes: indices(ids) })),
    // A supernode can be clicked in other programs; it is no node.
    clicked: byId.get(clicked) ?? null,
    lost,
    unknown: [...types].map(([type, count]) => ({ type, nodes: count })),
    unknownLinks: file.links.length - kept.length,
    attention: nodes.filter(({ type }) => type.startsWith('lorsa')).length,
    unsure: ends.unsure,
  };
}

/** An equal file in which every id means one node: errors that share theirs with a feature get another. */
export function withUniqueIds(file: GraphFile): GraphFile {
  const layers = layersOf(file.nodes.filter(({ feature_type }) => kindOfType(feature_type)));
  const nodes = file.nodes.map((node) => {
    const kind = kindOfType(node.feature_type) ?? 'feature';
    const numbered = kind === 'token' ? -1 : kind === 'logit' ? layers : Number(node.layer);
    return { id: node.node_id, kind, layer: numbered };
  });
  const taken = new Set(nodes.filter(({ kind }) => kind !== 'error').map(({ id }) => id));
  const ids = nodes.map(({ id, kind }, i) => {
    const { layer, ctx_idx } = file.nodes[i];
    return kind === 'error' && taken.has(id) ? `-1_${layer}_${ctx_idx}` : id;
  });
  const ends = linkEnds(nodes, file.links);
  return {
    ...file,
    nodes: file.nodes.map((node, i) => ({ ...node, node_id: ids[i] })),
    links: file.links.map((link, i) => ({ ...link, source: ids[ends.source[i]] })),
  };
}
