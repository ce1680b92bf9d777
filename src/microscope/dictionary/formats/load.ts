import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { GlassboxError } from '../../../base/error.ts';
import { openSafetensors } from '../../../base/safetensors/index.ts';
import { loadDictionary } from '../files.ts';
import { replacedLayer } from '../set.ts';
import type { Dictionary, DictionarySet } from '../types.ts';
import { type CircuitTracerConfig, fromCrossLayer, fromTranscoderLayer } from './circuit-tracer.ts';
import { fromDictionaryLearning } from './dictionary-learning.ts';
import { readNpz } from './npz.ts';
import { fromGemmaScope, type Place } from './others.ts';
import { fromSaeLens } from './saelens.ts';
import { fromSparsify } from './sparsify.ts';
import { badDictionary, type ForeignTensor, ForeignTensors } from './tensors.ts';
import { readTorchFile } from './torch.ts';

/** Formats that are recognised. */
export const dictionaryFormats = [
  'glassbox',
  'saelens',
  'dictionary_learning',
  'sparsify',
  'gemma-scope',
  'circuit-tracer',
] as const;
/** One of {@link dictionaryFormats}. */
export type DictionaryFormat = (typeof dictionaryFormats)[number];

/** What was found in a folder or file. */
export interface LoadedDictionaries {
  readonly format: DictionaryFormat;
  /** One, or one per layer for a set. */
  readonly dictionaries: readonly Dictionary[];
  /** When the files form a set that stands in for all MLPs. */
  readonly set: DictionarySet | null;
  /** The folder of each dictionary by its name in the release, where the release is one of several. */
  readonly names?: readonly string[];
}

/** What the files of a dictionary do not say. */
export interface LoadOptions {
  /** Where the dictionary reads and writes, for formats whose files do not say (Gemma Scope, sparsify). */
  readonly place?: Place;
}

async function safetensors(path: string): Promise<ForeignTensors> {
  const source = await openSafetensors(path);
  try {
    const tensors = new Map<string, ForeignTensor>();
    for (const name of source.names) tensors.set(name, await source.readTensor(name));
    return new ForeignTensors(path, tensors);
  } finally {
    await source.close();
  }
}

async function textOf(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((cause: Error) => {
    throw badDictionary(path, `cannot be read: ${cause.message}`);
  });
}

async function json(path: string): Promise<unknown> {
  const text = await textOf(path);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw badDictionary(path, `is not JSON: ${(cause as Error).message}`);
  }
}

async function torchTensors(path: string): Promise<ForeignTensors> {
  const value = await readTorchFile(path);
  if (!(value instanceof Map)) throw badDictionary(path, 'holds no dictionary of tensors');
  const tensors = new Map<string, ForeignTensor>();
  for (const [name, item] of value) {
    if (typeof item === 'number') tensors.set(String(name), { shape: [], data: [item] });
    else if (typeof item === 'object' && item !== null && 'shape' in item) {
      tensors.set(String(name), item as ForeignTensor);
    }
  }
  return new ForeignTensors(path, tensors);
}

/**
 * Gemma Scope paths say the layer (`layer_12`) and its repositories the place (`-pt-res`, `-mlp`, `-att`). Those of attention
 * are of what enters the output projection, all heads side by side.
 */
function gemmaPlace(path: string): Place {
  const layer = /layer_(\d+)/.exec(path)?.[1];
  if (layer === undefined) {
    throw new GlassboxError(`${path}: the path does not say which layer this is`, {
      code: 'unknown-place',
      remedy: 'Keep the folders of the release (layer_12/…), or give --at ADDRESS.',
      details: { path },
    });
  }
  const hook = /[-_](?:att|attn)\b|attn_out/.test(path)
    ? 'attn.hook_z'
    : /[-_/](?:mlp|mlp_out|transcoders?)\b/.test(path)
      ? 'hook_mlp_out'
      : 'hook_resid_post';
  const writes = `blocks.${layer}.${hook}`;
  // The first release read behind the norm with its gain folded into the MLP, the second behind the gain.
  const behind = path.endsWith('.npz') ? 'ln2.hook_normalized' : 'mlp.hook_in';
  const reads = /transcoder/.test(path) ? `blocks.${layer}.${behind}` : writes;
  return { reads, writes };
}

const yamlSchema = z.looseObject({
  model_name: z.string(),
  model_kind: z.enum(['transcoder_set', 'cross_layer_transcoder']),
  feature_input_hook: z.string(),
  feature_output_hook: z.string(),
  activation: z.enum(['relu', 'topk']).optional(),
  k: z.int().min(1).optional(),
});

function yaml(text: string, path: string): unknown {
  try {
    return parseYaml(text);
  } catch (cause) {
    throw badDictionary(path, `is not YAML: ${(cause as Error).message.split('\n')[0]}`);
  }
}

async function circuitTracer(
  folder: string,
  names: ReadonlySet<string>,
): Promise<LoadedDictionaries> {
  const path = join(folder, 'config.yaml');
  const parsed = yamlSchema.safeParse(yaml(await textOf(path), path));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw badDictionary(path, `${issue.path.join('.') || 'it'}: ${issue.message}`);
  }
  const config: CircuitTracerConfig = parsed.data;
  const crosses = config.model_kind === 'cross_layer_transcoder';
  const dictionaries: Dictionary[] = [];
  for (let layer = 0; ; layer++) {
    const [first, second] = crosses
      ? [`W_enc_${layer}.safetensors`, `W_dec_${layer}.safetensors`]
      : [`layer_${layer}.safetensors`, null];
    if (!names.has(first)) break;
    const tensors = await safetensors(join(folder, first));
    dictionaries.push(
      second === null
        ? fromTranscoderLayer(config, tensors, layer)
        : fromCrossLayer(
            config,
            { encoder: tensors, decoder: await safetensors(join(folder, second)) },
            layer,
          ),
    );
  }
  if (dictionaries.length === 0)
    throw badDictionary(folder, 'config.yaml has no weights beside it');
  const set: DictionarySet = { kind: crosses ? 'cross-layer' : 'per-layer', dictionaries };
  return { format: 'circuit-tracer', dictionaries, set };
}

