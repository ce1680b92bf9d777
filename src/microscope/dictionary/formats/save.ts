import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify as toYaml } from 'yaml';
import { writeFileAtomic } from '../../../base/files.ts';
import { writeSafetensors } from '../../../base/safetensors/index.ts';
import type { Dictionary, DictionarySet } from '../types.ts';
import { toCircuitTracer } from './circuit-tracer.ts';
import { toDictionaryLearning } from './dictionary-learning.ts';
import { toSaeLens } from './saelens.ts';
import { toSparsify } from './sparsify.ts';
import { badDictionary } from './tensors.ts';
import { writeTorchFile } from './torch-write.ts';

/**
 * Writes a dictionary as SAELens 6 stores it. Throws `bad-dictionary` for kinds SAELens has no form for.
 */
export async function saveSaeLens(folder: string, dictionary: Dictionary): Promise<void> {
  const { cfg, tensors } = toSaeLens(dictionary);
  await mkdir(folder, { recursive: true });
  await writeSafetensors(join(folder, 'sae_weights.safetensors'), plain(tensors));
  await writeFileAtomic(join(folder, 'cfg.json'), `${JSON.stringify(cfg, null, 2)}\n`);
}

/**
 * Writes an autoencoder as dictionary_learning stores it: `ae.pt` and `config.json`. Throws `bad-dictionary` for what it has no
 * form for.
 */
export async function saveDictionaryLearning(
  folder: string,
  dictionary: Dictionary,
): Promise<void> {
  const { config, tensors } = toDictionaryLearning(dictionary);
  await mkdir(folder, { recursive: true });
  await writeTorchFile(join(folder, 'ae.pt'), tensors);
  await writeFileAtomic(join(folder, 'config.json'), `${JSON.stringify(config, null, 2)}\n`);
}

/**
 * Writes dictionaries as sparsify stores them, each in a folder of its hookpoint (`layers.5.mlp`), because the name is all
 * that says where it belongs. Throws `bad-dictionary` for what sparsify has no form for, and for two of one hookpoint;
 * nothing is written then.
 */
export async function saveSparsify(
  root: string,
  dictionaries: readonly Dictionary[],
): Promise<void> {
  const made = new Map<string, ReturnType<typeof toSparsify>>();
  for (const dictionary of dictionaries) {
    const one = toSparsify(dictionary);
    if (made.has(one.hookpoint)) {
      throw badDictionary('these dictionaries', `hold two of hookpoint ${one.hookpoint}`);
    }
    made.set(one.hookpoint, one);
  }
  for (const [hookpoint, { cfg, tensors }] of made) {
    const folder = join(root, hookpoint);
    await mkdir(folder, { recursive: true });
    await writeSafetensors(join(folder, 'sae.safetensors'), plain(tensors));
    await writeFileAtomic(join(folder, 'cfg.json'), `${JSON.stringify(cfg, null, 2)}\n`);
  }
}

/**
 * Writes a set as circuit-tracer reads it: `config.yaml` and one file per layer (two for cross-layer
 * transcoders).
 */
export async function saveCircuitTracer(folder: string, set: DictionarySet): Promise<void> {
  const { config, files } = toCircuitTracer(set);
  await mkdir(folder, { recursive: true });
  for (const [name, tensors] of Object.entries(files)) {
    await writeSafetensors(join(folder, name), plain(tensors));
  }
  await writeFileAtomic(join(folder, 'config.yaml'), toYaml(config));
}

/** Only shape and data: the element type follows from the data. */
function plain(
  tensors: Readonly<
    Record<string, { shape: readonly number[]; data: Float32Array | BigInt64Array | Uint8Array }>
  >,
) {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, { shape, data }]) => [name, { shape, data }]),
  );
}
