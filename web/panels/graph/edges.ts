import type { GraphLayout } from '../../../src/figures/graph-layout.ts';
import type { GraphView } from './view.ts';

/** Colours as the canvas takes them: it knows no custom properties. */
export interface EdgeColours {
  readonly positive: string;
  readonly negative: string;
}

/** Reads the theme's colours, resolved, from an element. */
export function edgeColours(probe: HTMLElement): EdgeColours {
  const read = (name: string) => {
    // The hues are made for backgrounds; a thin line needs more contrast in both themes.
    probe.style.color = `color-mix(in srgb, var(--gb-${name}) 68%, var(--gb-ink))`;
    return getComputedStyle(probe).color;
  };
  return { positive: read('positive'), negative: read('negative') };
}

/** Makes a canvas as sharp as the screen and clears it. */
export function prepare(
  canvas: HTMLCanvasElement,
  size: { readonly width: number; readonly height: number },
): CanvasRenderingContext2D | null {
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [Math.round(size.width * ratio), Math.round(size.height * ratio)];
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  const context = canvas.getContext('2d');
  if (context === null) return null;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, size.width, size.height);
  return context;
}

function curve(context: CanvasRenderingContext2D, layout: GraphLayout, ends: [number, number]) {
  const [source, target] = ends;
  const [x1, y1, x2, y2] = [layout.x[source], layout.y[source], layout.x[target], layout.y[target]];
  const middle = (y1 + y2) / 2;
  context.moveTo(x1, y1);
  context.bezierCurveTo(x1, middle, x2, middle, x2, y2);
}

/** Steps of strength, so that thousands of links need a few strokes only. */
const STEPS = 6;

/** All links, faint, the stronger the darker. */
export function drawAll(
  context: CanvasRenderingContext2D,
  drawing: {
    readonly view: GraphView;
    readonly layout: GraphLayout;
    readonly colours: EdgeColours;
    readonly fits: (weight: number) => boolean;
    readonly faint: boolean;
  },
): void {
  const { view, layout, colours, fits } = drawing;
  const { links, nodes } = view;
  const paths = new Map<string, [number, number][]>();
  links.weight.forEach((weight, i) => {
    if (!fits(weight)) return;
    const share = Math.abs(weight) / Math.max(nodes[links.target[i]].inputs, 1e-10);
    const step = Math.min(STEPS - 1, Math.floor(Math.sqrt(share) * STEPS));
    const key = `${weight < 0 ? 'negative' : 'positive'} ${step}`;
    const list = paths.get(key);
    const ends: [number, number] = [links.source[i], links.target[i]];
    if (list) list.push(ends);
    else paths.set(key, [ends]);
  });
  for (const [key, list] of [...paths].sort(([a], [b]) => Number(a.at(-1)) - Number(b.at(-1)))) {
    const [sign, step] = key.split(' ') as ['positive' | 'negative', string];
    const strength = (Number(step) + 0.5) / STEPS;
    context.strokeStyle = colours[sign];
    context.globalAlpha = (0.09 + 0.7 * strength ** 1.5) * (drawing.faint ? 0.3 : 1);
    context.lineWidth = 0.5 + 2 * strength;
    context.beginPath();
    for (const ends of list) curve(context, layout, ends);
    context.stroke();
  }
  context.globalAlpha = 1;
}

/** The links of one node, plain to see; negative ones are dashed. */
export function drawOwn(
  context: CanvasRenderingContext2D,
  drawing: {
    readonly view: GraphView;
    readonly layout: GraphLayout;
    readonly colours: EdgeColours;
    readonly fits: (weight: number) => boolean;
    readonly node: number;
  },
): void {
  const { view, layout, colours, node, fits } = drawing;
  const { links, nodes } = view;
  for (const i of [...view.into[node], ...view.from[node]]) {
    const weight = links.weight[i];
    if (!fits(weight)) continue;
    const share = Math.abs(weight) / Math.max(nodes[links.target[i]].inputs, 1e-10);
    context.strokeStyle = weight < 0 ? colours.negative : colours.positive;
    context.globalAlpha = 0.35 + 0.65 * Math.sqrt(Math.min(1, share));
    context.lineWidth = 0.8 + 5 * Math.min(1, share);
    context.setLineDash(weight < 0 ? [5, 3] : []);
    context.beginPath();
    curve(context, layout, [links.source[i], links.target[i]]);
    context.stroke();
  }
  context.setLineDash([]);
  context.globalAlpha = 1;
}
