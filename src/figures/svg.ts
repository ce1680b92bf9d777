import { type Attributes, type ComponentChildren, h, type VNode } from 'preact';
import type { Palette } from './palette.ts';

/** What every figure may be told. */
export interface FigureOptions {
  /** One line that says what the figure shows; it is the accessible name too. */
  readonly title: string;
  readonly palette: Palette;
  /** Language of the texts, for the right glyphs of Chinese: `zh-Hant`, `zh-Hans`. */
  readonly lang?: string;
  /** `hidden` leaves the title to the accessible name alone, where a page shows it already. */
  readonly heading?: 'shown' | 'hidden';
}

/** Fonts by role. The stacks end in the generic family, so a file without them still reads. */
export const FONTS = {
  sans: "system-ui, 'Noto Sans TC', 'Noto Sans SC', sans-serif",
  mono: "ui-monospace, 'SF Mono', 'DejaVu Sans Mono', 'Noto Sans Mono CJK TC', monospace",
} as const;

/** Text sizes in px of figures. */
export const TEXT = { title: 13, label: 11 } as const;

/** A coordinate with at most two decimals, so that the same data gives the same file. */
export function px(value: number): number {
  return Math.round(value * 100) / 100;
}

/**
 * Width of a text in px, estimated without a browser: 0.6 em a character and 1 em for wide (Chinese,
 * Japanese, Korean, full-width) ones, which is exact for the mono stack and generous for the sans.
 */
export function textWidth(text: string, size: number): number {
  let ems = 0;
  for (const character of text) ems += WIDE.test(character) ? 1 : 0.6;
  return ems * size;
}

const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\uff00-\uff60\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;

/** The text cut to `width` px, with an ellipsis where something is lost. Never splits a character. */
export function fitText(text: string, width: number, size: number): string {
  if (textWidth(text, size) <= width) return text;
  const characters = [...text];
  while (characters.length > 0 && textWidth(`${characters.join('')}…`, size) > width) {
    characters.pop();
  }
  return `${characters.join('')}…`;
}

/** One SVG element. Attributes are named as in SVG; one that is undefined is left out. */
export function el(
  tag: string,
  attributes: Readonly<Record<string, string | number | undefined>>,
  ...children: ComponentChildren[]
): VNode {
  return h(tag, attributes as Attributes, ...children) as VNode;
}

/** The outer `<svg>` with paper, title and accessible name. Sizes in px. */
export function frame(
  options: FigureOptions & {
    readonly width: number;
    readonly height: number;
    readonly description: string;
  },
  children: ComponentChildren,
): VNode {
  const { width, height, palette } = options;
  return el(
    'svg',
    {
      xmlns: 'http://www.w3.org/2000/svg',
      viewBox: `0 0 ${px(width)} ${px(height)}`,
      width: px(width),
      height: px(height),
      role: 'img',
      'aria-label': `${options.title}. ${options.description}`,
      lang: options.lang,
      'font-family': FONTS.sans,
      'font-size': TEXT.label,
      fill: palette.colour('ink'),
    },
    el('rect', { width: px(width), height: px(height), fill: palette.colour('paper') }),
    options.heading === 'hidden'
      ? null
      : el(
          'text',
          { x: 0, y: TEXT.title, 'font-size': TEXT.title, 'font-weight': 600 },
          options.title,
        ),
    children,
  );
}
