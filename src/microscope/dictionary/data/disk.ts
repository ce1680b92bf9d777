import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { GlassboxError } from '../../../base/error.ts';
import { writeFileAtomic } from '../../../base/files.ts';
import type { ProgressListener } from '../../../base/progress.ts';
import { Rng } from '../../../base/rng.ts';
import { readSafetensors, writeSafetensors } from '../../../base/safetensors/index.ts';
import { modelHash } from '../model-hash.ts';
import { type ActivationBlock, type BatchSource, blockSource, joinBlocks } from './buffer.ts';
import {
  type ActivationSource,
  readActivations,
  type TokenFilter,
  type TokenSource,
} from './source.ts';

const INDEX = 'index.json';

const indexSchema = z.object({
  version: z.literal(1),
  tokens: z.string(),
  /** What was read of which models, hashed; older stores do not say. */
  from: z.string().optional(),
  /** Rows of every finished block. */
  blocks: z.array(z.object({ rows: z.int().min(1), next: z.int().min(0) })),
});

const blockFile = (index: number): string => `block-${String(index).padStart(5, '0')}.safetensors`;

/**
 * Writes activations to disk in blocks, so that they can be trained on many times and need not fit into memory. A
 * folder that holds some blocks already is continued.
 *
 * @throws GlassboxError `store-mismatch` when those blocks are of other text, models, addresses or tokens left out
 *
 * @param options.rows rows wanted in all
 * @param options.blockRows rows per file
 * @returns rows written in all
 */
export async function storeActivations(
  folder: string,
  options: {
    readonly sources: readonly ActivationSource[];
    readonly tokens: TokenSource;
    readonly filter?: TokenFilter;
    readonly rows: number;
    readonly blockRows: number;
    readonly floats?: 'F32' | 'F16';
    readonly progress?: ProgressListener;
    readonly signal?: AbortSignal;
  },
): Promise<number> {
  const { sources, tokens, filter, blockRows, floats = 'F32', progress, signal } = options;
  await mkdir(folder, { recursive: true });
  const from = originOf(options);
  const index = (await readIndex(folder)) ?? { version: 1, tokens: tokens.name, from, blocks: [] };
  const mismatch = (message: string) =>
    new GlassboxError(`${folder} holds activations of ${message}`, {
      code: 'store-mismatch',
      remedy: 'Choose another folder.',
      details: { folder },
    });
  if (index.tokens !== tokens.name) throw mismatch(`${index.tokens}, not ${tokens.name}`);
  if (index.from !== undefined && index.from !== from) {
    throw mismatch('another model, other addresses, or with other tokens left out');
  }
  let done = index.blocks.reduce((sum, { rows }) => sum + rows, 0);
  while (done < options.rows && !signal?.aborted) {
    let next = index.blocks.at(-1)?.next ?? 0;
    const pieces: ActivationBlock[] = [];
    for (let count = 0; count < blockRows; next++) {
      const batch = tokens.batch(next);
      if (!batch) break;
      const piece = await readActivations(sources, batch, filter);
      pieces.push(piece);
      count += piece.rows;
    }
    if (pieces.length === 0) break;
    const { rows, values } = joinBlocks(pieces);
    // Nothing but tokens that are left out.
    if (rows === 0) break;
    const tensors = Object.fromEntries(
      Object.entries(values).map(([address, data]) => [
        address,
        { shape: [rows, data.length / rows], data },
      ]),
    );
    await writeSafetensors(join(folder, blockFile(index.blocks.length)), tensors, { floats });
    index.blocks.push({ rows, next });
    // The index names a block only once its file is whole.
    await writeFileAtomic(join(folder, INDEX), `${JSON.stringify(index)}\n`);
    done += rows;
    progress?.({ label: 'storing activations', done, total: options.rows, unit: 'tokens' });
  }
  return done;
}

/** A hash of the models, addresses and filter of a store. */
function originOf({
  sources,
  filter = {},
}: {
  readonly sources: readonly ActivationSource[];
  readonly filter?: TokenFilter;
}): string {
  const models = sources.map(({ model, addresses, prefix = '' }) => [
    modelHash(model),
    [...addresses].sort(),
    prefix,
  ]);
  const { excluded = [], maxNormRatio = null } = filter;
  const origin = { models, excluded: [...excluded].sort((a, b) => a - b), maxNormRatio };
  return createHash('sha256').update(JSON.stringify(origin)).digest('hex');
}

async function readIndex(folder: string) {
  const path = join(folder, INDEX);
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    return indexSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new GlassboxError(`${path} is no index of stored activations`, {
      code: 'bad-store',
      remedy: 'Delete the folder and store the activations again.',
      details: { path },
      cause,
    });
  }
}

/** Batches from stored activations: blocks in a random order per pass, rows in a random order per block. */
export async function diskSource(
  folder: string,
  options: { readonly rows: number; readonly seed: number },
): Promise<BatchSource> {
  const index = await readIndex(folder);
  if (!index || index.blocks.length === 0) {
    throw new GlassboxError(`${folder} holds no stored activations`, {
      code: 'no-store',
      remedy: 'Store some first with `glassbox dict train` and a `store` in its configuration.',
      details: { folder },
    });
  }
  const all = index.blocks.map((_, i) => i);
  // The last block of a corpus may hold less than one batch.
  const filled = all.filter((i) => index.blocks[i].rows >= options.rows);
  const numbers = filled.length > 0 ? filled : all;
  const count = numbers.length;
  return blockSource({
    ...options,
    async fill(start) {
      const pass = Math.floor(start / count);
      const order = new Rng(options.seed).fork(`pass ${pass}`).shuffle(numbers);
      const path = join(folder, blockFile(order[start % count]));
      const tensors = await readSafetensors(await readFile(path), { path });
      const values = Object.fromEntries(
        [...tensors].map(([address, { data }]) => [address, data as Float32Array]),
      );
      const [first] = tensors.values();
      return { block: { rows: first.shape[0], values }, next: start + 1 };
    },
  });
}
