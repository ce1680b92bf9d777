import type { ImportedFeatures, ImportedLabel } from './types.ts';

/** A description by another project, with the dictionary as that project names it. It has no score here. */
export interface ImportedName extends ImportedLabel {
  readonly source: string;
}

/** The description of each feature that stands first in the first source that has one; null for none. */
export function importedNames(
  sources: readonly ImportedFeatures[],
): (feature: number) => ImportedName | null {
  const names = new Map<number, ImportedName>();
  for (const { source, features } of sources) {
    for (const { feature, labels } of features) {
      const named = labels.find(({ text }) => text.trim() !== '');
      if (named && !names.has(feature)) names.set(feature, { ...named, source: source.name });
    }
  }
  return (feature) => names.get(feature) ?? null;
}
