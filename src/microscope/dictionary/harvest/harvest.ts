import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { GlassboxError } from '../../../base/error.ts';
import { writeFileAtomic } from '../../../base/files.ts';
import type { ProgressListener } from '../../../base/progress.ts';
import { writeSafetensors } from '../../../base/safetensors/index.ts';
import type { Model } from '../../../model/model.ts';
import { readActivations, type TokenSource } from '../data/source.ts';
import { checkDictionary } from '../metrics/check.ts';
import { createEncoder, type Encoder } from '../run.ts';
import type { Dictionary } from '../types.ts';
import { type Chunk, EventList, readChunk, writeChunk } from './chunk.ts';
import { correlations, staticRelations } from './relations.ts';
import { BINS, type HarvestInfo, LISTED } from './types.ts';

/** Which text features are looked up in, and how much of it. */
export interface HarvestOptions {
  readonly tokens: TokenSource;
  /** Batches of text to read. */
  readonly batches: number;
  /** Token ids that are left out. */
  readonly excluded?: readonly number[];
  readonly progress?: ProgressListener;
  /** Stops after the batch at hand; what is done is kept and the next call goes on. */
  readonly signal?: AbortSignal;
}

/** Activations sorted at a time while they are put in order of features. */
const SORT_EVENTS = 16 << 20;

export const INDEX = 'index.json';
export const TOKENS = 'tokens.bin';
export const ROWS = 'rows.bin';
export const EVENTS = 'events.bin';
export const FEATURES = 'features.safetensors';
const STATE = 'state.json';

