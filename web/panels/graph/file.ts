/** The public attribution-graph file, both ways, in the page. */
import type { SubgraphPlacing } from '../../../src/figures/subgraph-layout.ts';
import { fileNode } from '../../../src/microscope/graph/format/file-node.ts';
import { importedNameText } from '../../../src/microscope/graph/format/imported-label.ts';
import { fileIds } from '../../../src/microscope/graph/format/node-ids.ts';
import { type ReadNode, readGraph } from '../../../src/microscope/graph/format/read.ts';
import type { GraphFile, GraphFileNode } from '../../../src/microscope/graph/schema.ts';
import { presences } from './filter.ts';
import { readPlaces, writePlaces } from './places.ts';
import { inputSums, sparseInfluence, sparseScores } from './prune.ts';
import { completeView, type GraphNode, type GraphView, groupsOf } from './view.ts';

/** What a reader added to a graph: it travels in the file's `qParams`. */
export interface Annotations {
  readonly pins: readonly string[];
  readonly supernodes: readonly (readonly string[])[];
  readonly labels: ReadonlyMap<string, string>;
  readonly chosen: string;
  /** Where parts of the subgraph lie; none where nobody arranged it. */
  readonly places: ReadonlyMap<string, SubgraphPlacing>;
}

/** What is wrong with a file. */
export type FileFault =
  | { readonly kind: 'json' }
  | { readonly kind: 'shape' | 'twice' | 'dangling' | 'weight'; readonly what: string };

/** A label from another project is written with that project's name: files have no other place for it. */
function fileLabel({ label, labelFrom }: GraphNode): string | null {
  return label !== null && labelFrom !== undefined
    ? importedNameText({ text: label, source: labelFrom })
    : label;
}

/** Names of nodes in the page's address. An id of an error in a file may be a feature's; here errors have names of their own. */
function keyOf({ kind, type, id, layer, position }: ReadNode): string {
  const attention = type.startsWith('lorsa');
  if (kind === 'error') return `${attention ? 'lorsa' : 'err'}_${layer}_${position}`;
  return attention ? `lorsa_${id}` : id;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The first field of a file that is not what it must be; undefined for none. */
function faultOf(json: unknown): FileFault | undefined {
  const shape = (what: string): FileFault => ({ kind: 'shape', what });
  if (!isObject(json)) return shape('the file');
  const { metadata, nodes, links } = json;
  if (!isObject(metadata)) return shape('metadata');
  if (!Array.isArray(metadata.prompt_tokens)) return shape('metadata.prompt_tokens');
  if (!Array.isArray(nodes) || nodes.length === 0) return shape('nodes');
  if (!Array.isArray(links)) return shape('links');
  for (const [i, node] of nodes.entries()) {
    if (!isObject(node) || typeof node.node_id !== 'string') return shape(`nodes.${i}.node_id`);
    if (typeof node.feature_type !== 'string') return shape(`nodes.${i}.feature_type`);
    if (!Number.isInteger(node.ctx_idx)) return shape(`nodes.${i}.ctx_idx`);
    if (node.layer === undefined) return shape(`nodes.${i}.layer`);
  }
  const seen = new Set<string>();
  const ids = new Set<string>();
  for (const node of nodes as GraphFileNode[]) {
    const key = `${node.feature_type} ${node.node_id}`;
    if (seen.has(key)) return { kind: 'twice', what: node.node_id };
    seen.add(key);
    ids.add(node.node_id);
  }
  for (const link of links as GraphFile['links']) {
    for (const end of [link?.source, link?.target]) {
      if (!ids.has(end)) return { kind: 'dangling', what: String(end) };
    }
    if (!Number.isFinite(link.weight)) return { kind: 'weight', what: link.target };
  }
  return undefined;
}

/**
 * Reads a file. Nodes of kinds that this page does not draw are counted as hidden, never dropped in silence.
 *
 * @param show makes spaces and breaks of tokens visible
 */
export function readGraphFile(
  text: string,
  name: string,
  show: (token: string) => string = String,
): { readonly view: GraphView; readonly annotations: Annotations } | { readonly fault: FileFault } {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { fault: { kind: 'json' } };
  }
  const fault = faultOf(json);
  if (fault !== undefined) return { fault };
  const file = json as GraphFile;
  const read = readGraph(file);
  const bare = read.nodes.map(bareNode);
  const { links } = read;
  const sparse = { nodes: bare, links };
  const influences = sparseInfluence(sparse);
  const sums = inputSums(sparse);
  const fromErrors = new Float64Array(bare.length);
  links.weight.forEach((weight, i) => {
    if (bare[links.source[i]].kind !== 'error') return;
    fromErrors[links.target[i]] += Math.abs(weight);
  });
  const presence = presences(bare, file.metadata.prompt_tokens.length);
  const known = new Map(file.nodes.map((node) => [`${node.feature_type} ${node.node_id}`, node]));
  const record = ({ type, id }: ReadNode) => known.get(`${type} ${id}`)!;
  const view = completeView({
    file: name,
    prompt: String(file.metadata.prompt ?? ''),
    tokens: file.metadata.prompt_tokens.map((token) => show(String(token))),
    layers: read.layers,
    nodes: bare.map((node, i) => ({
      ...node,
      presence: presence[i],
      influence: influences[i],
      inputs: sums[i],
      errorShare: sums[i] > 0 ? fromErrors[i] / sums[i] : 0,
    })),
    links,
    scores: sparseScores(sparse, influences),
    total: { nodes: file.nodes.length, links: file.links.length },
    hidden: [
      { what: 'nodes', why: 'untraced', count: file.nodes.length - bare.length } as const,
      { what: 'links', why: 'untraced', count: read.unknownLinks } as const,
    ].filter(({ count }) => count > 0),
    largestHidden: [],
    origin: {
      file,
      records: new Map(read.nodes.map((node, i) => [bare[i].key, record(node)])),
      attention: read.attention,
      unsure: read.unsure,
      lost: read.lost,
    },
  });
  const key = (index: number) => bare[index].key;
  const supernodes = read.supernodes
    .filter(({ nodes }) => nodes.length > 0)
    .map(({ label, nodes }) => [label, ...nodes.map(key)]);
  // Other front ends keep members of supernodes among the pins; here they are members only.
  const members = new Set(supernodes.flatMap(([, ...own]) => own));
  const pins = read.pins.map(key).filter((name) => !members.has(name));
  const places = readPlaces(
    file.qParams?.sg_pos ?? '',
    groupsOf(view, { pins, supernodes }).groups,
    read.nodes.map((node) => Number(record(node).feature)),
  );
  return {
    view,
    annotations: {
      pins,
      supernodes,
      places: new Map(places.map(([id, x, y]) => [id, { x, y }])),
      labels: new Map(),
      chosen: read.clicked === null ? '' : key(read.clicked),
    },
  };
}

