import { GlassboxError, nearestNames } from '../../base/error.ts';
import type { ModelConfig } from '../../model/config.ts';

/** What decides which nodes and edges the circuit graph of a model has. */
export interface CircuitShape {
  readonly nLayers: number;
  readonly nHeads: number;
  readonly dModel: number;
  /** The MLP reads the block's input, so heads of its own layer do not reach it. */
  readonly parallel: boolean;
}

/** Which input of a head an edge ends in. */
export type HeadInput = 'q' | 'k' | 'v';

/** A node that writes into the residual stream. */
export type Sender =
  | { readonly kind: 'input' }
  | { readonly kind: 'head'; readonly layer: number; readonly head: number }
  | { readonly kind: 'mlp'; readonly layer: number };

/** An input that reads the residual stream. */
export type Receiver =
  | {
      readonly kind: 'head';
      readonly layer: number;
      readonly head: number;
      readonly input: HeadInput;
    }
  | { readonly kind: 'mlp'; readonly layer: number }
  | { readonly kind: 'logits' };

/** From a sender to a receiver, by their indices. */
export interface Edge {
  readonly sender: number;
  readonly receiver: number;
  /** As in circuit files, e.g. `a0.h1->m2`, `input->a0.h0<q>`. */
  readonly name: string;
  /** Place in an {@link EdgeValues} array. */
  readonly index: number;
}

/** One number per receiver and sender, `[receivers, senders]`; places without an edge are 0. */
export type EdgeValues = Float64Array;

/** Which edges are kept, laid out as {@link EdgeValues}: 1 kept, 0 cut. */
export type EdgeMask = Uint8Array;

/**
 * The computational graph of a transformer at the level of heads and MLPs: every node writes into the
 * residual stream, every later input reads the sum. GPT-2 small has 158 nodes and 32,491 edges.
 */
export interface CircuitGraph {
  readonly shape: CircuitShape;
  readonly senders: readonly Sender[];
  readonly receivers: readonly Receiver[];
  /** Names of nodes: senders and `logits`. */
  readonly nodes: readonly string[];
  readonly edges: readonly Edge[];
}

const inputs: readonly HeadInput[] = ['q', 'k', 'v'];

const range = (n: number) => Array.from({ length: n }, (_, i) => i);

/** The shape of a model's circuit graph. */
export function circuitShape(config: ModelConfig): CircuitShape {
  const { nLayers, nHeads, dModel, parallelBlocks } = config;
  return { nLayers, nHeads, dModel, parallel: parallelBlocks };
}

/** The name of a sender: `input`, `a{layer}.h{head}`, `m{layer}`. */
export function senderName(sender: Sender): string {
  if (sender.kind === 'input') return 'input';
  return sender.kind === 'mlp' ? `m${sender.layer}` : `a${sender.layer}.h${sender.head}`;
}

/** The name of a receiver: `a{layer}.h{head}<q>`, `m{layer}`, `logits`. */
export function receiverName(receiver: Receiver): string {
  if (receiver.kind === 'logits') return 'logits';
  if (receiver.kind === 'mlp') return `m${receiver.layer}`;
  return `a${receiver.layer}.h${receiver.head}<${receiver.input}>`;
}

/** The node a receiver belongs to: a head for its three inputs. */
export function receiverNode(receiver: Receiver): string {
  return receiverName(receiver).replace(/<.>$/, '');
}

/** How many senders, from the first on, come before a receiver. */
export function sendersBefore(shape: CircuitShape, receiver: Receiver): number {
  const { nLayers, nHeads, parallel } = shape;
  const before = (layer: number) => 1 + layer * (nHeads + 1);
  if (receiver.kind === 'logits') return before(nLayers);
  const own = receiver.kind === 'mlp' && !parallel ? nHeads : 0;
  return before(receiver.layer) + own;
}

/** The index of the first sender of a layer, its head 0. */
export function firstSender(shape: CircuitShape, layer: number): number {
  return 1 + layer * (shape.nHeads + 1);
}

