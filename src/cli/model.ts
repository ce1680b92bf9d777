import type { Command } from 'commander';
import { encodePrompt, type ShownToken } from '../microscope/prompt.ts';
import { DEFAULT_MODEL, type Model, openModel as open } from '../model/index.ts';
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
export function openModel(context: Context, options: { model: string }): Promise<Model> {
  return open(options.model, { onProgress: context.progress });
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
