import { stat } from 'node:fs/promises';
import { basename, join, relative, resolve } from 'node:path';
import { GlassboxError, isGlassboxError } from '../../../base/error.ts';
import { readDictionaryCard } from '../../../microscope/dictionary/compare/index.ts';
import {
  findDictionaries,
  loadDictionary,
  readDictionaryConfig,
} from '../../../microscope/dictionary/files.ts';
import { checkDictionary } from '../../../microscope/dictionary/metrics/check.ts';
import type { DictionaryKind } from '../../../microscope/dictionary/set.ts';
import {
  dictionaryKind,
  dictionaryLayer,
  loadDictionarySet,
  replacedLayer,
} from '../../../microscope/dictionary/set.ts';
import type {
  Dictionary,
  DictionaryConfig,
  DictionarySet,
} from '../../../microscope/dictionary/types.ts';
import type { DictionaryFinder } from '../../../microscope/feature-edit.ts';
import type { Model } from '../../../model/index.ts';
import type { DictionaryFiguresView } from '../../contract/graph.ts';
import { dictionaryFiles, dictionaryFolder } from '../../dictionary-files.ts';
import type { Handler, Session } from '../session.ts';

/** Folders that hold dictionaries: those the lab was given, then the model's own. */
export function rootsOf({ folder, dictionaries: given }: Session): string[] {
  return [...new Set([...given, dictionaryFolder(folder)].map((root) => resolve(root)))];
}

/** A dictionary that fits the model, as requests name it. */
export interface NamedDictionary {
  readonly name: string;
  /** The folder of {@link rootsOf} that it was found in. */
  readonly root: string;
  readonly folder: string;
  readonly config: DictionaryConfig;
  readonly kind: DictionaryKind;
  /** The layer that it reads; null where it reads several. */
  readonly layer: number | null;
}

/** Every dictionary of the model. Those of other models that lie beside them are left out. */
export async function catalogue(session: Session): Promise<NamedDictionary[]> {
  const found: NamedDictionary[] = [];
  const names = new Set<string>();
  // The model's own come first, so that they keep their short names.
  for (const root of rootsOf(session).reverse()) {
    for (const folder of await findDictionaries(root)) {
      const config = await readDictionaryConfig(folder);
      if (!fits(session.model, config)) continue;
      const short = relative(root, folder) || basename(folder);
      const name = names.has(short) ? join(basename(root), short) : short;
      if (names.has(name)) continue;
      names.add(name);
      found.push({
        name,
        root,
        folder,
        config,
        kind: dictionaryKind(config),
        layer: dictionaryLayer(config),
      });
    }
  }
  return found;
}

function fits(model: Model, config: DictionaryConfig): boolean {
  try {
    checkDictionary(model, { config, params: {} });
    return true;
  } catch (error) {
    if (isGlassboxError(error)) return false;
    throw error;
  }
}

const loaded = new Map<string, { readonly time: number; readonly found: Promise<Dictionary> }>();

/** A dictionary, read once until its weights change. */
export async function openDictionary(folder: string): Promise<Dictionary> {
  const { mtimeMs: time } = await stat(join(folder, 'weights.safetensors'));
  const known = loaded.get(folder);
  if (known?.time === time) return known.found;
  const found = loadDictionary(folder);
  loaded.set(folder, { time, found });
  found.catch(() => loaded.delete(folder));
  return found;
}

/** Transcoders of all layers, with the folder they were found in. */
interface FoundSet {
  readonly root: string;
  readonly set: DictionarySet;
}

/** The set that was used last, so that an unchanged one stays the same object. */
const sets = new WeakMap<Model, FoundSet>();

async function findSet(session: Session): Promise<FoundSet> {
  const roots = rootsOf(session);
  for (const [i, root] of roots.entries()) {
    try {
      return { root, set: await loadDictionarySet(session.model, root, { load: openDictionary }) };
    } catch (error) {
      // A given folder may hold anything; only the model's own must be a set or nothing.
      if (i === roots.length - 1 || !isGlassboxError(error) || error.kind !== 'input') throw error;
    }
  }
  throw new Error('internal: a model has a folder of its own');
}

