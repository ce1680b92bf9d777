import { GlassboxError } from '../../base/error.ts';
import type { Model } from '../../model/model.ts';
import { findDictionaries, loadDictionary } from './files.ts';
import type { Dictionary, DictionarySet } from './types.ts';

/** The layer whose MLP a dictionary stands in for, or null when it is of another kind. */
export function replacedLayer(dictionary: Dictionary): number | null {
  const { reads, writes } = dictionary.config;
  const layer = /^blocks\.(\d+)\.mlp\.hook_in$/.exec(reads[0])?.[1];
  if (reads.length !== 1 || layer === undefined) return null;
  return writes[0] === `blocks.${layer}.hook_mlp_out` ? Number(layer) : null;
}

/**
 * Loads the transcoders found below a folder as one set, in order of layers; dictionaries of other kinds
 * lying there are left out.
 *
 * @throws GlassboxError `no-dictionary` when a layer has none, `ambiguous-dictionaries` when one has several
 */
export async function loadDictionarySet(model: Model, folder: string): Promise<DictionarySet> {
  const found = await Promise.all((await findDictionaries(folder)).map(loadDictionary));
  const byLayer = new Map<number, Dictionary>();
  for (const dictionary of found) {
    const layer = replacedLayer(dictionary);
    if (layer === null) continue;
    if (byLayer.has(layer)) {
      throw new GlassboxError(`${folder} holds several transcoders of layer ${layer}`, {
        code: 'ambiguous-dictionaries',
        remedy: 'Give a folder with one transcoder per layer.',
        details: { folder, layer },
      });
    }
    byLayer.set(layer, dictionary);
  }
  const dictionaries = Array.from({ length: model.config.nLayers }, (_, layer) => {
    const dictionary = byLayer.get(layer);
    if (dictionary) return dictionary;
    throw new GlassboxError(`${folder} holds no transcoder of layer ${layer}`, {
      code: 'no-dictionary',
      remedy: `Give a folder with one transcoder for each of the ${model.config.nLayers} layers.`,
      details: { folder, layer },
    });
  });
  return asSet(dictionaries);
}

/** Dictionaries in order of layers as a set. */
export function asSet(dictionaries: readonly Dictionary[]): DictionarySet {
  const crosses = dictionaries.some(({ config }) => config.writes.length > 1);
  return { kind: crosses ? 'cross-layer' : 'per-layer', dictionaries };
}
