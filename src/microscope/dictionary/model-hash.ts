import { createHash } from 'node:crypto';
import type { Model } from '../../model/model.ts';
import type { Dictionary } from './types.ts';

const hashes = new WeakMap<object, string>();

/** SHA-256 over a model's weights by name, hex; worked out once per model. */
export function modelHash({ params }: Pick<Model, 'params'>): string {
  const known = hashes.get(params);
  if (known !== undefined) return known;
  const hash = createHash('sha256');
  for (const name of Object.keys(params).sort()) {
    const { data } = params[name];
    hash.update(name).update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  const made = hash.digest('hex');
  hashes.set(params, made);
  return made;
}

/**
 * What to tell when a dictionary was trained on other weights than the model has, null when it was not or nothing is
 * known. No error: a dictionary of a base model is often used on what was tuned from it.
 */
export function otherWeights(model: Model, { config }: Dictionary): string | null {
  const { name, hash } = config.model;
  if (hash === null || hash === modelHash(model)) return null;
  return `the dictionary was trained on other weights (${name}) than ${model.name} has now`;
}
