import type { VNode } from 'preact';
import { formatValue } from './scale.ts';
import { el, type FigureOptions, frame, px, TEXT } from './svg.ts';

/** One feature of a toy model: its direction in one or two dimensions. */
export interface FeatureArrow {
  readonly name: string;
  /** `[x]` or `[x, y]` */
  readonly direction: readonly number[];
  /** Share of a dimension that it has to itself, in [0, 1]. */
  readonly dimension: number;
}

/** Words and size of {@link featureArrows}. */
export interface FeatureArrowsOptions extends FigureOptions {
  /** A line under the title: the loss with its standard error. */
  readonly note: string;
  /** Word before the share of a dimension; `D` unless told. */
  readonly dimensionTitle?: string;
  /** Of the square, in px; 260 unless told. */
  readonly size?: number;
}

const PAD = 26;

/**
 * Directions of features as arrows from the origin with the unit circle (Elhage et al. 2022): how a toy model packs
 * more features than dimensions. What is shorter than a tenth is not represented and drawn as a point.
 */
export function featureArrows(
  arrows: readonly FeatureArrow[],
  options: FeatureArrowsOptions,
): VNode {
  const { palette, size = 260, dimensionTitle = 'D' } = options;
  const top = (options.heading === 'hidden' ? 0 : TEXT.title + 8) + TEXT.label + 10;
  const lengths = arrows.map(({ direction }) => Math.hypot(...direction));
  const reach = Math.max(1, ...lengths);
  const scale = (size / 2 - PAD) / reach;
  const [cx, cy] = [size / 2, top + size / 2];
  // A column of a one-dimensional model lies on the horizontal axis.
  const end = ({ direction: [x, y = 0] }: FeatureArrow) => [cx + x * scale, cy - y * scale];
  const axis = (x1: number, y1: number, x2: number, y2: number) =>
    el('line', { x1, y1, x2, y2, stroke: palette.colour('hairline'), 'stroke-width': 0.5 });
  return frame(
    {
      ...options,
      width: size,
      height: top + size + 4,
      description: `${options.note}; ${arrows.length}`,
    },
    [
      el('text', { x: 0, y: top - 8, fill: palette.colour('muted') }, options.note),
      axis(px(cx - size / 2 + 4), px(cy), px(cx + size / 2 - 4), px(cy)),
      axis(px(cx), px(cy - size / 2 + 4), px(cx), px(cy + size / 2 - 4)),
      el('circle', {
        cx: px(cx),
        cy: px(cy),
        r: px(scale),
        fill: 'none',
        stroke: palette.colour('muted'),
        'stroke-width': 0.5,
        'stroke-dasharray': '3 3',
      }),
      ...arrows.map((arrow, i) => {
        const [x, y] = end(arrow);
        const dropped = lengths[i] < 0.1;
        const about = `${arrow.name}: ‖W‖ ${formatValue(lengths[i])}, ${dimensionTitle} ${formatValue(arrow.dimension)}`;
        const [dx, dy] = dropped ? [0, 1] : [(x - cx) / lengths[i], (y - cy) / lengths[i]];
        const far = Math.hypot(dx, dy) || 1;
        return el(
          'g',
          {},
          el('title', {}, about),
          el('line', {
            x1: px(cx),
            y1: px(cy),
            x2: px(x),
            y2: px(y),
            stroke: palette.colour('line'),
            'stroke-width': 1.5,
          }),
          el('circle', {
            cx: px(x),
            cy: px(y),
            r: dropped ? 4.5 : 3.5,
            fill: dropped ? palette.colour('paper') : palette.colour('line'),
            stroke: palette.colour('line'),
          }),
          el(
            'text',
            {
              x: px(x + (dx / far) * 13),
              y: px(y + (dy / far) * 13 + TEXT.label * 0.35),
              'text-anchor': 'middle',
            },
            arrow.name,
          ),
        );
      }),
    ],
  );
}
