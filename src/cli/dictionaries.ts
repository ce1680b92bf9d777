import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { GlassboxError, nearestNames } from '../base/error.ts';
import {
  type Dictionary,
  findDictionaries,
  loadDictionary,
} from '../microscope/dictionary/index.ts';
import { type DictionaryFinder, dictionariesIn } from '../microscope/feature-edit.ts';
import { findModel } from '../model/index.ts';

/** The arguments of commands on several dictionaries, in their help. */
export const FOLDERS =
  "dictionaries, or folders that hold some; names of the model's own; all of those when left out";

/** The argument of commands on one dictionary, in their help. */
export const FOLDER = "folder, or the name of one of the model's own";

/** A dictionary with the folder it lies in. */
export interface OpenedDictionary {
  readonly folder: string;
  readonly dictionary: Dictionary;
}

const noDictionary = (message: string, folder: string, remedy: string) =>
  new GlassboxError(message, { code: 'no-dictionary', remedy, details: { folder } });

/** Where the dictionaries of a model lie that ship with it. */
export async function ownDictionaries(model: string): Promise<string> {
  return join((await findModel(model)).folder, 'dictionaries');
}

/**
 * The folder that a word of the command line means: a folder as it is written, else the model's own dictionary of that
 * name, or a set that lies beside those in the model's folder, so that what ships is found from any working directory.
 *
 * @throws GlassboxError `no-dictionary` with the nearest names
 */
export async function dictionaryFolder(
  text: string,
  { model }: { readonly model: string },
): Promise<string> {
  if (existsSync(text)) return text;
  const root = await ownDictionaries(model);
  const own = await findDictionaries(root);
  const named = own.find((folder) => basename(folder) === text);
  if (named) return named;
  const set = join(dirname(root), text);
  if (basename(text) === text && (await findDictionaries(set)).length > 0) return set;
  const beside = await findDictionaries(dirname(text), 1);
  const known = [...own.map((folder) => basename(folder)), ...beside];
  const near = nearestNames(text, known).join(', ');
  throw noDictionary(
    `there is no folder ${text}, and ${model} has no dictionary of that name`,
    text,
    near === ''
      ? 'Give the folder of a dictionary; `glassbox dict train` makes some.'
      : `Give the folder of a dictionary, or a name. Nearest: ${near}.`,
  );
}

/**
 * The dictionaries in some folders, or of some names; the model's own when none is given.
 *
 * @throws GlassboxError `no-dictionary` for a folder without any
 */
export async function openDictionaries(
  given: readonly string[],
  options: { readonly model: string },
): Promise<OpenedDictionary[]> {
  const folders =
    given.length === 0
      ? [await ownDictionaries(options.model)]
      : await Promise.all(given.map((text) => dictionaryFolder(text, options)));
  const found = await Promise.all(folders.map((folder) => findDictionaries(folder)));
  found.forEach((list, i) => {
    if (list.length > 0) return;
    throw noDictionary(
      given.length === 0
        ? `${options.model} has no dictionaries of its own`
        : `${folders[i]} holds no dictionary`,
      folders[i],
      'Give the folder of a dictionary, or one that holds such folders.',
    );
  });
  return Promise.all(
    found.flat().map(async (folder) => ({ folder, dictionary: await loadDictionary(folder) })),
  );
}

/** The shortest ends of folders that tell them apart, for tables. */
export function shortNames(folders: readonly string[]): string[] {
  return folders.map((folder) => {
    const name = basename(folder);
    return folders.filter((other) => basename(other) === name).length > 1 ? folder : name;
  });
}

/** How edits name dictionaries on the command line: by their folders below one folder. */
export async function dictionaryFinder(options: {
  readonly model: string;
  readonly dictionaries?: string;
}): Promise<DictionaryFinder> {
  return dictionariesIn(options.dictionaries ?? (await ownDictionaries(options.model)));
}
