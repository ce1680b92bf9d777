import { GlassboxError } from '../../../base/error.ts';
import type { ProgressListener } from '../../../base/progress.ts';
import { input } from '../../../graph/build.ts';
import type { TensorData } from '../../../graph/op.ts';
import { createProgram } from '../../../graph/program.ts';
import type { Model } from '../../../model/model.ts';
import type { Runtime } from '../../../runtime/runtime.ts';
import { readActivations } from '../data/source.ts';
import { EventList } from '../harvest/chunk.ts';
import { checkDictionary } from '../metrics/check.ts';
import { dictionaryFeeds, dictionaryInputs } from '../run.ts';
import { traceEncode } from '../trace.ts';
import type { Dictionary } from '../types.ts';
import type { ConceptText } from './types.ts';

/** Rows of text that are run at a time. */
const ROWS = 64;

/** A text as columns, one entry per token that was not excluded. */
export interface TextColumns {
  readonly name: string;
  readonly tokens: number;
  /** Number of documents. */
  readonly documents: number;
  /** Token ids. */
  readonly ids: Uint32Array;
  /** Id of the token before it in its row; −1 at the start. */
  readonly previous: Int32Array;
  /** Id of the token after it in its row; −1 at the end. */
  readonly next: Int32Array;
  readonly document: Uint32Array;
  /** Concepts of token i: `held[heldStart[i]]` up to `held[heldStart[i + 1]]`. */
  readonly heldStart: Uint32Array;
  readonly held: Uint16Array;
  /** Row of the text and position in it. */
  readonly row: Uint32Array;
  readonly position: Uint32Array;
}

/** Every activation above zero, feature by feature, the largest first. */
export interface FeatureEvents {
  readonly dDict: number;
  /** Events of feature f: `start[f]` up to `start[f + 1]`. */
  readonly start: Uint32Array;
  /** Index of the token in the columns. */
  readonly token: Uint32Array;
  readonly value: Float32Array;
}

/** Throws `text-too-long` for a text whose tokens cannot be told apart in the keys that events are ordered by. */
function requireRoom({ name, rows }: ConceptText): void {
  const tokens = rows.reduce((sum, row) => sum + row.length, 0);
  if (tokens <= PLACES) return;
  throw new GlassboxError(`${name} has ${tokens} tokens, labels are made on at most ${PLACES}`, {
    code: 'text-too-long',
    remedy: 'Use fewer rows (--rows, --held-out-rows).',
    details: { tokens, most: PLACES },
  });
}

/**
 * Turns a text into columns, without the excluded tokens.
 *
 * @throws GlassboxError `text-too-long`
 */
export function textColumns(text: ConceptText, excluded: readonly number[]): TextColumns {
  requireRoom(text);
  const skip = new Set(excluded);
  const ids: number[] = [];
  const previous: number[] = [];
  const next: number[] = [];
  const document: number[] = [];
  const row: number[] = [];
  const position: number[] = [];
  const heldStart: number[] = [0];
  const held: number[] = [];
  let last = -1;
  text.rows.forEach((tokens, r) => {
    tokens.forEach((id, at) => {
      last = Math.max(last, text.documents[r][at]);
      if (skip.has(id)) return;
      ids.push(id);
      previous.push(at > 0 ? tokens[at - 1] : -1);
      next.push(tokens[at + 1] ?? -1);
      document.push(text.documents[r][at]);
      row.push(r);
      position.push(at);
      for (const concept of text.held[r]?.[at] ?? []) held.push(concept);
      heldStart.push(held.length);
    });
  });
  return {
    name: text.name,
    tokens: ids.length,
    documents: last + 1,
    ids: Uint32Array.from(ids),
    previous: Int32Array.from(previous),
    next: Int32Array.from(next),
    document: Uint32Array.from(document),
    heldStart: Uint32Array.from(heldStart),
    held: Uint16Array.from(held),
    row: Uint32Array.from(row),
    position: Uint32Array.from(position),
  };
}

/**
 * Runs a text through a model once and every dictionary over what it reads there.
 *
 * @returns events per dictionary, in order; null when stopped by the signal
 * @throws GlassboxError `dictionary-mismatch`
 */
