import { join } from 'node:path';
import { GlassboxError } from '../base/error.ts';
import {
  type Dictionary,
  findDictionaries,
  loadDictionary,
} from '../microscope/dictionary/index.ts';
import { type DictionaryFinder, dictionariesIn } from '../microscope/feature-edit.ts';
import { findModel } from '../model/index.ts';

/** A dictionary with the folder it lies in. */
export interface OpenedDictionary {
  readonly folder: string;
  readonly dictionary: Dictionary;
}

/** The dictionaries in some folders; throws `no-dictionary` for a folder without any. */
export async function openDictionaries(folders: readonly string[]): Promise<OpenedDictionary[]> {
  const found = await Promise.all(folders.map((folder) => findDictionaries(folder)));
  found.forEach((list, i) => {
    if (list.length > 0) return;
    throw new GlassboxError(`${folders[i]} holds no dictionary`, {
      code: 'no-dictionary',
      remedy: 'Give the folder of a dictionary, or one that holds such folders.',
      details: { folder: folders[i] },
    });
  });
  return Promise.all(
    found.flat().map(async (folder) => ({ folder, dictionary: await loadDictionary(folder) })),
  );
}

/** How edits name dictionaries on the command line: by their folders below one folder. */
export async function dictionaryFinder(options: {
  readonly model: string;
  readonly dictionaries?: string;
}): Promise<DictionaryFinder> {
  const folder =
    options.dictionaries ?? join((await findModel(options.model)).folder, 'dictionaries');
  return dictionariesIn(folder);
}
