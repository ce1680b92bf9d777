import { GlassboxError } from '../../base/error.ts';
import type { ModelConfig } from '../../model/config.ts';
import { resolvePosition } from '../prompt.ts';
import { headCount, type PatchSite } from './sites.ts';
import type { PatchAxis, PatchPair, SweepOptions } from './types.ts';

/** Positions that correspond: `[in the run that is patched, in the run values come from]`. */
export type Correspondence = readonly (readonly [base: number, other: number])[];

/** One place to patch: a head (all when null) at some positions. */
export interface Place {
  readonly head: number | null;
  readonly positions: Correspondence;
}

/** The places of one layer, and how the results of all layers are laid out. */
export interface Layout {
  readonly rows: PatchAxis;
  readonly columns: PatchAxis;
  readonly places: readonly Place[];
}

/** Corresponding positions with the label each is shown under. */
function correspondence(pair: PatchPair, denoise: boolean): [string, readonly [number, number]][] {
  const { clean, corrupted } = pair;
  if (pair.positions) {
    return Object.entries(pair.positions).map(([name, [inClean, inCorrupted]]) => {
      const a = resolvePosition(inClean, clean.length);
      const b = resolvePosition(inCorrupted, corrupted.length);
      return [name, denoise ? [b, a] : [a, b]];
    });
  }
  if (clean.length === corrupted.length) return clean.map((_, i) => [String(i), [i, i]]);
  throw new GlassboxError(
    `the clean prompt has ${clean.length} tokens and the corrupted one ${corrupted.length}`,
    {
      code: 'prompts-differ-in-length',
      remedy:
        'Change words to ones with the same number of tokens, or name the positions that correspond.',
      details: { clean: clean.length, corrupted: corrupted.length },
    },
  );
}

/**
 * Patterns reach over all keys before their query, so only those of the same query in prompts of the same
 * length correspond: moved to an earlier query they would look ahead.
 */
function requirePatterns(
  { clean, corrupted }: PatchPair,
  site: PatchSite,
  positions: readonly [string, readonly [number, number]][],
): void {
  if (site !== 'pattern') return;
  const moved = positions.find(([, [a, b]]) => a !== b);
  if (moved && clean.length === corrupted.length) {
    const [name, [base, other]] = moved;
    throw new GlassboxError(
      `'${name}' is position ${base} in one prompt and ${other} in the other: their attention patterns have different keys`,
      {
        code: 'positions-differ',
        remedy: 'Name the same position in both prompts, or patch q, k or v instead.',
        details: { name, base, other },
      },
    );
  }
  if (clean.length === corrupted.length) return;
  throw new GlassboxError(
    `attention patterns over ${clean.length} and ${corrupted.length} keys cannot be exchanged`,
    {
      code: 'prompts-differ-in-length',
      remedy: 'Use prompts of the same number of tokens, or patch q, k or v instead.',
    },
  );
}

/**
 * What a sweep patches at every layer.
 *
 * @throws GlassboxError `prompts-differ-in-length`, `bad-position`, `positions-differ` for patterns
 */
export function layOut(config: ModelConfig, pair: PatchPair, options: SweepOptions): Layout {
  const { site, direction = 'denoise' } = options;
  const positions = correspondence(pair, direction === 'denoise');
  requirePatterns(pair, site, positions);
  const all = positions.map(([, one]) => one);
  const names = positions.map(([name]) => name);
  const count = headCount(config, site);
  const layers = Array.from({ length: config.nLayers }, (_, l) => String(l));
  const heads = Array.from({ length: count }, (_, h) => h);
  const byPosition = options.byPosition ?? count === 0;
  if (count === 0) {
    return {
      rows: { name: 'layer', labels: layers },
      columns: { name: 'position', labels: byPosition ? names : ['all'] },
      places: byPosition
        ? all.map((one) => ({ head: null, positions: [one] }))
        : [{ head: null, positions: all }],
    };
  }
  if (!byPosition) {
    return {
      rows: { name: 'layer', labels: layers },
      columns: { name: 'head', labels: heads.map(String) },
      places: heads.map((head) => ({ head, positions: all })),
    };
  }
  return {
    rows: {
      name: 'layer.head',
      labels: layers.flatMap((layer) => heads.map((head) => `${layer}.${head}`)),
    },
    columns: { name: 'position', labels: names },
    places: heads.flatMap((head) => all.map((one) => ({ head, positions: [one] }))),
  };
}
