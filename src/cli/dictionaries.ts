import { GlassboxError } from '../base/error.ts';
import {
  type Dictionary,
  findDictionaries,
  loadDictionary,
} from '../microscope/dictionary/index.ts';

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
