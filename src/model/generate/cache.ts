import type { TensorData } from '../../graph/op.ts';
import type { ModelConfig } from '../config.ts';

/** Allocates zeroed arrays where the runtime reads them without copying. */
export type AllocateFloats = (shape: readonly number[]) => TensorData;

/** Names of a layer's cache arrays among the inputs of a decoding program. */
export function pastName(kind: 'k' | 'v', layer: number): string {
  return `past.${kind}.${layer}`;
}

/** Names of a layer's new keys and values among the outputs of a program. */
export function freshName(kind: 'k' | 'v', layer: number): string {
  return `fresh.${kind}.${layer}`;
}

const FIRST_CAPACITY = 64;

/**
 * Keys and values of a text that grows: per layer two arrays `[batch, n_kv_heads, capacity, d_head]`.
 * New tokens are written into their slots; the arrays are replaced only when the capacity doubles,
 * so a token costs one small copy whatever the length of the text.
 */
export class KvCache {
  readonly #config: ModelConfig;
  readonly #rows: number;
  readonly #allocate: AllocateFloats;
  #capacity: number;
  #feeds: Record<string, TensorData>;

  constructor(
    config: ModelConfig,
    options: { readonly rows: number; readonly tokens: number; readonly allocate: AllocateFloats },
  ) {
    this.#config = config;
    this.#rows = options.rows;
    this.#allocate = options.allocate;
    this.#capacity = FIRST_CAPACITY;
    while (this.#capacity < options.tokens) this.#capacity *= 2;
    this.#feeds = this.#arrays();
  }

  /** The arrays under the names of {@link pastName}. */
  get feeds(): Readonly<Record<string, TensorData>> {
    return this.#feeds;
  }

  #arrays(): Record<string, TensorData> {
    const { nLayers, nKvHeads, dHead } = this.#config;
    const shape = [this.#rows, nKvHeads, this.#capacity, dHead];
    const out: Record<string, TensorData> = {};
    for (let layer = 0; layer < nLayers; layer++) {
      for (const kind of ['k', 'v'] as const) out[pastName(kind, layer)] = this.#allocate(shape);
    }
    return out;
  }

  /** Makes room for texts of this many tokens. */
  reserve(tokens: number): void {
    if (tokens <= this.#capacity) return;
    const before = this.#feeds;
    const old = this.#capacity;
    while (this.#capacity < tokens) this.#capacity *= 2;
    this.#feeds = this.#arrays();
    const { nKvHeads, dHead } = this.#config;
    for (const [name, { data }] of Object.entries(before)) {
      const target = this.#feeds[name].data as Float32Array;
      for (let i = 0; i < this.#rows * nKvHeads; i++) {
        const from = (data as Float32Array).subarray(i * old * dHead, (i + 1) * old * dHead);
        target.set(from, i * this.#capacity * dHead);
      }
    }
  }

  /**
   * Writes the new keys and values of a run, `[batch, n_kv_heads, pos, d_head]` under the names of
   * {@link freshName}: of row r the first `lengths[r]`, from slot `starts[r]` on.
   */
  write(
    fresh: Readonly<Record<string, TensorData>>,
    place: { readonly starts: readonly number[]; readonly lengths: readonly number[] },
  ): void {
    const { nLayers, nKvHeads, dHead } = this.#config;
    for (let layer = 0; layer < nLayers; layer++) {
      for (const kind of ['k', 'v'] as const) {
        const source = fresh[freshName(kind, layer)];
        const data = source.data as Float32Array;
        const pos = source.shape[2];
        const target = this.#feeds[pastName(kind, layer)].data as Float32Array;
        for (let row = 0; row < this.#rows; row++) {
          for (let head = 0; head < nKvHeads; head++) {
            const index = row * nKvHeads + head;
            const from = index * pos * dHead;
            const to = (index * this.#capacity + place.starts[row]) * dHead;
            target.set(data.subarray(from, from + place.lengths[row] * dHead), to);
          }
        }
      }
    }
  }
}
