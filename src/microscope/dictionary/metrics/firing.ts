import { GlassboxError } from '../../../base/error.ts';

/** How often features fire. */
export interface FiringMetrics {
  /** Tokens looked at; the dead fraction means nothing without it. */
  readonly tokens: number;
  /** Mean number of features above zero per token. */
  readonly l0: number;
  /** Share of features that never fired. */
  readonly dead: number;
  /** Share of tokens on which each feature fires, `[d_dict]`. */
  readonly density: Float32Array;
}

/** Counts on how many rows each feature of `acts` is above zero. */
export function countFired(out: Uint32Array, acts: Float32Array): void {
  const width = out.length;
  for (let i = 0; i < acts.length; i++) if (acts[i] > 0) out[i % width]++;
}

/** What counts over a number of tokens say. Throws `empty-corpus` for none: 0 / 0 is no figure. */
export function firingOf(fired: Uint32Array, tokens: number): FiringMetrics {
  if (tokens === 0) {
    throw new GlassboxError('no token of the text counts', {
      code: 'empty-corpus',
      remedy: 'Give text beside the tokens that are left out, as a BOS token is.',
    });
  }
  const total = fired.reduce((sum, value) => sum + value, 0);
  return {
    tokens,
    l0: total / tokens,
    dead: fired.reduce((sum, value) => sum + (value === 0 ? 1 : 0), 0) / fired.length,
    density: Float32Array.from(fired, (value) => value / tokens),
  };
}
