import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GlassboxError } from '../../../base/error.ts';
import { writeFileAtomic } from '../../../base/files.ts';

/**
 * What one batch of text gave: token ids with row starts, and the activations above zero in order of tokens.
 * Token numbers count from the start of the chunk.
 */
export interface Chunk {
  readonly ids: Uint32Array;
  /** First token of every row. */
  readonly rows: Uint32Array;
  /** Token of every activation, ascending. */
  readonly token: Uint32Array;
  readonly feature: Uint32Array;
  readonly value: Float32Array;
  /** Tokens that were not excluded. */
  readonly counted: number;
}

const chunkFile = (index: number): string => `chunk-${String(index).padStart(5, '0')}.bin`;

/** Writes a chunk: five counts, then its arrays, all four bytes wide. */
export async function writeChunk(folder: string, index: number, chunk: Chunk): Promise<void> {
  const { ids, rows, token, feature, value, counted } = chunk;
  const head = Uint32Array.of(ids.length, rows.length, token.length, counted, 0);
  const parts = [head, ids, rows, token, feature, value].map(
    (array) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength),
  );
  await writeFileAtomic(join(folder, chunkFile(index)), parts);
}

/** Reads a chunk back. Throws `bad-harvest` when it is not whole. */
export async function readChunk(folder: string, index: number): Promise<Chunk> {
  const path = join(folder, chunkFile(index));
  const bytes = Uint8Array.from(await readFile(path));
  const words = new Uint32Array(bytes.buffer, 0, Math.floor(bytes.length / 4));
  const [ids, rows, events, counted] = words;
  if (words.length !== 5 + ids + rows + 3 * events || bytes.length % 4 !== 0) {
    throw new GlassboxError(`${path} is damaged`, {
      code: 'bad-harvest',
      remedy: 'Delete the unfinished harvest and start again.',
      details: { path },
    });
  }
  let at = 5;
  const take = (length: number) => words.subarray(at, (at += length));
  return {
    ids: take(ids),
    rows: take(rows),
    token: take(events),
    feature: take(events),
    value: new Float32Array(bytes.buffer, 4 * at, events),
    counted,
  };
}

/** Collects the activations above zero out of dense rows. */
export class EventList {
  #token = new Uint32Array(1 << 12);
  #feature = new Uint32Array(1 << 12);
  #value = new Float32Array(1 << 12);
  #length = 0;

  add(token: number, feature: number, value: number): void {
    if (this.#length === this.#token.length) this.#grow();
    this.#token[this.#length] = token;
    this.#feature[this.#length] = feature;
    this.#value[this.#length++] = value;
  }

  #grow(): void {
    const larger = <T extends Uint32Array | Float32Array>(old: T, made: T): T => {
      made.set(old);
      return made;
    };
    const size = 2 * this.#length;
    this.#token = larger(this.#token, new Uint32Array(size));
    this.#feature = larger(this.#feature, new Uint32Array(size));
    this.#value = larger(this.#value, new Float32Array(size));
  }

  get arrays() {
    const length = this.#length;
    return {
      token: this.#token.slice(0, length),
      feature: this.#feature.slice(0, length),
      value: this.#value.slice(0, length),
    };
  }
}
