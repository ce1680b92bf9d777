import type { VNode } from 'preact';
import type { Palette } from '../palette.ts';
import { el, px } from '../svg.ts';

/** What a dictionary stands in for; each kind has a mark of its own shape. */
export type DictionaryMark = 'autoencoder' | 'transcoder' | 'cross-layer' | 'crosscoder';

/** Every kind, in the order of legends. */
export const DICTIONARY_MARKS: readonly DictionaryMark[] = [
  'transcoder',
  'autoencoder',
  'cross-layer',
  'crosscoder',
];

const SIZE = 4;

/** The outline of a mark around 0, 0. */
function outline(kind: DictionaryMark): string {
  const s = SIZE;
  switch (kind) {
    case 'transcoder':
      return `M${-s} 0a${s} ${s} 0 1 0 ${2 * s} 0a${s} ${s} 0 1 0 ${-2 * s} 0z`;
    case 'autoencoder':
      return `M${-s} ${-s}h${2 * s}v${2 * s}h${-2 * s}z`;
    case 'cross-layer':
      return `M0 ${-s - 1}l${s + 1} ${2 * s + 1}h${-2 * (s + 1)}z`;
    case 'crosscoder':
      return `M0 ${-s - 1}l${s + 1} ${s + 1}l${-(s + 1)} ${s + 1}l${-(s + 1)} ${-(s + 1)}z`;
  }
}

/** A mark at a place. Transcoders are filled, all others hollow, so that no colour is needed to tell them. */
export function dictionaryMark(
  kind: DictionaryMark,
  options: {
    readonly x: number;
    readonly y: number;
    readonly palette: Palette;
    readonly marked?: boolean;
  },
): VNode {
  const { x, y, palette, marked = false } = options;
  const colour = palette.colour(marked ? 'uncertain' : 'line');
  return el('path', {
    d: outline(kind),
    transform: `translate(${px(x)} ${px(y)})`,
    fill: kind === 'transcoder' ? colour : palette.colour('paper'),
    stroke: colour,
    'stroke-width': marked ? 2 : 1.5,
  });
}
