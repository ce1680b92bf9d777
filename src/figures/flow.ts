import { cloneElement, type VNode } from 'preact';
import { el, type FigureOptions, frame, px, TEXT } from './svg.ts';

const GAP = 20;

/** Figures side by side as long as they fit, then in further rows: a page of small multiples in one file. */
export function flowFigures(
  figures: readonly VNode[],
  options: FigureOptions & { readonly width: number },
): VNode {
  const top = options.heading === 'hidden' ? 0 : TEXT.title + 14;
  let [x, y, row, used] = [0, top, 0, 0];
  const placed = figures.map((figure) => {
    const size = figure.props as unknown as { readonly width: number; readonly height: number };
    if (x > 0 && x + size.width > options.width) {
      x = 0;
      y += row + GAP;
      row = 0;
    }
    const here = cloneElement(figure, { x: px(x), y: px(y) } as object);
    x += size.width + GAP;
    used = Math.max(used, x - GAP);
    row = Math.max(row, size.height);
    return here;
  });
  const height = y + row;
  return frame({ ...options, width: used, height, description: `${figures.length}` }, [
    el('g', {}, ...placed),
  ]);
}