/** Looked for at every request: a set that is trained or copied there later is found by the next one. */
async function foundSet(session: Session): Promise<FoundSet> {
  const found = await findSet(session);
  const last = sets.get(session.model);
  const { dictionaries } = found.set;
  const same = last?.set.dictionaries.every((one, layer) => one === dictionaries[layer]);
  if (last && same) return last;
  sets.set(session.model, found);
  return found;
}

/**
 * The transcoders that graphs are traced with: those of the first folder with one per layer, loaded once until
 * their weights change.
 *
 * @throws GlassboxError `no-dictionary` saying how to get some, or what {@link loadDictionarySet} throws
 */
export async function setOf(session: Session): Promise<DictionarySet> {
  return (await foundSet(session)).set;
}

/** The transcoder of every layer by its name; empty where the model has no set. */
export async function setMembers(session: Session): Promise<NamedDictionary[]> {
  const found = await foundSet(session).catch((error: unknown) => {
    if (isGlassboxError(error) && error.code === 'no-dictionary') return null;
    throw error;
  });
  if (!found) return [];
  const members: NamedDictionary[] = [];
  for (const one of await catalogue(session)) {
    const layer = replacedLayer(one);
    if (one.root === found.root && layer !== null) members[layer] = one;
  }
  return members;
}

async function figures(folder: string): Promise<DictionaryFiguresView | null> {
  const { figures: found } = await readDictionaryCard(folder);
  if (!found) return null;
  const { l0, explainedVariance, ceRecovered, dead } = found;
  return {
    l0: l0.value,
    explainedVariance: explainedVariance.value,
    ceRecovered: ceRecovered.value,
    dead: dead.value,
  };
}

/** The activation of a dictionary as a card names it. */
export function activationName({ activation }: DictionaryConfig): string {
  return 'k' in activation ? `${activation.kind} ${activation.k}` : activation.kind;
}

export const dictionaries: Handler<'dictionaries'> = async (session) => {
  const all = await catalogue(session);
  const members = await setMembers(session);
  const listed = await Promise.all(
    all.map(async ({ name, folder, config, kind, layer }) => ({
      name,
      kind,
      layer,
      replaces: replacedLayer({ config }),
      reads: config.reads,
      writes: config.writes,
      activation: activationName(config),
      features: config.dDict,
      figures: await figures(folder),
    })),
  );
  return {
    set:
      members.length === 0
        ? null
        : {
            kind: (await setOf(session)).kind,
            features: members.reduce((sum, { config }) => sum + config.dDict, 0),
            names: members.map(({ name }) => name),
          },
    dictionaries: listed,
    files: await dictionaryFiles(rootsOf(session)),
  };
};

/** How the edits of a request find the dictionaries that they name. */
export function finderOf(session: Session): DictionaryFinder {
  return async (name) => openDictionary((await dictionaryOf(session, { dictionary: name })).folder);
}

/** Which dictionary a request means: by its name, or the transcoder of a layer. */
export interface AskedDictionary {
  readonly dictionary?: string;
  readonly layer?: number;
}

/** The dictionary of a request. Throws `bad-feature` when there is none. */
export async function dictionaryOf(
  session: Session,
  { dictionary, layer = 0 }: AskedDictionary,
): Promise<NamedDictionary> {
  const all = dictionary === undefined ? [] : await catalogue(session);
  // Without transcoders the set says how to get some.
  if (dictionary === undefined) await setOf(session);
  const members = dictionary === undefined ? await setMembers(session) : [];
  const found = dictionary === undefined ? members[layer] : all.find((d) => d.name === dictionary);
  if (found) return found;
  throw new GlassboxError(
    dictionary === undefined
      ? `there is no dictionary of layer ${layer}: the model has ${members.length} layers`
      : `there is no dictionary '${dictionary}'`,
    { code: 'bad-feature', remedy: 'Choose a feature that a graph or the list of features names.' },
  );
}

/** The dictionary of a feature. Throws `bad-feature` when there is no such feature. */
export async function featureOf(
  session: Session,
  { index, ...asked }: AskedDictionary & { readonly index: number },
): Promise<NamedDictionary> {
  const found = await dictionaryOf(session, asked);
  if (index < found.config.dDict) return found;
  throw new GlassboxError(
    `'${found.name}' has no feature ${index}: its features run from 0 to ${found.config.dDict - 1}`,
    { code: 'bad-feature', remedy: 'Choose a feature that a graph or the list of features names.' },
  );
}
