import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { GlassboxError, isGlassboxError } from '../../../base/error.ts';
import { findDictionaries, loadDictionary } from '../../../microscope/dictionary/files.ts';
import { loadDictionarySet, replacedLayer } from '../../../microscope/dictionary/set.ts';
import type { Dictionary, DictionarySet } from '../../../microscope/dictionary/types.ts';
import type { Model } from '../../../model/index.ts';
import type { DictionaryFiguresView } from '../../contract/graph.ts';
import type { Handler, Session } from '../session.ts';

/** Where a model's dictionaries lie, in its own folder. */
export const FOLDER = 'dictionaries';

const sets = new WeakMap<Model, Promise<DictionarySet>>();

/**
 * The transcoders in the model's own folder, loaded once.
 *
 * @throws GlassboxError `no-dictionary` saying how to get some, or what {@link loadDictionarySet} throws
 */
export function setOf({ model, folder }: Session): Promise<DictionarySet> {
  let set = sets.get(model);
  if (!set) {
    set = loadDictionarySet(model, join(folder, FOLDER));
    // A set that is trained or copied there later is found by the next request.
    set.catch(() => sets.delete(model));
    sets.set(model, set);
  }
  return set;
}

/** Where the transcoder of a layer lies. */
export async function folderOfLayer({ folder }: Session, layer: number): Promise<string | null> {
  for (const at of await findDictionaries(join(folder, FOLDER))) {
    const config = JSON.parse(
      await readFile(join(at, 'config.json'), 'utf8'),
    ) as Dictionary['config'];
    if (replacedLayer({ config, params: {} }) === layer) return at;
  }
  return null;
}

async function figures(folder: string): Promise<DictionaryFiguresView | null> {
  const path = join(folder, 'metrics.json');
  if (!existsSync(path)) return null;
  const { figures: found } = JSON.parse(await readFile(path, 'utf8')) as {
    figures?: DictionaryFiguresView;
  };
  if (!found) return null;
  const { l0, explainedVariance, ceRecovered, dead } = found;
  return { l0, explainedVariance, ceRecovered, dead };
}

/** The activation of a dictionary as a card names it. */
function activationName({ activation }: Dictionary['config']): string {
  return 'k' in activation ? `${activation.kind} ${activation.k}` : activation.kind;
}

export const dictionaries: Handler<'dictionaries'> = async (session) => {
  const root = join(session.folder, FOLDER);
  const folders = await findDictionaries(root);
  const listed = await Promise.all(
    folders.map(async (folder) => {
      const dictionary = await loadDictionary(folder);
      const { config } = dictionary;
      return {
        name: relative(root, folder) || basename(folder),
        layer: replacedLayer(dictionary),
        reads: config.reads,
        writes: config.writes,
        activation: activationName(config),
        features: config.dDict,
        figures: await figures(folder),
      };
    }),
  );
  const set = await setOf(session).catch((error: unknown) => {
    if (isGlassboxError(error) && error.code === 'no-dictionary') return null;
    throw error;
  });
  return {
    set: set && {
      kind: set.kind,
      features: set.dictionaries.reduce((sum, { config }) => sum + config.dDict, 0),
    },
    dictionaries: listed,
  };
};

/** The transcoder of a layer and one of its features. Throws `bad-feature`. */
export async function featureOf(
  session: Session,
  { layer, index }: { readonly layer: number; readonly index: number },
): Promise<Dictionary> {
  const set = await setOf(session);
  const dictionary = set.dictionaries.at(layer);
  if (dictionary && index < dictionary.config.dDict) return dictionary;
  throw new GlassboxError(
    dictionary
      ? `layer ${layer} has no feature ${index}: its dictionary has ${dictionary.config.dDict}`
      : `there is no dictionary of layer ${layer}: the model has ${set.dictionaries.length} layers`,
    { code: 'bad-feature', remedy: 'Choose a feature that a graph or the list of features names.' },
  );
}
