import { GlassboxError } from '../../../base/error.ts';
import { Rng } from '../../../base/rng.ts';
import type { ActivationStatistics } from '../train/params.ts';
import {
  type ActivationSource,
  readActivations,
  type TokenFilter,
  type TokenSource,
} from './source.ts';

/** One batch of activations, `[rows, width]` per address. Views: valid until the next one is asked for. */
export type ActivationBatch = Readonly<Record<string, Float32Array>>;

/** Where training gets activations from; its state is JSON, and restoring continues with the same batches. */
export interface BatchSource {
  next(): Promise<ActivationBatch>;
  /** Means and mean lengths over the first block. */
  statistics(): Promise<Record<string, ActivationStatistics>>;
  state(): BufferState;
  restore(state: BufferState): void;
  /** Batches of tokens (or stored blocks) read so far. */
  readonly read: number;
}

export interface BufferState {
  /** First batch of tokens of the block at hand. */
  readonly start: number;
  /** Number of the block, which seeds its order. */
  readonly block: number;
  /** Batches already taken from it. */
  readonly taken: number;
}

export interface BufferOptions {
  readonly sources: readonly ActivationSource[];
  readonly tokens: TokenSource;
  readonly filter?: TokenFilter;
  /** Rows per batch. */
  readonly rows: number;
  /** Rows that are shuffled together; 64 batches unless told. */
  readonly capacity?: number;
  readonly seed: number;
}

/** Rows of activations that were read together. */
export interface ActivationBlock {
  readonly rows: number;
  readonly values: Readonly<Record<string, Float32Array>>;
}

/**
 * A buffer that is filled from a model, shuffled, emptied batch by batch and filled again. Every block is a function
 * of the seed, its number and where its tokens start, so a run that resumes sees the same batches.
 */
export function shufflingBuffer(options: BufferOptions): BatchSource {
  const { sources, tokens, filter, rows, seed, capacity = 64 * rows } = options;
  return blockSource({
    rows,
    seed,
    async fill(start) {
      const pieces: ActivationBlock[] = [];
      let index = start;
      for (let count = 0; count < capacity; index++) {
        // What is left at the end of a corpus can be less than one batch: its beginning makes it whole.
        if (count < rows && index > 0 && !tokens.batch(index)) index = 0;
        const batch = tokens.batch(index);
        if (!batch || (pieces.length > 0 && index === start)) break;
        const piece = await readActivations(sources, batch, filter);
        pieces.push(piece);
        count += piece.rows;
      }
      // A finite corpus starts over.
      if (tokens.batch(index) === undefined) index = 0;
      return { block: joinBlocks(pieces), next: index };
    },
  });
}

/** The batches of blocks that `fill` gives, each block in a random order of its own. */
export function blockSource(options: {
  readonly rows: number;
  readonly seed: number;
  /** The block that starts somewhere, and where the next one starts. */
  readonly fill: (
    start: number,
    block: number,
  ) => Promise<{ block: ActivationBlock; next: number }>;
}): BatchSource {
  const { rows, seed, fill } = options;
  let state: BufferState = { start: 0, block: 0, taken: 0 };
  let held: { values: ActivationBlock; order: Uint32Array; next: number } | undefined;
  let buffers: Record<string, Float32Array> = {};

  async function load() {
    const { block, next } = await fill(state.start, state.block);
    if (block.rows < rows) {
      throw new GlassboxError(`the corpus gave ${block.rows} rows, a batch needs ${rows}`, {
        code: 'too-few-activations',
        remedy: 'Use more text, smaller batches, or leave out fewer tokens.',
        details: { rows: block.rows, needed: rows },
      });
    }
    const order = Uint32Array.from({ length: block.rows }, (_, i) => i);
    shuffle(order, new Rng(seed).fork(`block ${state.block}`));
    held = { values: block, order, next };
    buffers = Object.fromEntries(
      Object.entries(block.values).map(([address, data]) => [
        address,
        new Float32Array(rows * (data.length / block.rows)),
      ]),
    );
    return held;
  }

  return {
    get read() {
      return held?.next ?? state.start;
    },
    async next() {
      let block = held ?? (await load());
      if ((state.taken + 1) * rows > block.values.rows) {
        state = { start: block.next, block: state.block + 1, taken: 0 };
        block = await load();
      }
      const first = state.taken * rows;
      for (const [address, data] of Object.entries(block.values.values)) {
        const width = data.length / block.values.rows;
        for (let i = 0; i < rows; i++) {
          const from = block.order[first + i] * width;
          buffers[address].set(data.subarray(from, from + width), i * width);
        }
      }
      state = { ...state, taken: state.taken + 1 };
      return buffers;
    },
    async statistics() {
      // Always those of the first block, so that a resumed run scales as the first one did.
      const block = state.block === 0 ? (held ?? (await load())).values : (await fill(0, 0)).block;
      return Object.fromEntries(
        Object.entries(block.values).map(([address, data]) => [
          address,
          statisticsOf(data, block.rows),
        ]),
      );
    },
    state: () => state,
    restore(saved) {
      state = saved;
      held = undefined;
    },
  };
}

/** Blocks one after the other as one. */
export function joinBlocks(pieces: readonly ActivationBlock[]): ActivationBlock {
  const rows = pieces.reduce((sum, piece) => sum + piece.rows, 0);
  const values: Record<string, Float32Array> = {};
  for (const address of Object.keys(pieces[0]?.values ?? {})) {
    const length = pieces.reduce((sum, piece) => sum + piece.values[address].length, 0);
    const out = new Float32Array(length);
    let at = 0;
    for (const piece of pieces) {
      out.set(piece.values[address], at);
      at += piece.values[address].length;
    }
    values[address] = out;
  }
  return { rows, values };
}

/** Mean row and mean length of `[rows, width]`. */
export function statisticsOf(data: Float32Array, rows: number): ActivationStatistics {
  const width = data.length / rows;
  const mean = new Float64Array(width);
  let lengths = 0;
  for (let row = 0; row < rows; row++) {
    let square = 0;
    for (let d = 0; d < width; d++) {
      const value = data[row * width + d];
      mean[d] += value / rows;
      square += value * value;
    }
    lengths += Math.sqrt(square);
  }
  return { mean: Float32Array.from(mean), meanNorm: lengths / rows };
}

function shuffle(order: Uint32Array, rng: Rng): void {
  for (let i = order.length - 1; i > 0; i--) {
    const j = rng.int(i + 1);
    const held = order[i];
    order[i] = order[j];
    order[j] = held;
  }
}
