import type { EvalResult } from './evaluation.ts';
import type { Recipe } from './recipe.ts';

/** Rates of some sets under one condition. */
export interface FurtherResults {
  readonly condition: string;
  readonly results: readonly EvalResult[];
}

/** What a shipped model was made from and what is in its folder. */
export interface Manifest {
  readonly name: string;
  readonly parameters: number;
  /** Updates of the shipped weights; fewer than the recipe's when training was stopped early. */
  readonly step: number;
  readonly recipe: Recipe;
  readonly command: string;
  /** SHA-256 over the tokens of the first hundred batches of the document stream. */
  readonly dataHash: string;
  readonly evaluation: readonly EvalResult[];
  /** Measured beside the bars: under context marks, and what holds nothing out. */
  readonly further: readonly FurtherResults[];
  readonly files: Readonly<Record<string, { readonly bytes: number; readonly sha256: string }>>;
}