/** SHA-256 over a dictionary's configuration and weights. */
export function dictionaryHash({ config, params }: Dictionary): string {
  const hash = createHash('sha256').update(JSON.stringify(config));
  for (const name of Object.keys(params).sort()) {
    const { data } = params[name];
    hash.update(name).update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest('hex');
}

/**
 * Reads a corpus once and writes down every activation of a dictionary, ordered by feature, with what its feature
 * pages need beside it. The folder appears when everything is in it; until then work is kept in `FOLDER.partial`, one
 * file per batch, and a later call with the same settings goes on there.
 *
 * @returns null when stopped by the signal
 * @throws GlassboxError `harvest-exists`, `folder-not-empty`, `dictionary-mismatch`, `harvest-mismatch`,
 *   `bad-harvest`, `empty-corpus`, `not-finite`
 */
export async function harvest(
  folder: string,
  model: Model,
  dictionary: Dictionary,
  options: HarvestOptions,
): Promise<HarvestInfo | null> {
  if (existsSync(join(folder, INDEX))) {
    throw new GlassboxError(`${folder} already holds a harvest`, {
      code: 'harvest-exists',
      remedy: 'Open it, delete it, or choose another folder.',
      details: { folder },
    });
  }
  if ((await readdir(folder).catch(() => [])).length > 0) {
    throw new GlassboxError(`${folder} holds other files`, {
      code: 'folder-not-empty',
      remedy: 'Choose a folder of its own for the harvest.',
      details: { folder },
    });
  }
  checkDictionary(model, dictionary);
  const { tokens, batches, excluded = [], progress, signal } = options;
  const partial = `${folder}.partial`;
  const settings = {
    model: model.name,
    corpus: tokens.name,
    excluded,
    dictionary: dictionaryHash(dictionary),
  };
  const finished = await resumeFinished(partial, settings);
  if (finished) return publish(partial, folder, finished);
  let { done } = await resume(partial, settings);
  const label = 'harvesting';
  const encoder = await createEncoder(model.runtime, dictionary);
  try {
    for (; done < batches && !signal?.aborted; done++) {
      const batch = tokens.batch(done);
      if (!batch) break;
      const chunk = await readBatch(model, dictionary, { encoder, batch, excluded });
      await mkdir(partial, { recursive: true });
      await writeChunk(partial, done, chunk);
      await writeFileAtomic(join(partial, STATE), JSON.stringify({ ...settings, done: done + 1 }));
      progress?.({ label, done: done + 1, total: batches, unit: 'batches' });
    }
  } finally {
    await encoder.release();
  }
  if (signal?.aborted) return null;
  if (done === 0) {
    throw new GlassboxError(`${tokens.name} holds no text`, {
      code: 'empty-corpus',
      remedy: 'Give a corpus with at least one row.',
    });
  }
  const info = await finish(partial, model, dictionary, { settings, done, progress });
  return publish(partial, folder, info);
}

/** Drops what only the work needed and gives the folder its name. What was begun before is carried on with. */
async function publish(partial: string, folder: string, info: HarvestInfo): Promise<HarvestInfo> {
  const kept = [INDEX, TOKENS, ROWS, EVENTS, FEATURES];
  for (const name of await readdir(partial)) {
    // Chunks, the state, and what a killed process left of a write that had not ended.
    if (!kept.includes(name)) await rm(join(partial, name));
  }
  await mkdir(dirname(folder), { recursive: true });
  await rename(partial, folder);
  return info;
}

/** A harvest that was whole when it was stopped, before its folder got its name. */
async function resumeFinished(
  partial: string,
  settings: Readonly<Record<string, unknown>>,
): Promise<HarvestInfo | null> {
  const text = await readFile(join(partial, INDEX), 'utf8').catch(() => undefined);
  if (text === undefined) return null;
  const info = parseState<HarvestInfo>(partial, text);
  const { model, corpus, excluded, dictionary } = info;
  checkSame(partial, { model, corpus, excluded, dictionary }, settings);
  return info;
}

function parseState<T>(partial: string, text: string): T {
  try {
    return JSON.parse(text) as T;
  } catch (cause) {
    throw new GlassboxError(`${partial} is damaged`, {
      code: 'bad-harvest',
      remedy: 'Delete the unfinished harvest and start again.',
      details: { partial },
      cause,
    });
  }
}

async function resume(partial: string, settings: Readonly<Record<string, unknown>>) {
  const text = await readFile(join(partial, STATE), 'utf8').catch(() => undefined);
  if (text === undefined) return { done: 0 };
  const { done, ...saved } = parseState<{ done: number }>(partial, text);
  checkSame(partial, saved, settings);
  return { done };
}

function checkSame(
  partial: string,
  saved: Readonly<Record<string, unknown>>,
  settings: Readonly<Record<string, unknown>>,
): void {
  if (JSON.stringify(saved) === JSON.stringify(settings)) return;
  throw new GlassboxError(`${partial} is an unfinished harvest of something else`, {
    code: 'harvest-mismatch',
    remedy: 'Delete it to start again, or finish it with the settings it was begun with.',
    details: { partial },
  });
}

async function readBatch(
  model: Model,
  { config }: Dictionary,
  options: {
    readonly encoder: Encoder;
    readonly batch: readonly (readonly number[])[];
    readonly excluded: readonly number[];
  },
): Promise<Chunk> {
  const { encoder, batch, excluded } = options;
  const addresses = config.reads;
  const read = await readActivations([{ model, addresses }], batch, { excluded });
  const { acts } = await encoder.run(addresses.map((address) => read.values[address]));
  const starts = new Uint32Array(batch.length);
  for (let i = 1; i < batch.length; i++) starts[i] = starts[i - 1] + batch[i - 1].length;
  const events = new EventList();
  read.at.forEach(({ row, position }, i) => {
    for (let feature = 0; feature < config.dDict; feature++) {
      const value = acts[i * config.dDict + feature];
      if (value > 0) events.add(starts[row] + position, feature, value);
    }
  });
  return {
    ids: Uint32Array.from(batch.flat()),
    rows: starts,
    counted: read.rows,
    ...events.arrays,
  };
}

async function finish(
  partial: string,
  model: Model,
  dictionary: Dictionary,
  options: {
    readonly settings: Pick<HarvestInfo, 'model' | 'corpus' | 'excluded' | 'dictionary'>;
    readonly done: number;
    readonly progress?: ProgressListener;
  },
): Promise<HarvestInfo> {
  const { settings, done, progress } = options;
  const { dDict, reads, writes } = dictionary.config;
  const step = (count: number) =>
    progress?.({ label: 'ordering activations', done: count, total: 4, unit: 'steps' });
  async function* chunks(): AsyncGenerator<Chunk> {
    for (let i = 0; i < done; i++) yield await readChunk(partial, i);
  }
  const fired = new Uint32Array(dDict);
  // Added up in double precision: a single loses what is added to a million firings.
  const sums = new Float64Array(dDict);
  const largest = new Float32Array(dDict);
  const ids: Uint32Array[] = [];
  const rows: number[] = [];
  let [tokens, counted, events] = [0, 0, 0];
  for await (const chunk of chunks()) {
    for (const start of chunk.rows) rows.push(tokens + start);
    chunk.feature.forEach((feature, i) => {
      fired[feature]++;
      sums[feature] += chunk.value[i];
      largest[feature] = Math.max(largest[feature], chunk.value[i]);
    });
    ids.push(chunk.ids.slice());
    tokens += chunk.ids.length;
    counted += chunk.counted;
    events += chunk.feature.length;
  }
  step(1);
  await writeWords(join(partial, TOKENS), ids);
  await writeWords(join(partial, ROWS), [Uint32Array.from(rows)]);
  const offsets = new Float64Array(dDict + 1);
  for (let f = 0; f < dDict; f++) offsets[f + 1] = offsets[f] + fired[f];
  await orderByFeature(join(partial, EVENTS), chunks, { fired, offsets });
  step(2);
  const { index: correlatedIndex, value: correlatedValue } = await correlations({
    dDict,
    counted,
    chunks,
  });
  step(3);
  const { neighbours, top, bottom, logits } = await staticRelations(model, dictionary);
  const listed = (data: Int32Array | Float32Array) => ({ shape: [dDict, LISTED], data });
  const one = (data: Float32Array) => ({ shape: [dDict], data });
  await writeSafetensors(join(partial, FEATURES), {
    fired: { shape: [dDict], data: Int32Array.from(fired) },
    sums: one(Float32Array.from(sums)),
    max: one(largest),
    neighbourIndex: listed(neighbours.index),
    neighbourValue: listed(neighbours.value),
    correlatedIndex: listed(correlatedIndex),
    correlatedValue: listed(correlatedValue),
    topIndex: listed(top.index),
    topValue: listed(top.value),
    bottomIndex: listed(bottom.index),
    bottomValue: listed(bottom.value),
    logitCounts: { shape: [dDict, BINS], data: logits.counts },
    logitLow: one(logits.low),
    logitHigh: one(logits.high),
  });
  const info: HarvestInfo = {
    version: 1,
    ...settings,
    reads,
    writes,
    dDict,
    batches: done,
    tokens,
    counted,
    events,
  };
  await writeFileAtomic(join(partial, INDEX), `${JSON.stringify(info, null, 2)}\n`);
  step(4);
  return info;
}

async function writeWords(path: string, arrays: readonly Uint32Array[]): Promise<void> {
  const parts = arrays.map((one) => new Uint8Array(one.buffer, one.byteOffset, one.byteLength));
  await writeFileAtomic(path, parts);
}

/** Writes (token, value) pairs feature by feature, tokens ascending, as many features at a time as fit. */
async function orderByFeature(
  path: string,
  chunks: () => AsyncIterable<Chunk>,
  options: { readonly fired: Uint32Array; readonly offsets: Float64Array },
): Promise<void> {
  const { fired, offsets } = options;
  const handle = await open(path, 'w');
  try {
    for (let first = 0; first < fired.length; ) {
      let last = first + 1;
      while (last < fired.length && offsets[last + 1] - offsets[first] <= SORT_EVENTS) last++;
      const size = offsets[last] - offsets[first];
      const memory = new ArrayBuffer(8 * size);
      const [tokens, values] = [new Uint32Array(memory), new Float32Array(memory)];
      const next = offsets.slice(first, last).map((offset) => offset - offsets[first]);
      let base = 0;
      for await (const { ids, token, feature, value } of chunks()) {
        for (let i = 0; i < feature.length; i++) {
          const local = feature[i] - first;
          if (local < 0 || feature[i] >= last) continue;
          const at = next[local]++;
          tokens[2 * at] = base + token[i];
          values[2 * at + 1] = value[i];
        }
        base += ids.length;
      }
      // Unlike write(), this goes on until every byte is written, or fails.
      await handle.writeFile(new Uint8Array(memory));
      first = last;
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
}
