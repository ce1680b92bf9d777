import type { CircuitResponse } from '../../../src/lab/api.ts';

/** Edges drawn and listed at most: more are neither legible nor quick. */
export const MOST_DRAWN = 400;
export const MOST_LISTED = 300;

/** An edge of a circuit's graph. */
export interface CircuitEdge {
  /** `a0.h1->a2.h0<q>`, as in circuit files. */
  readonly name: string;
  readonly from: string;
  /** The node it ends at, and the input of a head. */
  readonly to: string;
  readonly input: 'q' | 'k' | 'v' | null;
  readonly score: number;
}

/** A circuit that is looked at, whether found here or read from a file. */
export interface CircuitView {
  /** The file it came from; null for one that was found here. */
  readonly file: string | null;
  readonly layers: number;
  readonly heads: number;
  readonly parallel: boolean;
  readonly dModel: number;
  /** In order of computation. */
  readonly edges: readonly CircuitEdge[];
  /** Numbers of all edges, the strongest first. */
  readonly ranked: readonly number[];
  /** The place of every edge in `ranked`. */
  readonly rank: Int32Array;
  /** Edges that the method or the file keeps. */
  readonly kept: readonly number[];
  /** Sum of |score|. */
  readonly total: number;
  readonly reach: number;
}

const RECEIVER = /^(.*?)(?:<([qkv])>)?$/;

/** An edge from its ends' names. */
export function edgeOf(from: string, receiver: string, score: number): CircuitEdge {
  const [, to, input] = RECEIVER.exec(receiver) ?? ['', receiver];
  return {
    name: `${from}->${receiver}`,
    from,
    to,
    input: (input as CircuitEdge['input'] | undefined) ?? null,
    score,
  };
}

/** What is left to find out of edges. */
export function completeCircuit(
  parts: Omit<CircuitView, 'ranked' | 'rank' | 'total' | 'reach'>,
): CircuitView {
  const { edges } = parts;
  const size = (i: number) => Math.abs(edges[i].score);
  // Equal scores keep the order of computation, as the library's choice does.
  const ranked = edges.map((_, i) => i).sort((a, b) => size(b) - size(a) || a - b);
  const rank = new Int32Array(edges.length);
  ranked.forEach((edge, place) => {
    rank[edge] = place;
  });
  const total = edges.reduce((sum, { score }) => sum + Math.abs(score), 0);
  return { ...parts, ranked, rank, total, reach: size(ranked[0] ?? 0) };
}

/** The view of an answer. */
export function viewOfCircuit(answer: CircuitResponse): CircuitView {
  const { shape, nodes, receivers, sender, receiver, scores, kept } = answer;
  return completeCircuit({
    file: null,
    layers: shape.nLayers,
    heads: shape.nHeads,
    parallel: shape.parallel,
    dModel: shape.dModel,
    edges: scores.map((score, i) => edgeOf(nodes[sender[i]], receivers[receiver[i]], score)),
    kept,
  });
}

/** Which of some edges lie on a path from the input to the logits. */
export function onPath(view: CircuitView, kept: Iterable<number>): Set<number> {
  const inOrder = [...kept].sort((a, b) => a - b);
  const { edges } = view;
  const fed = new Set(['input']);
  // Edges come in order of computation, so one pass each way reaches everything.
  for (const i of inOrder) if (fed.has(edges[i].from)) fed.add(edges[i].to);
  const used = new Set(['logits']);
  for (const i of inOrder.toReversed()) if (used.has(edges[i].to)) used.add(edges[i].from);
  return new Set(inOrder.filter((i) => fed.has(edges[i].from) && used.has(edges[i].to)));
}

/** What became of an edge. */
export function statusOf({ kept, circuit }: Selection, edge: number): 'circuit' | 'dead' | 'cut' {
  return circuit.has(edge) ? 'circuit' : kept.has(edge) ? 'dead' : 'cut';
}

/** How many edges are kept where nobody chose: what the lab keeps, but no more than can be drawn well. */
export function usualCount({ edges }: CircuitView): number {
  return Math.min(Math.round(0.05 * edges.length), 200);
}

/** A choice of edges. */
export interface Selection {
  readonly kept: ReadonlySet<number>;
  /** Those of them on a path from input to logits: the circuit. */
  readonly circuit: ReadonlySet<number>;
  /** Part of the sum of |score| that the circuit has. */
  readonly share: number;
}

/** The edges of a size; null is what the method or the file keeps. */
export function selectEdges(view: CircuitView, count: number | null): Selection {
  const chosen = count === null ? view.kept : view.ranked.slice(0, count);
  const circuit = onPath(view, chosen);
  const held = [...circuit].reduce((sum, i) => sum + Math.abs(view.edges[i].score), 0);
  return { kept: new Set(chosen), circuit, share: view.total > 0 ? held / view.total : 0 };
}

/** Slider positions: every step multiplies the size, since the first edges matter most. */
export const SLIDER = 400;

export function countAt(position: number, edges: number): number {
  if (position <= 0 || edges === 0) return Math.min(1, edges);
  return Math.max(1, Math.round(Math.exp((position / SLIDER) * Math.log(edges))));
}

export function positionOf(count: number, edges: number): number {
  if (edges <= 1) return SLIDER;
  return Math.round((Math.log(Math.max(1, count)) / Math.log(edges)) * SLIDER);
}

/** Whether an edge has a searched text in its name; `a3.h1`, `<v>`, `logits`. */
export function edgeFits({ name }: CircuitEdge, text: string): boolean {
  return text
    .toLowerCase()
    .split(/\s+/)
    .filter(Boolean)
    .every((word) => name.includes(word));
}
