import type { Command } from 'commander';
import { encodePrompt, type ShownToken } from '../microscope/prompt.ts';
import { DEFAULT_MODEL, findModel } from '../model/catalogue.ts';
import { loadModel, type Model } from '../model/index.ts';
import type { Context } from './context.ts';

/** Adds `--model`, which every command on a model has. */
export function withModel(command: Command): Command {
  return command.option(
    '-m, --model <name>',
    'built-in name, folder, or hub id that was pulled',
    DEFAULT_MODEL,
  );
}

/** Opens the model that `--model` names. */
export async function openModel(context: Context, options: { model: string }): Promise<Model> {
  const { folder, name } = await findModel(options.model);
  return loadModel(folder, { name, onProgress: context.progress });
}

/** A prompt's ids, and its tokens as every command prints them. */
export function promptTokens(model: Model, text: string): { ids: number[]; tokens: ShownToken[] } {
  const ids = encodePrompt(model, text);
  return { ids, tokens: shownTokens(model, ids) };
}

/** One entry per id; tokens that hold part of a character show what they can on their own. */
export function shownTokens(model: Model, ids: readonly number[]): ShownToken[] {
  return ids.map((id) => ({ id, text: tokenText(model, id) }));
}

/** The text of one token, `#id` without tokenizer. */
export function tokenText(model: Model, id: number): string {
  return model.tokenizer?.tokenStrings([id])[0]?.text ?? `#${id}`;
}
