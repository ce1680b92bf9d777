import { parseCircuitNode } from '../../../src/figures/circuit-layout.ts';
import type { CircuitCurveRequest } from '../../../src/lab/api.ts';
import { type CircuitEdge, type CircuitView, completeCircuit, edgeOf, onPath } from './view.ts';

/** A circuit as the Mechanistic Interpretability Benchmark writes it. */
export interface CircuitFile {
  readonly cfg: {
    readonly n_layers: number;
    readonly n_heads: number;
    readonly parallel_attn_mlp: boolean;
    readonly d_model: number;
  };
  readonly nodes: Readonly<Record<string, { readonly in_graph: boolean }>>;
  readonly edges: Readonly<Record<string, { readonly score: number; readonly in_graph: boolean }>>;
}

/** What is wrong with a file, and where. */
export type CircuitFault =
  | { readonly kind: 'json' }
  | { readonly kind: 'shape' | 'edge'; readonly what: string };

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const isCount = (value: unknown) => Number.isInteger(value) && Number(value) > 0;

/** When a node computes: a head and the MLP of its layer one after the other. */
function timeOf(name: string): number {
  const node = parseCircuitNode(name);
  if (node === null) return Number.NaN;
  if (node.kind === 'input') return -1;
  if (node.kind === 'logits') return Number.POSITIVE_INFINITY;
  return 2 * node.layer + (node.kind === 'mlp' ? 1 : 0);
}

function headOf(name: string): number {
  const node = parseCircuitNode(name);
  return node?.kind === 'head' ? node.head : 0;
}

/** Reads a file; the fault names the first thing that is not as it must be. */
export function readCircuitFile(
  text: string,
  name: string,
): { readonly view: CircuitView; readonly file: CircuitFile } | { readonly fault: CircuitFault } {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { fault: { kind: 'json' } };
  }
  const shape = (what: string) => ({ fault: { kind: 'shape', what } as const });
  if (!isRecord(json)) return shape('the file');
  const { cfg, nodes, edges: given } = json;
  if (!isRecord(cfg)) return shape('cfg');
  for (const field of ['n_layers', 'n_heads', 'd_model']) {
    if (!isCount(cfg[field])) return shape(`cfg.${field}`);
  }
  if (typeof cfg.parallel_attn_mlp !== 'boolean') return shape('cfg.parallel_attn_mlp');
  if (!isRecord(nodes)) return shape('nodes');
  if (!isRecord(given) || Object.keys(given).length === 0) return shape('edges');
  const file = json as unknown as CircuitFile;
  const { n_layers: layers, n_heads: heads, parallel_attn_mlp: parallel } = file.cfg;
  const known = (node: string) => {
    const found = parseCircuitNode(node);
    if (found === null) return false;
    if (found.kind === 'input' || found.kind === 'logits') return true;
    return found.layer < layers && (found.kind === 'mlp' || found.head < heads);
  };
  const found: { edge: CircuitEdge; kept: boolean }[] = [];
  for (const [edge, value] of Object.entries(given)) {
    const [from, receiver] = edge.split('->');
    const fault = { fault: { kind: 'edge', what: edge } as const };
    if (receiver === undefined || !isRecord(value)) return fault;
    if (!Number.isFinite(value.score) || typeof value.in_graph !== 'boolean') return fault;
    const one = edgeOf(from, receiver, Number(value.score));
    if (!known(one.from) || !known(one.to)) return fault;
    if ((parseCircuitNode(one.to)?.kind === 'head') !== (one.input !== null)) return fault;
    // In parallel blocks the MLP does not see the heads of its own layer.
    const gap = timeOf(one.to) - timeOf(one.from);
    const sameLayer = gap === 1 && timeOf(one.from) % 2 === 0;
    if (!(gap > 0) || (parallel && sameLayer)) return fault;
    found.push({ edge: one, kept: value.in_graph });
  }
  // When an edge computes, read from its names once: files have tens of thousands of edges.
  const keyed = found.map((one) => {
    const { from, to } = one.edge;
    return { ...one, key: [timeOf(to), headOf(to), timeOf(from), headOf(from)] };
  });
  keyed.sort((a, b) => {
    const at = a.key.findIndex((value, i) => value !== b.key[i]);
    return at < 0 ? 0 : a.key[at] < b.key[at] ? -1 : 1;
  });
  const view = completeCircuit({
    file: name,
    layers,
    heads,
    parallel,
    dModel: file.cfg.d_model,
    edges: keyed.map(({ edge }) => edge),
    kept: keyed.flatMap(({ kept }, i) => (kept ? [i] : [])),
  });
  return { view, file };
}

/** Writes a circuit with the edges of a choice. */
export function writeCircuitFile(view: CircuitView, kept: Iterable<number>): CircuitFile {
  const circuit = onPath(view, kept);
  const touched = new Set([...circuit].flatMap((i) => [view.edges[i].from, view.edges[i].to]));
  const range = (n: number) => Array.from({ length: n }, (_, i) => i);
  const names = [
    'input',
    ...range(view.layers).flatMap((layer) => [
      ...range(view.heads).map((head) => `a${layer}.h${head}`),
      `m${layer}`,
    ]),
    'logits',
  ];
  return {
    cfg: {
      n_layers: view.layers,
      n_heads: view.heads,
      parallel_attn_mlp: view.parallel,
      d_model: view.dModel,
    },
    nodes: Object.fromEntries(names.map((name) => [name, { in_graph: touched.has(name) }])),
    edges: Object.fromEntries(
      view.edges.map(({ name, score }, i) => [name, { score, in_graph: circuit.has(i) }]),
    ),
  };
}

/** The part of a request that carries a file. */
export function fileOfRequest(file: CircuitFile): NonNullable<CircuitCurveRequest['file']> {
  return { ...file };
}
