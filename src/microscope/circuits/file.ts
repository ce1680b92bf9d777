import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { GlassboxError } from '../../base/error.ts';
import { writeFileAtomic } from '../../base/files.ts';
import type { Model } from '../../model/model.ts';
import {
  type CircuitGraph,
  type CircuitShape,
  circuitGraph,
  circuitShape,
  type EdgeMask,
  type EdgeValues,
  edgeMask,
  edgeValues,
  nodesOf,
} from './graph.ts';

/** A graph with a score per edge and the edges that are kept. */
export interface Circuit {
  readonly graph: CircuitGraph;
  readonly scores: EdgeValues;
  readonly mask: EdgeMask;
}

const schema = z.object({
  cfg: z.object({
    n_layers: z.int().positive(),
    n_heads: z.int().positive(),
    parallel_attn_mlp: z.boolean(),
    d_model: z.int().positive(),
  }),
  nodes: z.record(z.string(), z.object({ in_graph: z.boolean() })),
  edges: z.record(z.string(), z.object({ score: z.number(), in_graph: z.boolean() })),
});

/** The contents of a circuit file, as the Mechanistic Interpretability Benchmark writes them. */
export type CircuitJson = z.infer<typeof schema>;

/** A circuit as a document for other tools. */
export function circuitToJson({ graph, scores, mask }: Circuit): CircuitJson {
  const { nLayers, nHeads, dModel, parallel } = graph.shape;
  const inGraph = new Set(nodesOf(graph, mask));
  return {
    cfg: { n_layers: nLayers, n_heads: nHeads, parallel_attn_mlp: parallel, d_model: dModel },
    nodes: Object.fromEntries(graph.nodes.map((node) => [node, { in_graph: inGraph.has(node) }])),
    edges: Object.fromEntries(
      graph.edges.map(({ name, index }) => [
        name,
        { score: scores[index], in_graph: mask[index] === 1 },
      ]),
    ),
  };
}

function bad(message: string, remedy: string, details = {}): GlassboxError {
  return new GlassboxError(message, { code: 'bad-circuit', remedy, details });
}

/** Most edges of a graph that is built: several times those of a model of 8 billion parameters. */
const MOST_EDGES = 8e6;

/** Refuses sizes whose graph would not fit in memory, before anything is built. */
function requireSize({ n_layers, n_heads }: CircuitJson['cfg']): void {
  const edges = (n_layers * (3 * n_heads + 1) * (1 + n_layers * (n_heads + 1))) / 2;
  if (edges <= MOST_EDGES) return;
  throw bad(
    `cfg says ${n_layers} layers with ${n_heads} heads, about ${edges.toPrecision(2)} edges; at most ${MOST_EDGES.toPrecision(1)} are read`,
    'Check cfg.n_layers and cfg.n_heads.',
    { n_layers, n_heads },
  );
}

/**
 * Reads a circuit document. Edges that are absent are cut and have score 0.
 *
 * @throws GlassboxError `bad-circuit` naming what is wrong: a missing field, or a node or edge that the
 *   graph of its `cfg` does not have
 */
export function circuitFromJson(document: unknown): Circuit {
  const parsed = schema.safeParse(document);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw bad(
      `the circuit is not as expected at ${issue.path.join('.') || 'the top'}: ${issue.message}`,
      'Give an object with cfg, nodes {name: {in_graph}} and edges {name: {score, in_graph}}.',
    );
  }
  const { cfg, nodes, edges } = parsed.data;
  requireSize(cfg);
  const graph = circuitGraph({
    nLayers: cfg.n_layers,
    nHeads: cfg.n_heads,
    dModel: cfg.d_model,
    parallel: cfg.parallel_attn_mlp,
  });
  const known = new Set(graph.nodes);
  const dangling = Object.keys(nodes).find((node) => !known.has(node));
  if (dangling !== undefined) {
    throw bad(
      `node '${dangling}' is not in a model of ${cfg.n_layers} layers with ${cfg.n_heads} heads`,
      'Check cfg, or remove the node.',
      { node: dangling },
    );
  }
  const places = new Map(graph.edges.map(({ name, index }) => [name, index]));
  const scores = edgeValues(graph);
  const mask = edgeMask(graph, 'none');
  for (const [name, { score, in_graph }] of Object.entries(edges)) {
    const index = places.get(name);
    if (index === undefined) {
      throw bad(
        `edge '${name}' is not in a model of ${cfg.n_layers} layers with ${cfg.n_heads} heads`,
        'Check cfg and that the edge runs forward.',
        { edge: name },
      );
    }
    scores[index] = score;
    mask[index] = in_graph ? 1 : 0;
  }
  return { graph, scores, mask };
}

/** Writes a circuit file. */
export async function writeCircuit(path: string, circuit: Circuit): Promise<void> {
  await writeFileAtomic(path, `${JSON.stringify(circuitToJson(circuit), null, 1)}\n`);
}

/** Reads a circuit file. Throws `no-file`, `bad-json`, `bad-circuit`. */
export async function readCircuit(path: string): Promise<Circuit> {
  const text = await readFile(path, 'utf8').catch((cause) => {
    throw new GlassboxError(`cannot read ${path}: ${cause.message}`, {
      code: 'no-file',
      remedy: 'Give the path of a circuit file, as written by: glassbox circuit find --out FILE',
      cause,
    });
  });
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (cause) {
    throw new GlassboxError(`${path} is not JSON: ${(cause as Error).message}`, {
      code: 'bad-json',
      remedy: 'Write the circuit again; the file may have been cut short.',
      cause,
    });
  }
  return circuitFromJson(document);
}

/**
 * Checks that a circuit is of a model's shape.
 *
 * @param name what the circuit is called in the message
 * @throws GlassboxError `circuit-mismatch`
 */
export function requireSameModel(model: Model, { graph }: Circuit, name: string): void {
  const say = ({ nLayers, nHeads, dModel, parallel }: CircuitShape) =>
    `${nLayers} layers, ${nHeads} heads, width ${dModel}, MLPs ${parallel ? 'beside' : 'after'} attention`;
  const [theirs, own] = [say(graph.shape), say(circuitShape(model.config))];
  if (theirs === own) return;
  throw new GlassboxError(`${name} is for a model of ${theirs}; ${model.name} has ${own}`, {
    code: 'circuit-mismatch',
    remedy: 'Name the model it was found in with --model.',
  });
}
