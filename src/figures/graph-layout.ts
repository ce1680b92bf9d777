/** What a node of an attribution graph stands for. */
export type GraphMark = 'feature' | 'error' | 'token' | 'logit';

/** Where a node belongs: its kind, the layer (−1 for tokens, the number of layers for logits), the token. */
export interface PlacedNode {
  readonly kind: GraphMark;
  readonly layer: number;
  readonly position: number;
}

/** Sizes in px. */
export interface GraphLayoutOptions {
  readonly tokens: number;
  readonly layers: number;
  readonly width: number;
  readonly height: number;
  /** Room for the names of layers, and for tokens below. */
  readonly left?: number;
  readonly bottom?: number;
}

export interface GraphColumn {
  readonly left: number;
  readonly width: number;
}

export interface GraphRow {
  /** −1 for tokens, the number of layers for logits. */
  readonly layer: number;
  /** Its middle. */
  readonly y: number;
}

/** Where everything lies, in px. */
export interface GraphLayout {
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly columns: readonly GraphColumn[];
  /** From the logits at the top to the tokens at the bottom. */
  readonly rows: readonly GraphRow[];
  readonly band: number;
  /** Wider than asked for when nodes would lie on each other. */
  readonly width: number;
  readonly height: number;
}

/** Distance between nodes: never under, and not needed over. */
const TIGHT = 8;
const LOOSE = 12;
/** Part of a row's height that nodes may fill; the rest parts the rows. */
const FILLED = 0.72;
const NARROWEST = 16;

/**
 * Position on the x-axis, layer on the y-axis. The x-axis is polylinear: every token has a column as wide as its
 * busiest layer needs, as in Anthropic's attribution-graph front end. Where rows are high, a cell's nodes
 * lie in several lines.
 */
export function graphLayout(
  nodes: readonly PlacedNode[],
  options: GraphLayoutOptions,
): GraphLayout {
  const { tokens, layers, height, left = 44, bottom = 72 } = options;
  const rowCount = layers + 2;
  const band = (height - bottom) / rowCount;
  const lines = Math.max(1, Math.floor((band * FILLED) / TIGHT));
  const cells = new Map<string, number[]>();
  nodes.forEach(({ layer, position }, i) => {
    const key = `${layer} ${position}`;
    const cell = cells.get(key);
    if (cell) cell.push(i);
    else cells.set(key, [i]);
  });
  const across = new Array<number>(tokens).fill(1);
  for (const [key, members] of cells) {
    const position = Number(key.split(' ')[1]);
    across[position] = Math.max(across[position] ?? 1, Math.ceil(members.length / lines));
  }
  const all = across.reduce((a, b) => a + b, 0);
  // A column with one node still needs room for a token's upright label.
  const room = options.width - left - 4 - NARROWEST * tokens;
  const step = Math.max(TIGHT, room / Math.max(1, all));
  const columns: GraphColumn[] = [];
  let edge = left;
  for (const count of across) {
    const width = NARROWEST + count * step;
    columns.push({ left: edge, width });
    edge += width;
  }
  const rows = Array.from({ length: rowCount }, (_, i): GraphRow => {
    return { layer: layers - i, y: (i + 0.5) * band };
  });
  const x = new Float64Array(nodes.length);
  const y = new Float64Array(nodes.length);
  for (const [key, members] of cells) {
    const [layer, position] = key.split(' ').map(Number);
    const column = columns[position];
    const middle = rows[layers - layer];
    if (!column || !middle) continue;
    const perLine = Math.min(across[position], members.length);
    const count = Math.ceil(members.length / perLine);
    const gap = Math.min(LOOSE, step);
    const rise = Math.min(LOOSE, (band * FILLED) / count);
    members.forEach((node, i) => {
      const line = Math.floor(i / perLine);
      const inLine = line === count - 1 ? members.length - line * perLine : perLine;
      x[node] = column.left + column.width / 2 + ((i % perLine) - (inLine - 1) / 2) * gap;
      y[node] = middle.y + (line - (count - 1) / 2) * rise;
    });
  }
  return { x, y, columns, rows, band, width: edge + 4, height };
}

/**
 * The outline of a node's mark around 0, 0: circle for a feature, diamond for an error, square for a token, and a
 * triangle for a logit, so that kinds are told apart without colour.
 */
export function markPath(kind: GraphMark, r: number): string {
  switch (kind) {
    case 'feature':
      return `M${-r} 0a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0z`;
    case 'error':
      return `M0 ${-r}L${r} 0L0 ${r}L${-r} 0z`;
    case 'token':
      return `M${-r} ${-r}h${2 * r}v${2 * r}h${-2 * r}z`;
    case 'logit':
      return `M0 ${-r}L${r} ${r}H${-r}z`;
  }
}

/** Finds the nearest of many points without looking at all of them: points by squares of a grid. */
export function nearestPoint(
  layout: Pick<GraphLayout, 'x' | 'y'>,
  reach: number,
): (x: number, y: number) => number | undefined {
  const squares = new Map<string, number[]>();
  const name = (x: number, y: number) => `${Math.floor(x / reach)} ${Math.floor(y / reach)}`;
  layout.x.forEach((x, i) => {
    const key = name(x, layout.y[i]);
    const square = squares.get(key);
    if (square) square.push(i);
    else squares.set(key, [i]);
  });
  return (x, y) => {
    let best: number | undefined;
    let least = reach * reach;
    for (const dx of [-reach, 0, reach]) {
      for (const dy of [-reach, 0, reach]) {
        for (const i of squares.get(name(x + dx, y + dy)) ?? []) {
          const distance = (layout.x[i] - x) ** 2 + (layout.y[i] - y) ** 2;
          if (distance > least) continue;
          least = distance;
          best = i;
        }
      }
    }
    return best;
  };
}