export async function scanText(
  model: Model,
  dictionaries: readonly Dictionary[],
  options: {
    readonly text: ConceptText;
    readonly excluded: readonly number[];
    readonly progress?: ProgressListener;
    readonly signal?: AbortSignal;
  },
): Promise<FeatureEvents[] | null> {
  const { text, excluded, progress, signal } = options;
  for (const dictionary of dictionaries) checkDictionary(model, dictionary);
  const addresses = [...new Set(dictionaries.flatMap(({ config }) => config.reads))];
  const encoders = await Promise.all(dictionaries.map((one) => compileEncode(model.runtime, one)));
  const found = dictionaries.map(() => new EventList());
  let base = 0;
  try {
    for (let first = 0; first < text.rows.length; first += ROWS) {
      if (signal?.aborted) return null;
      const rows = text.rows.slice(first, first + ROWS);
      const read = await readActivations([{ model, addresses }], rows, { excluded });
      for (const [d, { config }] of dictionaries.entries()) {
        const acts = await encoders[d].run(config.reads.map((address) => read.values[address]));
        for (let i = 0; i < acts.length; i++) {
          if (acts[i] <= 0) continue;
          found[d].add(base + Math.floor(i / config.dDict), i % config.dDict, acts[i]);
        }
      }
      base += read.rows;
      progress?.({
        label: `reading ${text.name}`,
        done: Math.min(first + ROWS, text.rows.length),
        total: text.rows.length,
        unit: 'rows',
      });
    }
  } finally {
    for (const encoder of encoders) await encoder.release();
  }
  return dictionaries.map(({ config }, d) => orderEvents(config.dDict, found[d].arrays));
}

/** Compiles the encoder alone; labels need no reconstruction. */
async function compileEncode(runtime: Runtime, dictionary: Dictionary) {
  const { config } = dictionary;
  const tensors = config.reads.map((_, i) => input(`x.${i}`, ['rows', config.dIn]));
  const program = createProgram({ acts: traceEncode(config, dictionaryInputs(config), tensors) });
  const executable = await runtime.compile(program);
  const all = dictionaryFeeds(dictionary);
  const fixed = Object.fromEntries(
    program.inputs.flatMap(({ attrs: { name } }) => (name in all ? [[name, all[name]]] : [])),
  );
  return {
    async run(inputs: readonly Float32Array[]): Promise<Float32Array> {
      const feeds: Record<string, TensorData> = { ...fixed };
      inputs.forEach((data, i) => {
        feeds[`x.${i}`] = { dtype: 'float32', shape: [data.length / config.dIn, config.dIn], data };
      });
      return (await executable.run(feeds)).acts.data as Float32Array;
    },
    release: () => executable.release(),
  };
}

/** Orders events by feature, then from the largest activation down. */
export function orderEvents(
  dDict: number,
  events: {
    readonly token: Uint32Array;
    readonly feature: Uint32Array;
    readonly value: Float32Array;
  },
): FeatureEvents {
  const { token, feature, value } = events;
  const start = new Uint32Array(dDict + 1);
  for (const f of feature) start[f + 1]++;
  for (let f = 0; f < dDict; f++) start[f + 1] += start[f];
  // Positive floats order like their bits, so bits and place fit one number that sorts without a comparator.
  const bits = new Uint32Array(value.buffer, value.byteOffset, value.length);
  const keys = new Float64Array(token.length);
  const next = start.slice();
  for (let i = 0; i < token.length; i++) {
    keys[next[feature[i]]++] = bits[i] * PLACES + (PLACES - 1 - token[i]);
  }
  const sorted = { token: new Uint32Array(token.length), value: new Float32Array(token.length) };
  const sortedBits = new Uint32Array(sorted.value.buffer);
  for (let f = 0; f < dDict; f++) {
    const own = keys.subarray(start[f], start[f + 1]).sort();
    for (let i = 0; i < own.length; i++) {
      const key = own[own.length - 1 - i];
      sorted.token[start[f] + i] = PLACES - 1 - (key % PLACES);
      sortedBits[start[f] + i] = Math.floor(key / PLACES);
    }
  }
  return { dDict, start, ...sorted };
}

/** The most tokens of a text: 31 bits of a positive float and these 22 fit 53. */
const PLACES = 2 ** 22;
