/** The public attribution-graph file, both ways, in the page. */
import type { GraphFile, GraphFileNode } from '../../../src/microscope/graph/schema.ts';
import { presences } from './filter.ts';
import { inputSums, sparseInfluence, sparseScores } from './prune.ts';
import { completeView, type GraphNode, type GraphView } from './view.ts';

/** What a reader added to a graph: it travels in the file's `qParams`. */
export interface Annotations {
  readonly pins: readonly string[];
  readonly supernodes: readonly (readonly string[])[];
  readonly labels: ReadonlyMap<string, string>;
  readonly chosen: string;
}

/** What is wrong with a file. */
export type FileFault =
  | { readonly kind: 'json' }
  | { readonly kind: 'shape' | 'twice' | 'dangling' | 'weight'; readonly what: string };

const KINDS: Readonly<Record<string, GraphNode['kind']>> = {
  'cross layer transcoder': 'feature',
  'mlp reconstruction error': 'error',
  embedding: 'token',
  logit: 'logit',
  lorsa: 'feature',
  'lorsa error': 'error',
};

const TYPES: Readonly<Record<GraphNode['kind'], string>> = {
  feature: 'cross layer transcoder',
  error: 'mlp reconstruction error',
  token: 'embedding',
  logit: 'logit',
};

const cantor = (x: number, y: number) => ((x + y) * (x + y + 1)) / 2 + y;

/** The second number of a Cantor pair. */
function uncantor(z: number): number {
  const w = Math.floor((Math.sqrt(8 * z + 1) - 1) / 2);
  return z - (w * (w + 1)) / 2;
}

