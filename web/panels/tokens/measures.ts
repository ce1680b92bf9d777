import type { AnalysedPrompt, Measures } from '../../../src/lab/api.ts';
import type { State } from '../../state/index.ts';

export type Shade = State['shade'];

/** The chosen number at one position; null where there is none (nothing predicts the first token). */
export function measureAt(measures: Measures, shade: Shade, position: number): number | null {
  switch (shade) {
    case 'loss':
      return measures.loss[position];
    case 'probability':
      return measures.prob[position];
    case 'rank':
      return measures.rank[position];
    case 'entropy':
      return measures.entropy[position];
  }
}

/** How a measure becomes a shade. */
export interface ShadeScale {
  /** Values at the pale and at the full end, in the measure's unit. */
  readonly ends: readonly [number, number];
  /** Share of the colour in [0, 1]. */
  readonly share: (value: number | null) => number;
}

/**
 * The scale over one or two prompts. Losses and entropies start at 0 and reach at least 1 nat, so that a
 * prompt without surprises stays pale; ranks are shaded by their logarithm.
 */
export function shadeScale(prompts: readonly Measures[], shade: Shade): ShadeScale {
  if (shade === 'probability') return { ends: [0, 1], share: (value) => value ?? 0 };
  const values = prompts.flatMap((one) =>
    one.entropy.flatMap((_, position) => measureAt(one, shade, position) ?? []),
  );
  const high = values.reduce((a, b) => Math.max(a, b), 1);
  if (shade !== 'rank') return { ends: [0, high], share: (value) => (value ?? 0) / high };
  const reach = Math.log2(high + 1);
  return {
    ends: [1, high + 1],
    share: (value) => (value === null ? 0 : Math.log2(value + 1) / reach),
  };
}

/** A column of the strip: positions of the two prompts that belong together. */
export interface StripColumn {
  readonly a: number | null;
  readonly b: number | null;
  readonly same: boolean;
}

/** Tokens that are drawn under one bracket: a whole character, or one token by itself. */
export interface StripGroup {
  readonly text: string;
  readonly columns: readonly StripColumn[];
}

/**
 * The columns of the strip, those of one character together. With two prompts the columns stay single: a
 * character may have other tokens in the other prompt.
 */
export function stripGroups(
  prompt: AnalysedPrompt,
  alignment: readonly StripColumn[] | null,
): StripGroup[] {
  if (alignment !== null) return alignment.map((column) => ({ text: '', columns: [column] }));
  return prompt.groups.map(({ text, first, count }) => ({
    text: count > 1 ? text : '',
    columns: Array.from({ length: count }, (_, i) => ({ a: first + i, b: null, same: true })),
  }));
}

/** A token as the fields and the address carry it: its text where that is whole, else `#id`. */
export function tokenName(token: { readonly id: number; readonly text: string }): string {
  return /^$|\ufffd|^#/.test(token.text) ? `#${token.id}` : token.text;
}

/** Bytes as people read them: `e5 ae 89`. */
export function hexBytes(bytes: readonly number[]): string {
  return bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
}
