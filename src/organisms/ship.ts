import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '../base/files.ts';
import { type Model, parameterCount, saveModel } from '../model/index.ts';
import { modelCard } from './card.ts';
import { trainingBatch } from './data.ts';
import type { EvalResult } from './evaluation.ts';
import type { FurtherResults, Manifest } from './manifest.ts';
import type { Recipe } from './recipe.ts';
import { createTokenizer, tokenizerConfig, tokenizerJson } from './tokenizer.ts';
import { createWorld } from './world/world.ts';

const HASHED_BATCHES = 100;

/** Hash of the document stream of a recipe, so that a change of the world is noticed. */
export function dataHash(recipe: Recipe): string {
  const world = createWorld({ seed: recipe.worldSeed });
  const tokenizer = createTokenizer(world);
  const { seed, batch, context: length, mixture } = recipe;
  const hash = createHash('sha256');
  for (let step = 0; step < HASHED_BATCHES; step++) {
    const { tokens } = trainingBatch(world, tokenizer, { seed, batch, length, mixture }, step);
    hash.update(new Uint8Array(tokens.buffer, tokens.byteOffset, tokens.byteLength));
  }
  return hash.digest('hex');
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/**
 * Writes the weights (float16), configuration and tokenizer of a trained organism as a Hugging Face
 * folder. The card and the manifest come with {@link shipRecords}, once the folder is evaluated.
 */
export async function shipModel(
  folder: string,
  model: Pick<Model, 'config' | 'params'>,
  recipe: Recipe,
): Promise<void> {
  const world = createWorld({ seed: recipe.worldSeed });
  await saveModel(folder, model, { floats: 'F16' });
  await writeFileAtomic(join(folder, 'tokenizer.json'), json(tokenizerJson(world)));
  await writeFileAtomic(
    join(folder, 'tokenizer_config.json'),
    json(tokenizerConfig(recipe.context)),
  );
}

/** Writes `manifest.json` and the model card beside the weights; returns the manifest. */
export async function shipRecords(
  folder: string,
  made: {
    readonly model: Pick<Model, 'config'>;
    readonly recipe: Recipe;
    readonly step: number;
    readonly command: string;
    readonly evaluation: readonly EvalResult[];
    readonly further?: readonly FurtherResults[];
  },
): Promise<Manifest> {
  const files: Record<string, { bytes: number; sha256: string }> = {};
  for (const name of [
    'config.json',
    'model.safetensors',
    'tokenizer.json',
    'tokenizer_config.json',
  ]) {
    const bytes = await readFile(join(folder, name));
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    files[name] = { bytes: bytes.length, sha256 };
  }
  const { model, recipe, step, command, evaluation, further = [] } = made;
  const manifest: Manifest = {
    name: recipe.name,
    parameters: parameterCount(model.config),
    step,
    recipe,
    command,
    dataHash: dataHash(recipe),
    evaluation,
    further,
    files,
  };
  await writeFileAtomic(join(folder, 'manifest.json'), json(manifest));
  await writeFileAtomic(join(folder, 'README.md'), modelCard(manifest));
  return manifest;
}
