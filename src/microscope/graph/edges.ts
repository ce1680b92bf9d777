import type { TensorData } from '../../graph/op.ts';
import type { Model } from '../../model/model.ts';
import type { DictionarySet } from '../dictionary/types.ts';
import { edgeProgram, frozenAddresses, type TargetSite } from './frozen.ts';
import type { Sources } from './sources.ts';

/** Targets of edges that read at the same site. */
export interface TargetBatch {
  readonly site: TargetSite;
  /** Where each of them reads. */
  readonly positions: readonly number[];
  /** The direction each of them reads, `[targets, d_model]`. */
  readonly vectors: Float32Array;
}

/** Targets below this are not worth a run of their own. */
const SMALL_BATCH = 64;

/**
 * Splits targets that read at one site into batches of at most `most`. What a target reads lies at its own
 * position and before, and a batch is run over no more positions than its last target needs; so
 * targets go by position, and a batch of some size ends where a position does.
 */
export function batchesByPosition(
  targets: readonly number[],
  positionOf: (target: number) => number,
  most: number,
): number[][] {
  const sorted = [...targets].sort((a, b) => positionOf(a) - positionOf(b) || a - b);
  const batches: number[][] = [];
  let batch: number[] = [];
  for (const target of sorted) {
    const last = batch.at(-1);
    const newPosition = last !== undefined && positionOf(last) !== positionOf(target);
    if (batch.length >= most || (newPosition && batch.length >= SMALL_BATCH)) {
      batches.push(batch);
      batch = [];
    }
    batch.push(target);
  }
  if (batch.length > 0) batches.push(batch);
  return batches;
}

/** Values of one prompt, `[1, pos, …]`, at its first positions. */
function firstPositions({ dtype, shape, data }: TensorData, count: number): TensorData {
  const [one, pos, ...rest] = shape;
  const part = data.subarray(0, (data.length / pos) * count);
  return { dtype, shape: [one, count, ...rest], data: part } as TensorData;
}

/** A pattern `[1, heads, pos, pos]` between the first positions. */
function firstOfPattern({ shape, data }: TensorData, count: number): TensorData {
  const [, heads, pos] = shape;
  const from = data as Float32Array;
  const part = new Float32Array(heads * count * count);
  for (let row = 0; row < heads * count; row++) {
    const start = (Math.floor(row / count) * pos + (row % count)) * pos;
    part.set(from.subarray(start, start + count), row * count);
  }
  return { dtype: 'float32', shape: [1, heads, count, count], data: part };
}

/** Computes rows of edges in batches of targets at the same site. */
export class EdgeRunner {
  readonly #model: Model;
  readonly #set: DictionarySet;
  readonly #sources: Sources;
  readonly #cache: Readonly<Record<string, TensorData>>;
  /** What does not depend on the targets, by number of positions. */
  readonly #fixed = new Map<number, Readonly<Record<string, TensorData>>>();
  readonly #signature: string;

  constructor(
    model: Model,
    set: DictionarySet,
    sources: Sources,
    cache: Readonly<Record<string, TensorData>>,
  ) {
    this.#model = model;
    this.#set = set;
    this.#sources = sources;
    this.#cache = cache;
    this.#signature = JSON.stringify(
      set.dictionaries.map(({ config: { reads, writes, skip } }) => [reads, writes, skip]),
    );
  }

  /** Held values, skips and sources at the first positions. */
  #feeds(positions: number): Readonly<Record<string, TensorData>> {
    const known = this.#fixed.get(positions);
    if (known) return known;
    const feeds: Record<string, TensorData> = {};
    for (const address of frozenAddresses(this.#model.config)) {
      const first = address.endsWith('hook_pattern') ? firstOfPattern : firstPositions;
      feeds[`held.${address}`] = first(this.#cache[address], positions);
    }
    this.#set.dictionaries.forEach(({ params }, layer) => {
      if (params.W_skip) feeds[`dictionary.${layer}.W_skip`] = params.W_skip;
    });
    for (const [name, { shape, data }] of Object.entries(this.#sources.feeds)) {
      const [pos, ...rest] = shape;
      const part = (data as Float32Array).subarray(0, (data.length / pos) * positions);
      feeds[name] = { dtype: 'float32', shape: [positions, ...rest], data: part };
    }
    this.#fixed.set(positions, feeds);
    return feeds;
  }

  /** `[targets][columns]` */
  async rows({ site, positions, vectors }: TargetBatch): Promise<Float32Array[]> {
    const { config, runner } = this.#model;
    const kept = runner.program(`edges ${site} ${this.#signature}`, 'fed', () =>
      edgeProgram(config, this.#set, site),
    );
    const k = positions.length;
    const needed = positions.reduce((a, b) => Math.max(a, b), 0) + 1;
    const results = await runner.run(kept, {
      ...this.#feeds(needed),
      vectors: { dtype: 'float32', shape: [k, config.dModel], data: vectors },
      positions: { dtype: 'int64', shape: [k], data: BigInt64Array.from(positions, BigInt) },
    });
    return this.#collect(results, k, needed);
  }

  #collect(
    results: Readonly<Record<string, TensorData>>,
    k: number,
    positions: number,
  ): Float32Array[] {
    const { columns, firstToken, runs, widths } = this.#sources;
    const out = Array.from({ length: k }, () => new Float32Array(columns));
    runs.forEach((list, layer) => {
      const edges = results[`edges.${layer}`]?.data as Float32Array | undefined;
      if (!edges) return;
      const width = widths[layer];
      for (const { column, position, slot, length } of list) {
        if (position >= positions) continue;
        for (let t = 0; t < k; t++) {
          const row = out[t];
          const start = (position * k + t) * width + slot;
          // Added up, because a feature may write to several layers.
          for (let i = 0; i < length; i++) row[column + i] += edges[start + i];
        }
      }
    });
    const embed = results['edges.embed'].data as Float32Array;
    for (let i = 0; i < embed.length; i++) out[i % k][firstToken + Math.floor(i / k)] = embed[i];
    return out;
  }
}
