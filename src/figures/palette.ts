import { scaleLinear } from 'd3-scale';

/** Colours of one theme. All are opaque sRGB hex, so that a figure stands alone as a file. */
export interface Colours {
  readonly paper: string;
  /** Text; at least 4.5:1 on paper and on every shade of the scales. */
  readonly ink: string;
  readonly muted: string;
  readonly hairline: string;
  /** End of the sequential scale: magnitude. */
  readonly magnitude: string;
  /** Ends of the diverging scale: signed effect. */
  readonly positive: string;
  readonly negative: string;
  /** The one hue that means uncertainty. */
  readonly uncertain: string;
  /** Reserved for harm. */
  readonly harm: string;
  /** Lines and points, in this order; told apart by dash and marker as well. */
  readonly line: string;
  readonly lineOther: string;
}

/** What a figure asks for colours. Variants differ in how they write one, not in which there are. */
export interface Palette {
  readonly colour: (name: keyof Colours) => string;
  /** `share` of the colour over paper, share in [0, 1]. */
  readonly tint: (name: keyof Colours, share: number) => string;
}

const LIGHT: Colours = {
  paper: '#fdfcf9',
  ink: '#1d1f23',
  muted: '#63666d',
  hairline: '#dad8d2',
  magnitude: '#7fb0e0',
  positive: '#74c18f',
  negative: '#bd9bdf',
  uncertain: '#9a6200',
  harm: '#b3261e',
  line: '#1f5f9e',
  lineOther: '#63666d',
};

const DARK: Colours = {
  paper: '#15171a',
  ink: '#eceae4',
  muted: '#a3a6ad',
  hairline: '#383b41',
  magnitude: '#2f659c',
  positive: '#1f7445',
  negative: '#7146a0',
  uncertain: '#e0a63c',
  harm: '#ff8a80',
  line: '#7db7f0',
  lineOther: '#a3a6ad',
};

/** Colours of the two themes, for contrast checks and for the page's style sheet. */
export const THEMES = { light: LIGHT, dark: DARK } as const;

/** Literal colours of one theme: for exported files and reports. */
function literal(colours: Colours): Palette {
  return {
    colour: (name) => colours[name],
    tint: (name, share) => {
      const mix = scaleLinear<string>().range([colours.paper, colours[name]]).clamp(true);
      return toHex(mix(share));
    },
  };
}

function toHex(rgb: string): string {
  const channels = rgb.match(/\d+/g) ?? [];
  return `#${channels.map((c) => Number(c).toString(16).padStart(2, '0')).join('')}`;
}

/** Ready palettes: `page` follows the page's theme through custom properties, see {@link paletteCss}. */
export const palettes: Readonly<Record<'page' | 'light' | 'dark', Palette>> = {
  page: {
    colour: (name) => `var(--gb-${kebab(name)})`,
    tint: (name, share) => {
      const percent = Math.round(Math.min(1, Math.max(0, share)) * 1000) / 10;
      return `color-mix(in srgb, var(--gb-${kebab(name)}) ${percent}%, var(--gb-paper))`;
    },
  },
  light: literal(LIGHT),
  dark: literal(DARK),
};

/** The custom properties that the `page` palette reads, as one CSS rule on `:root`. */
export function paletteCss(): string {
  const names = Object.keys(LIGHT) as (keyof Colours)[];
  const lines = names.map(
    (name) => `  --gb-${kebab(name)}: light-dark(${LIGHT[name]}, ${DARK[name]});`,
  );
  return `:root {\n${lines.join('\n')}\n}\n`;
}

function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
