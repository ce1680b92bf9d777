import { join, relative } from 'node:path';
import { GlassboxError, isGlassboxError, nearestNames } from '../base/error.ts';
import type { TensorData } from '../graph/op.ts';
import type { Model } from '../model/model.ts';
import type { Edit } from '../model/run/edit-types.ts';
import { findDictionaries, loadDictionary } from './dictionary/files.ts';
import { featureActivations } from './dictionary/harvest/text.ts';
import type { Dictionary } from './dictionary/types.ts';
import { decoderVector } from './graph/sources.ts';

/** Finds the dictionary that an edit names. */
export type DictionaryFinder = (name: string) => Promise<Dictionary>;

/** Finds dictionaries by their folders below one folder; a name that is not there throws `bad-edit` with the nearest. */
export function dictionariesIn(folder: string): DictionaryFinder {
  return async (name) => {
    try {
      return await loadDictionary(join(folder, name));
    } catch (cause) {
      if (!isGlassboxError(cause) || cause.code !== 'no-dictionary') throw cause;
      const known = (await findDictionaries(folder)).map((path) => relative(folder, path));
      const near = nearestNames(name, known);
      throw new GlassboxError(`there is no dictionary '${name}' in ${folder}`, {
        code: 'bad-edit',
        remedy:
          near.length > 0
            ? `Nearest: ${near.join(', ')}.`
            : 'Say where dictionaries are: --dictionaries FOLDER, or the option `dictionaries`.',
        details: { name, folder, nearest: near },
        cause,
      });
    }
  };
}

/** The dictionary and number of a feature written `transcoder-2:17`. Throws `bad-edit`. */
function parseFeature(text: string): { readonly name: string; readonly index: number } {
  const [, name, index] = /^(.+):(\d+)$/.exec(text) ?? [];
  if (name !== undefined) return { name, index: Number(index) };
  throw new GlassboxError(`'${text}' names no feature`, {
    code: 'bad-edit',
    remedy: 'Write the dictionary and the number of the feature, such as transcoder-2:17.',
  });
}

/**
 * The edits that multiply a feature in the model: at every position of the prompt, what it writes there in the
 * unedited run is added (factor − 1) times. 0 ablates it, 2 doubles it. Positions that are generated later are
 * not changed, since what fires there is not known before.
 *
 * @throws GlassboxError `bad-edit` when there is no such dictionary or feature, `dictionary-mismatch`
 */
export async function featureEdits(
  model: Model,
  tokens: readonly number[],
  spec: {
    readonly at: readonly string[];
    readonly feature: string;
    readonly factor: number;
    readonly positions?: Edit['positions'];
  },
  find?: DictionaryFinder,
): Promise<Edit[]> {
  const { name, index } = parseFeature(spec.feature);
  if (!find) {
    throw new GlassboxError(`'${spec.feature}' is in a dictionary, and no dictionaries are given`, {
      code: 'bad-edit',
      remedy: 'Say where they are: --dictionaries FOLDER, or the option `dictionaries`.',
    });
  }
  const dictionary = await find(name);
  const { config } = dictionary;
  const writes = config.writes.flatMap((at, j) => (spec.at.includes(at) ? [{ at, j }] : []));
  if (index >= config.dDict || writes.length === 0) {
    throw new GlassboxError(
      writes.length === 0
        ? `'${name}' writes to ${config.writes.join(', ')}, not to ${spec.at.join(', ')}`
        : `'${name}' has no feature ${index}: its features run from 0 to ${config.dDict - 1}`,
      { code: 'bad-edit', remedy: 'Name a feature of the dictionary, at an address it writes to.' },
    );
  }
  const [activations] = await featureActivations(model, dictionary, { tokens, features: [index] });
  return writes.map(({ at, j }): Edit => {
    const vector = decoderVector(dictionary, index, j);
    const data = new Float32Array(tokens.length * vector.length);
    activations.forEach((activation, position) => {
      const amount = (spec.factor - 1) * activation;
      if (amount === 0) return;
      for (let i = 0; i < vector.length; i++)
        data[position * vector.length + i] = amount * vector[i];
    });
    const shape = [1, tokens.length, vector.length];
    const value: TensorData = { dtype: 'float32', shape, data };
    return { at, op: 'add', vector: value, positions: spec.positions };
  });
}
