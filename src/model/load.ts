import { existsSync } from 'node:fs';
import { mkdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { GlassboxError } from '../base/error.ts';
import { writeFileAtomic } from '../base/files.ts';
import type { ProgressListener } from '../base/progress.ts';
import { openSafetensors, writeSafetensors } from '../base/safetensors/index.ts';
import { nodeRuntime } from '../runtime/node/index.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { type ModelConfig, parseModelConfigText } from './config.ts';
import { createModel, type Model } from './model.ts';
import type { WeightMode } from './run/runner.ts';
import { loadTokenizer } from './tokenizer-file.ts';
import { type Parameters, readCheckpoint, toCheckpoint } from './weights/checkpoint.ts';

/** How a model folder is loaded. */
export interface LoadModelOptions {
  /** The native runtime on this thread unless told. */
  readonly runtime?: Runtime;
  readonly weights?: WeightMode;
  /** What to call the model; the folder's path unless told. */
  readonly name?: string;
  readonly onProgress?: ProgressListener;
}

/** Reads `config.json` of a folder. Throws `no-model` when there is none. */
export async function readConfig(folder: string): Promise<ModelConfig> {
  const path = join(folder, 'config.json');
  const isFolder = await stat(folder).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isFolder || !existsSync(path)) {
    throw new GlassboxError(
      isFolder ? `${folder} has no config.json` : `there is no folder ${folder}`,
      {
        code: 'no-model',
        remedy:
          'Give the folder of a Hugging Face model: config.json, *.safetensors, tokenizer.json.',
        details: { folder },
      },
    );
  }
  return parseModelConfigText(await readFile(path, 'utf8'), path);
}

/**
 * Loads a model from an unmodified Hugging Face folder: `config.json`, `model.safetensors` (or shards
 * with an index) and, when present, its tokenizer. Weights become float32; nothing is folded.
 *
 * @throws GlassboxError `no-model`, `unsupported-architecture`, `bad-config`, or what
 *   {@link readCheckpoint} and the tokenizer throw
 */
export async function loadModel(folder: string, options: LoadModelOptions = {}): Promise<Model> {
  const config = await readConfig(folder);
  const source = await openSafetensors(folder);
  let params: Parameters;
  try {
    params = await readCheckpoint(config, source, { onProgress: options.onProgress });
  } finally {
    await source.close();
  }
  const hasTokenizer = existsSync(join(folder, 'tokenizer.json'));
  return createModel(config, params, {
    runtime: options.runtime ?? nodeRuntime(),
    weights: options.weights,
    name: options.name ?? folder,
    tokenizer: hasTokenizer ? await loadTokenizer(folder) : null,
  });
}

/**
 * Writes `config.json` and `model.safetensors` of a model as `transformers` would, so that any program
 * for Hugging Face folders can read them.
 *
 * @param options.floats how to store the weights, `F32` unless told
 */
export async function saveModel(
  folder: string,
  model: { readonly config: ModelConfig; readonly params: Parameters },
  options: { readonly floats?: 'F32' | 'F16' | 'BF16' } = {},
): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeSafetensors(
    join(folder, 'model.safetensors'),
    toCheckpoint(model.config, model.params),
    { floats: options.floats ?? 'F32', metadata: { format: 'pt' } },
  );
  await writeFileAtomic(
    join(folder, 'config.json'),
    `${JSON.stringify(model.config.raw, null, 2)}\n`,
  );
}
