import type { ProgressListener } from '../../../base/progress.ts';
import type { PatchPair } from '../../patching/index.ts';
import type { Published, PublishedFigures, ReferenceFigure } from './types.ts';

/** Measured figures by the name the published one has. */
export type Means = ReadonlyMap<string, number>;

/** Who is told how far a step is, and who may stop it. */
export interface Listened {
  readonly progress?: ProgressListener;
  readonly signal?: AbortSignal;
}

/** Collects figures of one reference. */
export function figureList(tolerance: number) {
  const figures: ReferenceFigure[] = [];
  const add = (what: string, published: Published, found: number): void => {
    const expected = typeof published === 'number' ? published : published.about;
    const within = typeof published === 'number' ? tolerance : published.within;
    figures.push({ what, expected, found, ok: Math.abs(found - expected) <= within });
  };
  const addAll = (prefix: string, published: PublishedFigures, found: Means): void => {
    for (const [name, value] of Object.entries(published)) {
      add(`${prefix} ${name}`, value, found.get(name) ?? Number.NaN);
    }
  };
  return { figures, add, addAll };
}

/** A growing list of figures. */
export type Figures = ReturnType<typeof figureList>;

/** What every step is given. */
export interface Given extends Listened {
  readonly pairs: readonly PatchPair[];
  readonly into: Figures;
}
