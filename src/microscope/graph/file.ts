import { GlassboxError } from '../../base/error.ts';
import { fileNode } from './format/file-node.ts';
import { fileIds } from './format/node-ids.ts';
import { type PruneOptions, pruneGraph } from './prune.ts';
import { type GraphFile, type GraphFileNode, graphFileSchema } from './schema.ts';
import type { AttributionGraph, GraphNode } from './types.ts';

/** Labels by node: what a feature is about. */
export type NodeLabels = (node: GraphNode) => string | null;

/** How a graph is named and pruned for a file. */
export interface GraphFileOptions extends PruneOptions {
  /** A name for the file, unique among those shown together. */
  readonly slug: string;
  /** The model's name as front ends know it. */
  readonly scan: string;
  readonly labels?: NodeLabels;
  /** Where the dictionaries came from. */
  readonly transcoders?: readonly string[];
  readonly generator?: { readonly name: string; readonly version: string; readonly url?: string };
}

/** A file with what it leaves out. */
export interface WrittenGraph {
  readonly file: GraphFile;
  /** Nodes and edges in the file, and in the graph it was made from. */
  readonly shown: { readonly nodes: number; readonly links: number };
  readonly total: { readonly nodes: number; readonly links: number };
}

/**
 * Prunes a graph and writes it in the public format. Nodes and edges that pruning takes away are counted
 * in the result.
 */
export function toGraphFile(graph: AttributionGraph, options: GraphFileOptions): WrittenGraph {
  const { nodes, adjacency } = graph;
  const n = nodes.length;
  const weights = nodes.map(({ probability }) => probability ?? 0);
  const kinds = nodes.map(({ kind }) => kind);
  const { keepNodes, keepEdges, cumulative } = pruneGraph(kinds, adjacency, weights, options);
  const best = weights.indexOf(Math.max(...weights));
  const ids = fileIds(nodes, graph.nLayers);
  const kept = nodes
    .map((node, i) => ({ node, i }))
    .filter(({ i }) => keepNodes[i])
    .map(({ node, i }) => {
      const named = node.kind === 'logit' ? graph.outputs : graph.tokens;
      return fileNode({
        ...node,
        id: ids[i],
        influence: cumulative[i],
        target: i === best,
        text: named.find(({ id }) => id === node.index)?.text ?? `#${node.index}`,
        label: options.labels?.(node) ?? null,
        nLayers: graph.nLayers,
        nTokens: graph.tokens.length,
      });
    });
  const links: GraphFile['links'] = [];
  let total = 0;
  for (let i = 0; i < n * n; i++) {
    if (adjacency[i] === 0) continue;
    total++;
    if (keepEdges[i] !== 1) continue;
    links.push({ source: ids[i % n], target: ids[Math.floor(i / n)], weight: adjacency[i] });
  }
  const file: GraphFile = {
    metadata: {
      slug: options.slug,
      scan: options.scan,
      transcoder_list: [...(options.transcoders ?? [])],
      prompt_tokens: graph.tokens.map(({ text }) => text),
      prompt: graph.prompt,
      node_threshold: options.nodeShare ?? 0.8,
      schema_version: 1,
      ...(options.generator && {
        info: { generator: options.generator, create_time_ms: Date.now() },
      }),
      pruning_settings: {
        node_threshold: options.nodeShare ?? 0.8,
        edge_threshold: options.edgeShare ?? 0.98,
      },
    },
    qParams: { pinnedIds: [], supernodes: [], linkType: 'both', clickedId: '', sg_pos: '' },
    nodes: kept,
    links,
  };
  return {
    file,
    shown: { nodes: kept.length, links: links.length },
    total: { nodes: n, links: total },
  };
}

function problem(source: string, message: string, remedy: string): GlassboxError {
  return new GlassboxError(`${source}: ${message}`, { code: 'bad-graph-file', remedy });
}

/** What tells two nodes apart: a feature of layer 0 and an error can have the same id. */
export function nodeKey(node: GraphFileNode): string {
  return `${node.feature_type} ${node.node_id}`;
}

/**
 * Checks a parsed graph file: fields, that no node occurs twice, and that every link ends at a node. Node ids
 * are compared together with their type, since an error's id has the form of a feature's.
 *
 * @throws GlassboxError `bad-graph-file`, naming the field, the id or the link
 */
export function parseGraphFile(json: unknown, source = 'graph'): GraphFile {
  const parsed = graphFileSchema.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw problem(
      source,
      `${issue.path.join('.') || 'the file'}: ${issue.message}`,
      'Give a graph as circuit-tracer, Neuronpedia or glassbox trace write it.',
    );
  }
  const { nodes, links } = parsed.data;
  const keys = new Set<string>();
  const ids = new Set<string>();
  for (const one of nodes) {
    const key = nodeKey(one);
    if (keys.has(key)) {
      throw problem(
        source,
        `the node ${one.node_id} (${one.feature_type}) occurs twice`,
        'Remove one of the two.',
      );
    }
    keys.add(key);
    ids.add(one.node_id);
  }
  links.forEach((one, index) => {
    for (const end of [one.source, one.target]) {
      if (!ids.has(end)) {
        throw problem(
          source,
          `link ${index} ends at ${end}, which is no node`,
          'Remove the link, or add the node.',
        );
      }
    }
    if (!Number.isFinite(one.weight)) {
      throw problem(source, `link ${index} has the weight ${one.weight}`, 'Give finite weights.');
    }
  });
  return parsed.data;
}
