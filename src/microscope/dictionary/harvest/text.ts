import type { Model } from '../../../model/model.ts';
import { checkActivations } from '../data/source.ts';
import { encodeFeatures } from '../encode.ts';
import { checkDictionary } from '../metrics/check.ts';
import type { Dictionary } from '../types.ts';
import { requireFeature } from './feature.ts';

/** Activations `[pos, width]` of one text at every address. */
async function readText(
  model: Model,
  addresses: readonly string[],
  tokens: readonly number[],
): Promise<Float32Array[]> {
  const { cache } = await model.runWithCache(tokens, addresses, { logits: 'none' });
  return addresses.map((address) => {
    const data = cache[address].data as Float32Array;
    checkActivations(data, model, address);
    return data;
  });
}

/**
 * What chosen features do on a text of one's own: `[features][tokens]`.
 *
 * @throws GlassboxError `unknown-feature`, `dictionary-mismatch`, `not-finite`
 */
export async function featureActivations(
  model: Model,
  dictionary: Dictionary,
  options: { readonly tokens: readonly number[]; readonly features: readonly number[] },
): Promise<number[][]> {
  const { tokens, features } = options;
  checkDictionary(model, dictionary);
  const { reads, dDict } = dictionary.config;
  for (const feature of features) requireFeature(feature, dDict);
  const inputs = await readText(model, reads, tokens);
  const acts = await encodeFeatures(model, dictionary, inputs);
  return features.map((feature) => tokens.map((_, i) => acts[i * dDict + feature]));
}

/** The features that fire most on a text: largest activation, and where. */
export async function strongestFeatures(
  model: Model,
  dictionary: Dictionary,
  options: {
    readonly tokens: readonly number[];
    readonly count: number;
    /** Positions left out, such as that of begin-of-text. */
    readonly ignored?: readonly number[];
  },
): Promise<{ readonly feature: number; readonly position: number; readonly value: number }[]> {
  const { tokens, count, ignored = [] } = options;
  checkDictionary(model, dictionary);
  const { reads, dDict } = dictionary.config;
  const inputs = await readText(model, reads, tokens);
  const acts = await encodeFeatures(model, dictionary, inputs);
  const best = new Map<number, { position: number; value: number }>();
  acts.forEach((value, i) => {
    const [position, feature] = [Math.floor(i / dDict), i % dDict];
    if (value <= (best.get(feature)?.value ?? 0) || ignored.includes(position)) return;
    best.set(feature, { position, value });
  });
  return [...best]
    .map(([feature, at]) => ({ feature, ...at }))
    .sort((a, b) => b.value - a.value)
    .slice(0, count);
}
