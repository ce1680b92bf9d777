import { existsSync } from 'node:fs';
import { GlassboxError } from '../../base/error.ts';
import type { Model } from '../../model/model.ts';
import { findDictionaries, loadDictionary, readDictionaryConfig } from './files.ts';
import type { Dictionary, DictionaryConfig, DictionarySet } from './types.ts';

/** What a dictionary stands in for. */
export type DictionaryKind = 'autoencoder' | 'transcoder' | 'cross-layer' | 'crosscoder';

/** What a dictionary stands in for, by what it reads and writes. */
export function dictionaryKind({ reads, writes }: DictionaryConfig): DictionaryKind {
  if (reads.length > 1) return 'crosscoder';
  if (writes.length > 1) return 'cross-layer';
  return reads[0] === writes[0] ? 'autoencoder' : 'transcoder';
}

/** The layer that a dictionary reads; null where it reads several. */
export function dictionaryLayer({ reads }: DictionaryConfig): number | null {
  const layers = new Set(reads.map((address) => /^blocks\.(\d+)\./.exec(address)?.[1]));
  const [only] = layers;
  return layers.size === 1 && only !== undefined ? Number(only) : null;
}

/**
 * Where a dictionary that stands in for a layer's MLP can read: before the MLP, in the same layer. What is read there
 * is linear in everything earlier once norm scales are held.
 */
const BEFORE_MLP = [
  'hook_resid_pre',
  'hook_attn_out',
  'hook_resid_mid',
  'hook_mlp_in',
  'ln2.hook_normalized',
  'mlp.hook_in',
];

/** The layer whose MLP a dictionary stands in for, or null when it is of another kind. */
export function replacedLayer({ config }: Pick<Dictionary, 'config'>): number | null {
  const { reads, writes } = config;
  const [, layer, site] = /^blocks\.(\d+)\.(.+)$/.exec(reads[0]) ?? [];
  if (reads.length !== 1 || !BEFORE_MLP.includes(site)) return null;
  return writes[0] === `blocks.${layer}.hook_mlp_out` ? Number(layer) : null;
}

/**
 * Loads the transcoders found below a folder as one set, in order of layers; dictionaries of other kinds
 * lying there are left out.
 *
 * @throws GlassboxError `no-dictionary` when a layer has none, `ambiguous-dictionaries` when one has several,
 *   `dictionary-mismatch` when there are layers that the model does not have
 */
export async function loadDictionarySet(
  model: Model,
  folder: string,
  options: {
    /** Reads the dictionary of a folder; {@link loadDictionary} unless told. */
    readonly load?: (folder: string) => Promise<Dictionary>;
  } = {},
): Promise<DictionarySet> {
  const { load = loadDictionary } = options;
  const byLayer = new Map<number, string>();
  const elsewhere: string[] = [];
  for (const at of await findDictionaries(folder)) {
    const config = await readDictionaryConfig(at);
    const layer = replacedLayer({ config });
    if (layer === null) {
      const writesMlp = /\.hook_mlp_out$/.test(config.writes[0]);
      if (writesMlp && dictionaryKind(config) !== 'autoencoder') elsewhere.push(config.reads[0]);
      continue;
    }
    if (byLayer.has(layer)) {
      throw new GlassboxError(`${folder} holds several transcoders of layer ${layer}`, {
        code: 'ambiguous-dictionaries',
        remedy: 'Give a folder with one transcoder per layer.',
        details: { folder, layer },
      });
    }
    byLayer.set(layer, at);
  }
  const { nLayers } = model.config;
  if (byLayer.size === 0 && elsewhere.length > 0) {
    throw new GlassboxError(
      `the transcoders in ${folder} read ${elsewhere[0]}, which does not come before the MLP of its layer`,
      {
        code: 'dictionary-mismatch',
        remedy: `Use transcoders that read ${BEFORE_MLP.slice(0, -1).join(', ')} or ${BEFORE_MLP.at(-1)}.`,
        details: { folder, reads: elsewhere },
      },
    );
  }
  if (byLayer.size === 0) {
    const there = existsSync(folder);
    throw new GlassboxError(
      there ? `${folder} holds no transcoders` : `there is no folder ${folder}`,
      {
        code: 'no-dictionary',
        remedy: `Give a folder with one transcoder for each of the ${nLayers} layers of ${model.name} (--dictionaries); \`glassbox dict train --help\` shows how to train them.`,
        details: { folder },
      },
    );
  }
  const last = Math.max(...byLayer.keys());
  if (last >= nLayers) {
    throw new GlassboxError(
      `${folder} holds a transcoder of layer ${last}, ${model.name} has ${nLayers} layers`,
      {
        code: 'dictionary-mismatch',
        remedy: 'Use dictionaries that were trained on this model.',
        details: { folder, layer: last, layers: nLayers },
      },
    );
  }
  const folders = Array.from({ length: nLayers }, (_, layer) => {
    const at = byLayer.get(layer);
    if (at !== undefined) return at;
    throw new GlassboxError(`${folder} holds no transcoder of layer ${layer}`, {
      code: 'no-dictionary',
      remedy: `Give a folder with one transcoder for each of the ${nLayers} layers.`,
      details: { folder, layer },
    });
  });
  return asSet(await Promise.all(folders.map(load)));
}

/** Dictionaries in order of layers as a set. */
export function asSet(dictionaries: readonly Dictionary[]): DictionarySet {
  const crosses = dictionaries.some(({ config }) => config.writes.length > 1);
  return { kind: crosses ? 'cross-layer' : 'per-layer', dictionaries };
}
