import { cloneElement, type VNode } from 'preact';
import { el, type FigureOptions, frame, px, TEXT, textWidth } from './svg.ts';

const GAP = 14;

/** Figures one above the other in one file, under a common title: the export of a whole panel. */
export function stackFigures(figures: readonly VNode[], options: FigureOptions): VNode {
  let y = options.heading === 'hidden' ? 0 : TEXT.title + GAP;
  let width = options.heading === 'hidden' ? 0 : textWidth(options.title, TEXT.title);
  const placed = figures.map((figure) => {
    const size = figure.props as unknown as { readonly width: number; readonly height: number };
    const here = cloneElement(figure, { y: px(y) } as object);
    y += size.height + GAP;
    width = Math.max(width, size.width);
    return here;
  });
  const height = Math.max(0, y - GAP);
  return frame({ ...options, width, height, description: `${figures.length}` }, [
    el('g', {}, ...placed),
  ]);
}
