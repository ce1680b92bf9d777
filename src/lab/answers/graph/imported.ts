import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type ImportedName,
  importedNames,
} from '../../../microscope/dictionary/imported/labels.ts';
import { importedOf, readImported } from '../../../microscope/dictionary/imported/store.ts';
import type { ImportedFeatures } from '../../../microscope/dictionary/imported/types.ts';
import type { ImportedView } from '../../contract/graph.ts';
import type { NamedDictionary } from './dictionaries.ts';

const read = new Map<
  string,
  { readonly time: number; readonly found: Promise<readonly ImportedFeatures[]> }
>();

async function sourcesOf(folder: string): Promise<readonly ImportedFeatures[]> {
  const path = join(folder, 'imported.json');
  if (!existsSync(path)) return [];
  const { mtimeMs: time } = await stat(path);
  const known = read.get(folder);
  if (known?.time === time) return known.found;
  const found = readImported(folder);
  read.set(folder, { time, found });
  found.catch(() => read.delete(folder));
  return found;
}

/** What other projects call the features of a dictionary. */
export async function importedNamesOf({
  folder,
}: NamedDictionary): Promise<(index: number) => ImportedName | null> {
  return importedNames(await sourcesOf(folder));
}

/** What other projects say of a feature, by source. */
export async function importedViews(
  { folder }: NamedDictionary,
  index: number,
): Promise<ImportedView[]> {
  return importedOf(await sourcesOf(folder), index).map(({ source, page }) => ({
    source: source.name,
    format: source.format,
    labels: page.labels,
    density: page.density,
    max: page.max,
    top: page.top,
    bottom: page.bottom,
    groups: page.groups.map(({ examples, ...group }) => ({
      ...group,
      examples: examples.map(({ tokens, acts, at }) => ({ tokens, activations: acts, at })),
    })),
  }));
}
