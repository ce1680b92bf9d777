import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { GlassboxError } from '../../base/error.ts';
import { writeFileAtomic } from '../../base/files.ts';
import {
  encodeSafetensors,
  readSafetensors,
  writeSafetensors,
} from '../../base/safetensors/index.ts';
import type { TensorData } from '../../graph/op.ts';
import { type Dictionary, type DictionaryConfig, dictionaryShapes } from './types.ts';

const CONFIG = 'config.json';
const WEIGHTS = 'weights.safetensors';
const FORMAT = 'glassbox-dictionary';
/** The figures of a dictionary, beside its weights. */
const CARD = 'metrics.json';

const activation = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('relu') }),
  z.strictObject({ kind: z.literal('gated') }),
  z.strictObject({ kind: z.literal('topk'), k: z.int().min(1) }),
  z.strictObject({ kind: z.literal('batchtopk'), k: z.int().min(1) }),
  z.strictObject({ kind: z.literal('jumprelu') }),
  z.strictObject({ kind: z.literal('groupmax'), k: z.int().min(1) }),
]);

const configSchema = z.object({
  format: z.literal(FORMAT),
  version: z.literal(1),
  activation,
  reads: z.array(z.string()).min(1),
  writes: z.array(z.string()).min(1),
  dIn: z.int().min(1),
  dOut: z.int().min(1),
  dDict: z.int().min(1),
  centreInput: z.boolean(),
  skip: z.boolean(),
  scale: z.number().positive(),
  normalise: z.enum(['layer-norm', 'constant-norm']).optional(),
  prefixes: z.array(z.int().min(1)).optional(),
  model: z.object({ name: z.string(), hash: z.string().nullable() }),
});

/**
 * Writes a dictionary as a folder: `config.json` and `weights.safetensors`. Each file appears whole or not at all,
 * the configuration last, so a folder with one can be read. The figures of a dictionary that was there before are
 * removed, since nothing in them says whose they are.
 *
 * @param options.floats how to store the weights, `F32` unless told
 */
export async function saveDictionary(
  folder: string,
  dictionary: Dictionary,
  options: { readonly floats?: 'F32' | 'F16' | 'BF16' } = {},
): Promise<void> {
  await mkdir(folder, { recursive: true });
  await rm(join(folder, CARD), { force: true });
  await writeSafetensors(join(folder, WEIGHTS), tensorsOf(dictionary), {
    floats: options.floats ?? 'F32',
  });
  const json = { format: FORMAT, version: 1, ...dictionary.config };
  await writeFileAtomic(join(folder, CONFIG), `${JSON.stringify(json, null, 2)}\n`);
}

function bad(folder: string, problem: string, cause?: unknown): GlassboxError {
  return new GlassboxError(`${folder}: ${problem}`, {
    code: 'bad-dictionary',
    remedy: 'Give a folder that was written by this program, or import the dictionary first.',
    details: { folder },
    cause,
  });
}

const tensorsOf = ({ params }: Dictionary) =>
  new Map(Object.entries(params).map(([name, { shape, data }]) => [name, { shape, data }]));

/** A dictionary with its weights as a file has them, so that what is measured is what is read again. */
export async function storedDictionary(
  dictionary: Dictionary,
  options: { readonly floats: 'F32' | 'F16' | 'BF16' },
): Promise<Dictionary> {
  if (options.floats === 'F32') return dictionary;
  const stored = await readSafetensors(encodeSafetensors(tensorsOf(dictionary), options));
  const params = Object.fromEntries(
    Object.entries(dictionary.params).map(([name, { shape }]) => [
      name,
      { dtype: 'float32' as const, shape, data: stored.get(name)!.data as Float32Array },
    ]),
  );
  return { config: dictionary.config, params };
}

/**
 * Reads a folder written by {@link saveDictionary}.
 *
 * @throws GlassboxError `no-dictionary` when there is none, `bad-dictionary` naming what is wrong: a field, a shape,
 *   a parameter that is missing, or a value that is not finite
 */
export async function loadDictionary(folder: string): Promise<Dictionary> {
  const config = await readDictionaryConfig(folder);
  const path = join(folder, WEIGHTS);
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw bad(folder, `${WEIGHTS} cannot be read`, cause);
  });
  const stored = await readSafetensors(bytes, { path });
  const params: Record<string, TensorData> = {};
  for (const [name, shape] of Object.entries(dictionaryShapes(config))) {
    const tensor = stored.get(name);
    if (!tensor) throw bad(folder, `${WEIGHTS} has no '${name}'`);
    if (tensor.shape.join() !== shape.join()) {
      throw bad(folder, `'${name}' is [${tensor.shape}], its configuration asks for [${shape}]`);
    }
    const data = tensor.data as Float32Array;
    if (!data.every(Number.isFinite)) throw bad(folder, `'${name}' holds NaN or infinity`);
    params[name] = { dtype: 'float32', shape, data };
  }
  return { config, params };
}

/**
 * What a dictionary is, without its weights.
 *
 * @throws GlassboxError `no-dictionary`, `bad-dictionary`
 */
export async function readDictionaryConfig(folder: string): Promise<DictionaryConfig> {
  const text = await readFile(join(folder, CONFIG), 'utf8').catch((cause: unknown) => {
    throw new GlassboxError(`${folder} holds no dictionary (no ${CONFIG})`, {
      code: 'no-dictionary',
      remedy: 'Give the folder of a dictionary; train one with `glassbox dict train`.',
      details: { folder },
      cause,
    });
  });
  return parseConfig(text, folder);
}

function parseConfig(text: string, folder: string): DictionaryConfig {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw bad(folder, `${CONFIG} is not JSON`, cause);
  }
  const parsed = configSchema.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw bad(folder, `${CONFIG}: ${issue.path.join('.') || 'it'}: ${issue.message}`);
  }
  const { format: _, version: __, ...config } = parsed.data;
  return config;
}

/** Folders below `root` (itself included, two levels down at most) that hold a dictionary, in order. */
export async function findDictionaries(root: string, depth = 2): Promise<string[]> {
  const entries = await readdir(root, { withFileTypes: true }).catch(() => []);
  const names = new Set(entries.map(({ name }) => name));
  if (names.has(CONFIG) && names.has(WEIGHTS)) return [root];
  if (depth === 0) return [];
  const folders = entries
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort();
  const found = await Promise.all(
    folders.map((name) => findDictionaries(join(root, name), depth - 1)),
  );
  return found.flat();
}
