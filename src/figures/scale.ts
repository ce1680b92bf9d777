import type { Palette } from './palette.ts';

/** Turns a value into the fill of its cell. */
export interface ColourScale {
  readonly kind: 'sequential' | 'diverging';
  /** Values at the two ends; a diverging scale has 0 in the middle. */
  readonly domain: readonly [number, number];
  readonly fill: (value: number) => string;
}

/** Options of a colour scale. */
export interface ColourScaleOptions {
  readonly kind: 'sequential' | 'diverging';
  readonly palette: Palette;
  /** The ends; without them they are taken from the finite values. */
  readonly domain?: readonly [number, number];
}

/**
 * A colour scale over some values. Sequential: magnitude from paper to one hue. Diverging: signed
 * effect, negative and positive hue with paper at 0 and the same reach on both sides, so that equal
 * shades mean equal size. Values outside the domain take the end's colour.
 */
export function colourScale(values: Iterable<number>, options: ColourScaleOptions): ColourScale {
  const { kind, palette } = options;
  const [low, high] = options.domain ?? finiteExtent(values);
  if (kind === 'diverging') {
    const reach = Math.max(Math.abs(low), Math.abs(high)) || 1;
    return {
      kind,
      domain: [-reach, reach],
      fill: (value) => palette.tint(value < 0 ? 'negative' : 'positive', Math.abs(value) / reach),
    };
  }
  const start = options.domain === undefined ? Math.min(0, low) : low;
  const span = high - start || 1;
  return {
    kind,
    domain: [start, start + span],
    fill: (value) => palette.tint('magnitude', (value - start) / span),
  };
}

function finiteExtent(values: Iterable<number>): [number, number] {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return low > high ? [0, 1] : [low, high];
}

/**
 * A number for people: three significant digits, a true minus sign, and a plus sign where `signed`
 * (sign must never be told by colour alone). A value that is not finite reads as a dash.
 */
export function formatValue(value: number, options: { readonly signed?: boolean } = {}): string {
  if (!Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  const digits = size >= 1000 || size === 0 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(size)));
  const small = size !== 0 && size < 0.001;
  const text = small ? size.toExponential(1) : size.toFixed(Math.min(digits, 4));
  if (value < 0) return `−${text}`;
  return options.signed === true && value > 0 ? `+${text}` : text;
}
