import type { EvalResult } from './evaluation.ts';
import type { Recipe } from './recipe.ts';

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
  readonly files: Readonly<Record<string, { readonly bytes: number; readonly sha256: string }>>;
}