/** An error's id in files, `0_{layer}_{pos}`, may be a layer-0 feature's; here errors have names of their own. */
function keyOf(node: GraphFileNode, kind: GraphNode['kind']): string {
  if (kind !== 'error') return node.node_id;
  const prefix = node.feature_type === 'lorsa error' ? 'lorsa' : 'err';
  return `${prefix}_${node.layer}_${node.ctx_idx}`;
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

/** Reads a file. Nodes of kinds that this page does not draw are counted as hidden, never dropped in silence. */
export function readGraphFile(
  text: string,
  name: string,
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
  const known = file.nodes.filter(({ feature_type }) => KINDS[feature_type] !== undefined);
  const numbers = known.map(({ layer }) => Number(layer)).filter(Number.isFinite);
  const logits = known.filter(({ feature_type }) => feature_type === 'logit');
  // Files put logits one past the layer that would follow the last.
  const top = logits.length > 0 ? Number(logits[0].layer) - 1 : Math.max(0, ...numbers) + 1;
  const bare = known.map((node) => bareNode(node, top));
  // Of two nodes with one id, a link means the feature: errors only ever are sources.
  const byId = new Map<string, number>();
  known.forEach(({ node_id }, i) => {
    if (!byId.has(node_id) || bare[i].kind === 'feature') byId.set(node_id, i);
  });
  const links = file.links.filter(({ source, target }) => byId.has(source) && byId.has(target));
  const columns = {
    source: links.map(({ source }) => byId.get(source)!),
    target: links.map(({ target }) => byId.get(target)!),
    weight: links.map(({ weight }) => weight),
  };
  const sparse = { nodes: bare, links: columns };
  const influences = sparseInfluence(sparse);
  const sums = inputSums(sparse);
  const fromErrors = new Float64Array(bare.length);
  links.forEach((_, i) => {
    if (bare[columns.source[i]].kind !== 'error') return;
    fromErrors[columns.target[i]] += Math.abs(columns.weight[i]);
  });
  const hiddenNodes = file.nodes.length - known.length;
  const hiddenLinks = file.links.length - links.length;
  const presence = presences(bare, file.metadata.prompt_tokens.length);
  const view = completeView({
    file: name,
    prompt: String(file.metadata.prompt ?? ''),
    tokens: file.metadata.prompt_tokens.map(String),
    layers: top,
    nodes: bare.map((node, i) => ({
      ...node,
      presence: presence[i],
      influence: influences[i],
      inputs: sums[i],
      errorShare: sums[i] > 0 ? fromErrors[i] / sums[i] : 0,
    })),
    links: columns,
    scores: sparseScores(sparse, influences),
    total: { nodes: file.nodes.length, links: file.links.length },
    hidden: [
      { what: 'nodes', why: 'untraced', count: hiddenNodes } as const,
      { what: 'links', why: 'untraced', count: hiddenLinks } as const,
    ].filter(({ count }) => count > 0),
    largestHidden: [],
  });
  const names = new Map([...byId].map(([id, i]) => [id, bare[i].key]));
  const rename = (id: string) => names.get(id) ?? id;
  const { pinnedIds = [], supernodes = [], clickedId } = file.qParams ?? {};
  return {
    view,
    annotations: {
      pins: pinnedIds.map(rename),
      supernodes: supernodes
        .filter((group) => group.length > 1)
        .map(([label, ...ids]) => [label, ...ids.map(rename)]),
      labels: new Map(),
      chosen: clickedId ? rename(clickedId) : '',
    },
  };
}

type BareNode = Omit<GraphNode, 'influence' | 'inputs' | 'errorShare'>;

function bareNode(node: GraphFileNode, top: number): BareNode {
  const kind = KINDS[node.feature_type];
  const layer = kind === 'token' ? -1 : kind === 'logit' ? top : Number(node.layer);
  const parts = node.node_id.split('_');
  // The second part is the feature's own number; some sources write other ids, but keep the pair.
  const own = Number(parts[1]);
  const index =
    kind === 'error' ? -1 : Number.isInteger(own) ? own : uncantor(Number(node.feature ?? 0));
  return {
    key: keyOf(node, kind),
    kind,
    layer,
    position: node.ctx_idx,
    index,
    label: node.clerp ? node.clerp : null,
    activation: node.activation ?? null,
    probability: kind === 'logit' ? (node.token_prob ?? 0) : null,
    density: null,
    presence: null,
    cumulative: node.influence ?? null,
  };
}

/** Writes what is shown, with pins, supernodes and names. */
export function writeGraphFile(
  view: GraphView,
  annotations: Annotations,
  context: {
    readonly model: string;
    readonly version: string;
    readonly nodeShare: number;
    readonly edgeShare: number;
  },
): GraphFile {
  const idOf = (node: GraphNode) =>
    node.kind === 'error' ? `0_${node.layer}_${node.position}` : node.key;
  const ids = new Map(view.nodes.map((node) => [node.key, idOf(node)]));
  const id = (key: string) => ids.get(key) ?? key;
  const best = view.nodes.reduce(
    (most, { probability }) => Math.max(most, probability ?? 0),
    Number.NEGATIVE_INFINITY,
  );
  const nodes = view.nodes.map((node): GraphFileNode => {
    const { kind, layer, index, position, activation, probability } = node;
    const text = annotations.labels.get(node.key) ?? node.label ?? '';
    const js = {
      feature: `${layer}_${index}-0`,
      error: `${layer}_${position}-0`,
      token: `E_${index}-${position}`,
      logit: `L_${index}-${position}`,
    };
    return {
      node_id: idOf(node),
      feature: { feature: cantor(layer, index), error: -1, token: position, logit: index }[kind],
      layer: kind === 'token' ? 'E' : String(kind === 'logit' ? view.layers + 1 : layer),
      ctx_idx: position,
      feature_type: TYPES[kind],
      token_prob: probability ?? 0,
      is_target_logit: kind === 'logit' && probability === best,
      run_idx: 0,
      reverse_ctx_idx: 0,
      jsNodeId: js[kind],
      clerp: text,
      influence: node.cumulative,
      activation,
    };
  });
  return {
    metadata: {
      slug:
        view.prompt
          .toLowerCase()
          .replace(/[^a-z0-9]+/g, '-')
          .slice(0, 40) || 'graph',
      scan: context.model,
      transcoder_list: [],
      prompt_tokens: [...view.tokens],
      prompt: view.prompt,
      node_threshold: context.nodeShare,
      schema_version: 1,
      info: { generator: { name: 'glassbox', version: context.version } },
      pruning_settings: { node_threshold: context.nodeShare, edge_threshold: context.edgeShare },
    },
    qParams: {
      pinnedIds: annotations.pins.map(id),
      supernodes: annotations.supernodes.map(([label, ...names]) => [label, ...names.map(id)]),
      linkType: 'both',
      clickedId: annotations.chosen === '' ? '' : id(annotations.chosen),
      sg_pos: '',
    },
    nodes,
    links: view.links.weight.map((weight, i) => ({
      source: idOf(view.nodes[view.links.source[i]]),
      target: idOf(view.nodes[view.links.target[i]]),
      weight,
    })),
  };
}
