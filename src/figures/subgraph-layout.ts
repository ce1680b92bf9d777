import { TEXT, textWidth } from './svg.ts';

/** What the layout needs of a part: its name, where it belongs, what is written in it. */
export interface SubgraphPart {
  readonly id: string;
  readonly label: string;
  /** Mean layer and position of its members. */
  readonly layer: number;
  readonly position: number;
  /** Names of members that are shown one by one. */
  readonly rows?: readonly string[];
}

export interface SubgraphLink {
  readonly source: number;
  readonly target: number;
  /** Share of the target's input, signed, in [−1, 1]. */
  readonly share: number;
}

/** A place in thousandths of the picture's width and height: the middle of a part. */
export interface SubgraphPlacing {
  readonly x: number;
  readonly y: number;
}

/** A part's box in px. */
export interface SubgraphBox {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface SubgraphLayout {
  readonly boxes: readonly SubgraphBox[];
  readonly width: number;
  readonly height: number;
}

/** Sizes of a box in px; `head` is its height without rows. */
export const BOX = { head: 34, row: 16, most: 200, least: 92, gap: 14, rise: 44 } as const;

/** Steps of relaxation, and of those that part boxes only. */
const STEPS = 120;
const LAST_STEPS = 60;
const MOST_WIDE = 0.35;

type Moving = { x: number; y: number; readonly width: number; readonly height: number };

/** Pushes two boxes apart along the way that is shorter; what is held stays, what belongs on one level parts sideways. */
function part(
  pair: readonly [Moving, Moving],
  held: readonly [boolean, boolean],
  level: boolean,
): void {
  const [a, b] = pair;
  if (held[0] && held[1]) return;
  const right = a.x + a.width / 2 <= b.x + b.width / 2;
  const below = a.y + a.height / 2 <= b.y + b.height / 2;
  const overX = (right ? a.x + a.width - b.x : b.x + b.width - a.x) + BOX.gap;
  const overY = (below ? a.y + a.height - b.y : b.y + b.height - a.y) + BOX.gap;
  if (overX <= 0 || overY <= 0) return;
  const sideways = level || overX < overY;
  const over = sideways ? overX : overY;
  const sign = (sideways ? right : below) ? 1 : -1;
  const [shareA, shareB] = held[0] ? [0, 1] : held[1] ? [1, 0] : [0.5, 0.5];
  if (sideways) {
    a.x -= sign * over * shareA;
    b.x += sign * over * shareB;
  } else {
    a.y -= sign * over * shareA;
    b.y += sign * over * shareB;
  }
}

/**
 * Places the parts of a subgraph: by token from left to right and by layer from the bottom up, drawn together by their links and
 * pushed apart where they would lie on each other. The same parts always lie alike: nothing is random.
 *
 * @param options `width` in px, the least there is; `fixed` places that stay, by id
 */
export function subgraphLayout(
  data: { readonly nodes: readonly SubgraphPart[]; readonly links: readonly SubgraphLink[] },
  options: { readonly width: number; readonly fixed?: ReadonlyMap<string, SubgraphPlacing> },
): SubgraphLayout {
  const { nodes, links } = data;
  const most = Math.max(BOX.least, Math.min(BOX.most, options.width * MOST_WIDE));
  const sizes = nodes.map(({ label, rows = [] }) => {
    const wanted = Math.max(
      textWidth(label, TEXT.label) + 30,
      ...rows.map((row) => textWidth(row, 10) + 24),
    );
    const width = Math.min(most, Math.max(BOX.least, wanted));
    return { width, height: BOX.head + rows.length * BOX.row };
  });
  const levels = [...new Set(nodes.map(({ layer }) => Math.round(layer)))].sort((a, b) => b - a);
  const levelOf = nodes.map(({ layer }) => levels.indexOf(Math.round(layer)));
  const tops: number[] = [];
  let height = 0;
  let width = options.width;
  levels.forEach((_, level) => {
    const own = sizes.filter((_size, i) => levelOf[i] === level);
    tops.push(height);
    height += Math.max(...own.map((size) => size.height)) + BOX.rise;
    width = Math.max(
      width,
      own.reduce((sum, size) => sum + size.width + BOX.gap, -BOX.gap),
    );
  });
  height = Math.max(BOX.head, height - BOX.rise);
  const first = Math.min(...nodes.map(({ position }) => position));
  const span = Math.max(1, Math.max(...nodes.map(({ position }) => position)) - first);
  const homes = nodes.map(({ position }, i) => ({
    x: ((position - first) / span) * (width - sizes[i].width),
    y: tops[levelOf[i]],
  }));
  const held = nodes.map(({ id }) => options.fixed?.has(id) === true);
  const boxes = nodes.map(({ id }, i): Moving => {
    const place = options.fixed?.get(id);
    if (place === undefined) return { ...homes[i], ...sizes[i] };
    const x = (place.x / 1000) * width - sizes[i].width / 2;
    const y = (place.y / 1000) * height - sizes[i].height / 2;
    return { x, y, ...sizes[i] };
  });
  const clamp = () =>
    boxes.forEach((box) => {
      box.x = Math.min(Math.max(0, box.x), width - box.width);
      box.y = Math.min(Math.max(0, box.y), height - box.height);
    });
  clamp();
  for (let step = 0; step < STEPS + LAST_STEPS; step++) {
    if (step < STEPS) {
      boxes.forEach((box, i) => {
        if (held[i]) return;
        box.x += (homes[i].x - box.x) * 0.08;
        box.y += (homes[i].y - box.y) * 0.15;
      });
      for (const { source, target, share } of links) {
        const [a, b] = [boxes[source], boxes[target]];
        const pull =
          (b.x + b.width / 2 - a.x - a.width / 2) * 0.03 * Math.min(1, Math.abs(share) * 3);
        if (!held[source]) a.x += pull;
        if (!held[target]) b.x -= pull;
      }
    }
    for (let i = 0; i < boxes.length; i++) {
      for (let j = i + 1; j < boxes.length; j++) {
        const level = levelOf[i] === levelOf[j] && !held[i] && !held[j];
        part([boxes[i], boxes[j]], [held[i], held[j]], level);
      }
    }
    clamp();
  }
  levels.forEach((_, level) => {
    const row = boxes.filter((_box, i) => levelOf[i] === level && !held[i]);
    spread(row, width);
  });
  return { boxes, width, height };
}

/** What pushing left over: the boxes of a level from left to right without overlap, then back from the right edge. */
function spread(row: readonly Moving[], width: number): void {
  const order = [...row].sort((a, b) => a.x - b.x);
  let edge = 0;
  for (const box of order) {
    box.x = Math.max(box.x, edge);
    edge = box.x + box.width + BOX.gap;
  }
  let limit = width;
  for (const box of order.reverse()) {
    box.x = Math.min(box.x, limit - box.width);
    limit = box.x - BOX.gap;
  }
}

/** The middle of a box in thousandths of its layout. */
export function placingOf(layout: SubgraphLayout, index: number): SubgraphPlacing {
  const { x, y, width, height } = layout.boxes[index];
  return {
    x: Math.round(((x + width / 2) / layout.width) * 1000),
    y: Math.round(((y + height / 2) / layout.height) * 1000),
  };
}
