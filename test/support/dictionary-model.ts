import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { saveDictionary } from '../../src/microscope/dictionary/files.ts';
import type { DictionarySet } from '../../src/microscope/dictionary/types.ts';
import { findModel, openModel } from '../../src/model/index.ts';
import { randomSet } from './dictionaries.ts';

/** Copies the built-in model into an empty folder and puts random transcoders beside it. */
export async function writeModelWithDictionaries(
  folder: string,
  options: { readonly width?: number; readonly k?: number } = {},
): Promise<DictionarySet> {
  const { width = 64, k = 6 } = options;
  const entry = await findModel();
  const keep = (path: string) => !path.includes(join(entry.folder, 'dictionaries'));
  await cp(entry.folder, folder, { recursive: true, filter: keep });
  const model = await openModel(folder);
  const set = randomSet(model, { width, activation: { kind: 'topk', k } });
  await model.release();
  for (const [layer, dictionary] of set.dictionaries.entries()) {
    await saveDictionary(join(folder, 'dictionaries', `transcoder-${layer}`), dictionary);
  }
  return set;
}