type BareNode = Omit<GraphNode, 'influence' | 'inputs' | 'errorShare'>;

function bareNode(node: ReadNode): BareNode {
  const { kind, layer, position, index, label, activation, probability, cumulative } = node;
  return {
    key: keyOf(node),
    kind,
    layer,
    position,
    index,
    label,
    activation,
    probability,
    density: null,
    presence: null,
    cumulative,
  };
}

/** Writes what is shown, with pins, supernodes and names. What a file held besides is kept. */
export function writeGraphFile(
  view: GraphView,
  annotations: Annotations,
  context: {
    readonly model: string;
    readonly version: string;
    readonly nodeShare: number;
    readonly edgeShare: number;
    /** The tokens as they are; those of the view are made visible. */
    readonly tokens?: readonly string[];
    /** What logit nodes are called, by name. */
    readonly outputs?: ReadonlyMap<string, string>;
  },
): GraphFile {
  const { origin } = view;
  const tokens = origin?.file.metadata.prompt_tokens ?? context.tokens ?? view.tokens;
  const ids = new Map(
    fileIds(view.nodes, view.layers).map((id, i) => [view.nodes[i].key, id] as const),
  );
  const id = (key: string) => ids.get(key) ?? key;
  const best = view.nodes.reduce(
    (most, { probability }) => Math.max(most, probability ?? 0),
    Number.NEGATIVE_INFINITY,
  );
  const nodes = view.nodes.map((node): GraphFileNode => {
    const label = annotations.labels.get(node.key) ?? fileLabel(node);
    const own = fileNode({
      ...node,
      id: id(node.key),
      influence: node.cumulative,
      target: node.kind === 'logit' && node.probability === best,
      text:
        node.kind === 'token'
          ? tokens[node.position]
          : (context.outputs?.get(node.key) ?? `#${node.index}`),
      label,
      nLayers: view.layers,
      nTokens: view.tokens.length,
    });
    const record = origin?.records.get(node.key);
    return record ? { ...record, node_id: own.node_id, clerp: own.clerp } : own;
  });
  const places = writePlaces(
    groupsOf(view, annotations).groups,
    nodes.map(({ feature }) => Number(feature)),
    annotations.places,
  );
  const name = view.prompt.toLowerCase().replace(/[^a-z0-9]+/g, '-');
  return {
    ...origin?.file,
    metadata: origin?.file.metadata ?? {
      slug: name.slice(0, 40) || 'graph',
      scan: context.model,
      transcoder_list: [],
      prompt_tokens: [...tokens],
      prompt: view.prompt,
      node_threshold: context.nodeShare,
      schema_version: 1,
      info: { generator: { name: 'glassbox', version: context.version } },
      pruning_settings: { node_threshold: context.nodeShare, edge_threshold: context.edgeShare },
    },
    qParams: {
      linkType: 'both',
      sg_pos: '',
      ...origin?.file.qParams,
      ...(annotations.places.size > 0 && { sg_pos: places }),
      // Names are in the nodes; those of the file would hide the reader's.
      clerps: undefined,
      // Other front ends look for the members of supernodes among the pins.
      pinnedIds: [
        ...new Set([...annotations.pins, ...annotations.supernodes.flatMap(([, ...own]) => own)]),
      ].map(id),
      supernodes: annotations.supernodes.map(([label, ...names]) => [label, ...names.map(id)]),
      clickedId: annotations.chosen === '' ? '' : id(annotations.chosen),
    },
    nodes,
    links: view.links.weight.map((weight, i) => ({
      source: id(view.nodes[view.links.source[i]].key),
      target: id(view.nodes[view.links.target[i]].key),
      weight,
    })),
  };
}
