/** A node of a circuit: `input`, `logits`, `m` and its layer, `a` with layer and head. */
export type CircuitNode =
  | { readonly kind: 'input' }
  | { readonly kind: 'logits' }
  | { readonly kind: 'mlp'; readonly layer: number }
  | { readonly kind: 'head'; readonly layer: number; readonly head: number };

/** Reads a node's name, `a3.h1`; null for what is none. */
export function parseCircuitNode(name: string): CircuitNode | null {
  if (name === 'input') return { kind: 'input' };
  if (name === 'logits') return { kind: 'logits' };
  const [, layer, head] = /^a(\d+)\.h(\d+)$/.exec(name) ?? [];
  if (head !== undefined) return { kind: 'head', layer: Number(layer), head: Number(head) };
  const [, mlp] = /^m(\d+)$/.exec(name) ?? [];
  return mlp === undefined ? null : { kind: 'mlp', layer: Number(mlp) };
}

/** An edge to draw; `input` is where it enters a head. */
export interface CircuitFigureEdge {
  readonly from: string;
  readonly to: string;
  readonly input: 'q' | 'k' | 'v' | null;
  readonly score: number;
}

export interface CircuitSize {
  readonly layers: number;
  readonly heads: number;
  /** Heads and MLP of a layer read the same stream. */
  readonly parallel: boolean;
}

