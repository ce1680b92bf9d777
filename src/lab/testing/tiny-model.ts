import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { randomParameters } from '../../model/index.ts';
import { atlasRecipe, organismConfig, type Recipe } from '../../organisms/index.ts';
import { shipModel } from '../../organisms/ship.ts';

/** A model of the world's shape with random weights: it answers nothing right, but everything runs. */
const recipe: Recipe = {
  ...atlasRecipe,
  name: 'tiny',
  layers: 2,
  width: 16,
  heads: 2,
  context: 96,
};

/** Writes a tiny model with the world's tokenizer and a manifest into a folder. */
export async function writeTinyModel(folder: string): Promise<void> {
  const config = organismConfig(recipe);
  await shipModel(folder, { config, params: randomParameters(config, 7) }, recipe);
  const manifest = JSON.stringify({ dataHash: 'd'.repeat(64), recipe });
  await writeFile(join(folder, 'manifest.json'), manifest);
}