/** The weights of a dictionary of sparsify. */
const SPARSIFY = 'sae.safetensors';
const SEED = /^seed\d+$/;

async function sparsify(folder: string, place?: Place): Promise<Dictionary> {
  // A training with several seeds keeps them in folders below that of the hookpoint.
  const own = basename(folder);
  const hookpoint = SEED.test(own) ? basename(dirname(folder)) : own;
  const cfg = await json(join(folder, 'cfg.json'));
  if (typeof cfg !== 'object' || cfg === null) throw badDictionary(folder, 'cfg.json is no object');
  const tensors = await safetensors(join(folder, SPARSIFY));
  return fromSparsify(cfg as Readonly<Record<string, unknown>>, tensors, { hookpoint, place });
}

/** Folders below one that hold a dictionary of sparsify, in order of layers; seeds lie a level deeper. */
async function sparsifyFolders(root: string): Promise<string[]> {
  const order = new Intl.Collator('en', { numeric: true });
  const below = async (folder: string) => {
    const entries = await readdir(folder, { withFileTypes: true });
    const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
    return {
      names: names.sort(order.compare),
      holds: entries.some(({ name }) => name === SPARSIFY),
    };
  };
  const found: string[] = [];
  for (const name of (await below(root)).names) {
    const { names, holds } = await below(join(root, name));
    if (holds) found.push(join(root, name));
    for (const seed of names.filter((one) => SEED.test(one))) {
      if ((await below(join(root, name, seed))).holds) found.push(join(root, name, seed));
    }
  }
  return found;
}

async function sparsifyRelease(root: string, folders: readonly string[]) {
  const dictionaries = await Promise.all(folders.map((folder) => sparsify(folder)));
  const stands = dictionaries.every((dictionary, layer) => replacedLayer(dictionary) === layer);
  return {
    format: 'sparsify',
    dictionaries,
    set: stands ? { kind: 'per-layer', dictionaries } : null,
    names: folders.map((folder) => relative(root, folder).split(sep).join('-')),
  } as const satisfies LoadedDictionaries;
}

const one = (format: DictionaryFormat, dictionary: Dictionary): LoadedDictionaries => ({
  format,
  dictionaries: [dictionary],
  set: null,
});

/**
 * Loads a dictionary of any supported format, recognised by its files: Glassbox, SAELens (versions 3 to 6),
 * dictionary_learning (`ae.pt`), sparsify, Gemma Scope (`params.npz`), circuit-tracer (transcoder sets and cross-layer
 * transcoders). Nothing in a file is ever run.
 *
 * @throws GlassboxError `unknown-dictionary-format` listing what is recognised, `bad-dictionary`, `unsafe-pickle`
 */
export async function loadAnyDictionary(
  path: string,
  options: LoadOptions = {},
): Promise<LoadedDictionaries> {
  const info = await stat(path).catch((cause) => {
    throw new GlassboxError(`there is nothing at ${path}`, {
      code: 'no-dictionary',
      remedy: 'Give the folder (or file) of a dictionary.',
      cause,
    });
  });
  const folder = info.isDirectory() ? path : dirname(path);
  const names = new Set(info.isDirectory() ? await readdir(path) : [basename(path)]);
  const at = (name: string) => join(folder, name);
  if (names.has('config.json') && names.has('weights.safetensors')) {
    return one('glassbox', await loadDictionary(folder));
  }
  if (names.has('config.yaml')) return circuitTracer(folder, names);
  if (names.has('sae_weights.safetensors')) {
    const tensors = await safetensors(at('sae_weights.safetensors'));
    return one('saelens', fromSaeLens(await json(at('cfg.json')), tensors));
  }
  if (names.has(SPARSIFY)) return one('sparsify', await sparsify(resolve(folder), options.place));
  if (names.has('ae.pt')) {
    const tensors = await torchTensors(at('ae.pt'));
    const config = await json(join(folder, 'config.json'));
    return one('dictionary_learning', fromDictionaryLearning(config, tensors));
  }
  if (names.has('params.safetensors')) {
    const path = at('params.safetensors');
    const place = options.place ?? gemmaPlace(path);
    return one('gemma-scope', fromGemmaScope(await safetensors(path), place));
  }
  const npz = [...names].find((name) => name.endsWith('.npz'));
  if (npz) {
    const tensors = new ForeignTensors(at(npz), await readNpz(at(npz)));
    return one('gemma-scope', fromGemmaScope(tensors, options.place ?? gemmaPlace(at(npz))));
  }
  const below = info.isDirectory() ? await sparsifyFolders(path) : [];
  if (below.length > 0 && options.place) {
    throw new GlassboxError(
      `${path} holds ${below.length} dictionaries, which cannot all be at one address`,
      {
        code: 'bad-option',
        remedy: 'Give the folder of one of them, or leave --at out.',
        details: { path },
      },
    );
  }
  if (below.length > 0) return sparsifyRelease(path, below);
  throw new GlassboxError(`${path} holds no dictionary of a known format`, {
    code: 'unknown-dictionary-format',
    remedy: `Known are ${dictionaryFormats.join(', ')}; a folder of one of them has cfg.json, config.yaml, ae.pt, params.npz or weights.safetensors.`,
    details: { path, files: [...names].slice(0, 20) },
  });
}