/** A box, by its middle. */
export interface CircuitBox {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Where everything lies, in px. */
export interface CircuitLayout {
  readonly width: number;
  readonly height: number;
  readonly band: number;
  readonly boxOf: (node: CircuitNode) => CircuitBox;
  /** The path of every edge, in their order. */
  readonly paths: readonly string[];
  /** Where an edge ends, for the name of a head's input. */
  readonly ends: readonly (readonly [x: number, y: number])[];
}

const LEFT = 40;
const RIGHT = 14;
/** How far bars reach beyond the columns, so that they meet the wires of the outermost lanes. */
const BEYOND = 12;
const BOX = { most: 52, least: 22, height: 20 } as const;
/** Narrowest column: a box and a lane that still tells wires apart. */
const COLUMN = 34;
const BAR = 20;
/** Between a bar and the layer beside it. */
const BAR_GAP = 26;
/** Heights of heads and MLP in a layer's band, from its lower edge. */
const HEADS_AT = 0.24;
const MLP_AT = 0.72;

const round = (value: number) => Math.round(value * 100) / 100;

/**
 * Layers upwards; a column per head and one for MLPs, so that a head always stands in the same place. Edges run as wires:
 * across in the gap above where they start, upwards in the lane beside the column they go to, so that none runs
 * through a box. Input and logits are bars as wide as the picture.
 */
export function circuitLayout(
  size: CircuitSize,
  edges: readonly CircuitFigureEdge[],
  options: { readonly width: number; readonly height?: number },
): CircuitLayout {
  const { layers, heads, parallel } = size;
  const columns = heads + 1;
  const column = Math.max(COLUMN, (options.width - LEFT - RIGHT) / columns);
  const width = LEFT + RIGHT + column * columns;
  const around = 2 * (BAR + BAR_GAP);
  const wanted = options.height === undefined ? 88 : (options.height - around) / layers;
  const band = Math.min(110, Math.max(54, wanted));
  const height = around + band * layers;
  const box = Math.min(BOX.most, Math.max(BOX.least, column * 0.58));
  const columnX = (at: number) => LEFT + (at + 0.5) * column;
  const floor = (layer: number) => height - BAR - BAR_GAP / 2 - layer * band;
  const middle = LEFT + (column * columns) / 2;

  const boxOf = (node: CircuitNode): CircuitBox => {
    switch (node.kind) {
      case 'input':
        return {
          x: middle,
          y: height - BAR / 2,
          width: column * columns + 2 * BEYOND,
          height: BAR,
        };
      case 'logits':
        return { x: middle, y: BAR / 2, width: column * columns + 2 * BEYOND, height: BAR };
      case 'mlp': {
        const y = floor(node.layer) - band * (parallel ? HEADS_AT : MLP_AT);
        return { x: columnX(heads), y, width: box, height: BOX.height };
      }
      case 'head': {
        const y = floor(node.layer) - band * HEADS_AT;
        return { x: columnX(node.head), y, width: box, height: BOX.height };
      }
    }
  };

  const wires = edges.map((edge) => wireOf(edge, { boxOf, size, band }));
  const lanes = laneOffsets(wires, (column - box) * 0.34);
  const drawn = wires.map((wire, i) => {
    if (wire === null) return { d: '', end: [0, 0] as const };
    const laneX = LEFT + (wire.lane ?? 0) * column + lanes[i];
    return draw(wire, { laneX, band });
  });
  return {
    width: round(width),
    height: round(height),
    band,
    boxOf,
    paths: drawn.map(({ d }) => d),
    ends: drawn.map(({ end }) => end),
  };
}

/** An edge before the wires of a lane are set apart. */
interface Wire {
  /** Null for a bar, which takes the wire wherever it arrives. */
  readonly startX: number | null;
  readonly startY: number;
  readonly endX: number | null;
  readonly endY: number;
  /** How high the gap above the source is. */
  readonly gap: number;
  /** Edge of a column, counted from the left; null where nothing lies between the ends. */
  readonly lane: number | null;
}

function columnOf(node: CircuitNode, heads: number): number | null {
  if (node.kind === 'mlp') return heads;
  return node.kind === 'head' ? node.head : null;
}

/** Rows that boxes stand in, from below; two nodes of neighbouring rows have nothing between them. */
function rowOf(node: CircuitNode): number {
  if (node.kind === 'input') return -1;
  return node.kind === 'logits' ? Number.POSITIVE_INFINITY : node.layer;
}

function wireOf(
  { from, to, input }: CircuitFigureEdge,
  {
    boxOf,
    size: { heads, parallel },
    band,
  }: {
    readonly boxOf: (node: CircuitNode) => CircuitBox;
    readonly size: CircuitSize;
    readonly band: number;
  },
): Wire | null {
  const [a, b] = [parseCircuitNode(from), parseCircuitNode(to)];
  if (a === null || b === null) return null;
  const [start, end] = [boxOf(a), boxOf(b)];
  const [left, right] = [columnOf(a, heads), columnOf(b, heads)];
  const port = { q: -end.width / 3, k: 0, v: end.width / 3, none: 0 }[input ?? 'none'];
  const ends = {
    startX: left === null ? null : start.x,
    startY: start.y - start.height / 2,
    endX: right === null ? null : end.x + port,
    endY: end.y + end.height / 2,
    gap: a.kind === 'mlp' && !parallel ? band * (1 + HEADS_AT - MLP_AT) - BOX.height : band * 0.5,
  };
  // Up the side of the target's column that faces the source; beside the source where the target is a bar.
  if (right === null) return { ...ends, lane: left === null ? 0 : left + 1 };
  if (left === null) {
    const direct = b.kind === 'head' && b.layer === 0;
    return { ...ends, lane: direct ? null : port > 0 ? right + 1 : right };
  }
  const steps = rowOf(b) - rowOf(a);
  const near = steps === 0 || (steps === 1 && b.kind === 'head');
  if (near) return { ...ends, lane: null };
  const side = left < right || (left === right && port <= 0) ? right : right + 1;
  return { ...ends, lane: side };
}

/** How far each wire is from the middle of its lane. */
function laneOffsets(wires: readonly (Wire | null)[], reach: number): number[] {
  const out = new Array<number>(wires.length).fill(0);
  const byLane = new Map<number, number[]>();
  wires.forEach((wire, i) => {
    if (wire === null || wire.lane === null) return;
    byLane.set(wire.lane, [...(byLane.get(wire.lane) ?? []), i]);
  });
  for (const members of byLane.values()) {
    // Long wires outside, in a fixed order, so that the same edges give the same picture.
    members.sort((a, b) => {
      const [one, two] = [wires[a]!, wires[b]!];
      return (one.startX ?? 0) - (two.startX ?? 0) || two.endY - one.endY || a - b;
    });
    const step = members.length > 1 ? Math.min(9, (2 * reach) / (members.length - 1)) : 0;
    members.forEach((wire, i) => {
      out[wire] = (i - (members.length - 1) / 2) * step;
    });
  }
  return out;
}

function draw(
  wire: Wire,
  place: { readonly laneX: number; readonly band: number },
): { readonly d: string; readonly end: readonly [number, number] } {
  const { startX, startY, endX, endY, lane, gap } = wire;
  const { laneX, band } = place;
  const at = (x: number, y: number) => `${round(x)} ${round(y)}`;
  if (lane === null) {
    const x1 = startX ?? endX ?? 0;
    const x2 = endX ?? x1;
    const half = (startY + endY) / 2;
    return {
      d: `M${at(x1, startY)}C${at(x1, half)} ${at(x2, half)} ${at(x2, endY)}`,
      end: [x2, endY],
    };
  }
  const x1 = startX ?? laneX;
  const x2 = endX ?? laneX;
  // Across within the gap above the source, then up, then into the target from below.
  const turn = startX === null ? startY : Math.max(endY, startY - gap * 0.9);
  const last = endX === null ? endY : Math.min(turn, endY + Math.min(16, band * 0.2));
  const across =
    startX === null
      ? ''
      : `C${at(x1, (startY + turn) / 2)} ${at(laneX, (startY + turn) / 2)} ${at(laneX, turn)}`;
  const into =
    endX === null
      ? ''
      : `C${at(laneX, (last + endY) / 2)} ${at(x2, (last + endY) / 2)} ${at(x2, endY)}`;
  return { d: `M${at(x1, startY)}${across}L${at(laneX, last)}${into}`, end: [x2, endY] };
}