/** The index of the first receiver of a layer, the query of head 0; `n_layers` gives the logits. */
export function firstReceiver(shape: CircuitShape, layer: number): number {
  return layer * (3 * shape.nHeads + 1);
}

/** Builds the graph of a shape. */
export function circuitGraph(shape: CircuitShape): CircuitGraph {
  const { nLayers, nHeads } = shape;
  const senders: Sender[] = [
    { kind: 'input' },
    ...range(nLayers).flatMap((layer): Sender[] => [
      ...range(nHeads).map((head): Sender => ({ kind: 'head', layer, head })),
      { kind: 'mlp', layer },
    ]),
  ];
  const receivers: Receiver[] = [
    ...range(nLayers).flatMap((layer): Receiver[] => [
      ...inputs.flatMap((input) =>
        range(nHeads).map((head): Receiver => ({ kind: 'head', layer, head, input })),
      ),
      { kind: 'mlp', layer },
    ]),
    { kind: 'logits' },
  ];
  const names = senders.map(senderName);
  const edges = receivers.flatMap((to, receiver) => {
    const end = receiverName(to);
    return range(sendersBefore(shape, to)).map((sender) => ({
      sender,
      receiver,
      name: `${names[sender]}->${end}`,
      index: receiver * senders.length + sender,
    }));
  });
  return { shape, senders, receivers, nodes: [...names, 'logits'], edges };
}

/** Room for one number per edge. */
export function edgeValues(graph: CircuitGraph): EdgeValues {
  return new Float64Array(graph.receivers.length * graph.senders.length);
}

/** A mask that keeps every edge, or none. */
export function edgeMask(graph: CircuitGraph, keep: 'all' | 'none' = 'all'): EdgeMask {
  const mask = new Uint8Array(graph.receivers.length * graph.senders.length);
  if (keep === 'all') for (const { index } of graph.edges) mask[index] = 1;
  return mask;
}

/** The edge of a name. Throws `unknown-edge`, naming the nearest. */
export function findEdge(graph: CircuitGraph, name: string): Edge {
  const found = graph.edges.find((edge) => edge.name === name);
  if (found) return found;
  const nearest = nearestNames(
    name,
    graph.edges.map((edge) => edge.name),
  );
  throw new GlassboxError(`there is no edge '${name}' in this model's graph`, {
    code: 'unknown-edge',
    remedy: `Nearest edges: ${nearest.join(', ')}.`,
    details: { edge: name, nearest },
  });
}

/** Removes edges that no path from the input to the logits runs through. Returns a new mask. */
export function pruneDeadEnds(graph: CircuitGraph, mask: EdgeMask): EdgeMask {
  const fed = new Set(['input']);
  const kept = graph.edges.filter(({ index }) => mask[index]);
  const from = graph.senders.map(senderName);
  const to = graph.receivers.map(receiverNode);
  // Receivers come in order of computation, so one pass each way reaches everything.
  for (const { sender, receiver } of kept) if (fed.has(from[sender])) fed.add(to[receiver]);
  const used = new Set(['logits']);
  for (const { sender, receiver } of [...kept].reverse()) {
    if (used.has(to[receiver])) used.add(from[sender]);
  }
  const out = edgeMask(graph, 'none');
  for (const { sender, receiver, index } of kept) {
    if (fed.has(from[sender]) && used.has(to[receiver])) out[index] = 1;
  }
  return out;
}

/** How many edges a mask keeps. */
export function countEdges(mask: EdgeMask): number {
  return mask.reduce((sum, kept) => sum + kept, 0);
}

/** The nodes that kept edges touch. */
export function nodesOf(graph: CircuitGraph, mask: EdgeMask): string[] {
  const touched = new Set<string>();
  for (const { sender, receiver, index } of graph.edges) {
    if (!mask[index]) continue;
    touched.add(senderName(graph.senders[sender]));
    touched.add(receiverNode(graph.receivers[receiver]));
  }
  return graph.nodes.filter((node) => touched.has(node));
}
