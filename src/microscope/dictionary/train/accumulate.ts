import type { KernelMemory } from './kernel.ts';

/**
 * Gradients of decoder and encoder rows in a step where only some features fired. A dense product would
 * multiply mostly zeros: with 32 of 16,384 features per row these loops do 1/512 of its work.
 */

/** Chosen features per row: `[rows, k]`, int64 as a runtime gives them. */
export interface Chosen {
  readonly rows: number;
  readonly k: number;
  readonly indices: BigInt64Array;
}

/** The low halves of int64 indices, at every second place. */
function lowWords({ indices }: Chosen): Int32Array {
  return new Int32Array(indices.buffer, indices.byteOffset, 2 * indices.length);
}

/** What {@link addOuter} adds up. */
export interface OuterOptions {
  /** `[rows, k]` */
  readonly scales: Float32Array;
  /** `[rows, parts, width]` */
  readonly rows: Float32Array;
  readonly width: number;
  /** 1 unless told. */
  readonly parts?: number;
  /** Which of the parts a feature takes; the only one unless told. */
  readonly partOf?: Uint8Array;
  /** Does the inner loop where `out` and `rows` are in its memory and the width is a multiple of 4. */
  readonly kernel?: KernelMemory;
}

/**
 * Adds scale · row onto the matrix row of every chosen feature: `out[indices[b, i]] += scales[b, i] · rows[b]`.
 *
 * @param out `[d_dict, width]`
 */
export function addOuter(out: Float32Array, chosen: Chosen, options: OuterOptions): void {
  const { scales, rows, width, parts = 1, partOf, kernel } = options;
  const { k } = chosen;
  const index = lowWords(chosen);
  const fast = kernel !== undefined && width % 4 === 0;
  const bytes = 4 * width;
  for (let b = 0; b < chosen.rows; b++) {
    for (let i = 0; i < k; i++) {
      const scale = scales[b * k + i];
      if (scale === 0) continue;
      const feature = index[2 * (b * k + i)];
      const from = (b * parts + (partOf ? partOf[feature] : 0)) * width;
      const to = feature * width;
      if (fast) {
        const start = rows.byteOffset + 4 * from;
        kernel.addScaled(out.byteOffset + 4 * to, start, start + bytes, scale);
      } else for (let d = 0; d < width; d++) out[to + d] += scale * rows[from + d];
    }
  }
}

/** Adds each scale onto its feature: `out[indices[b, i]] += scales[b, i]`. */
export function addScales(out: Float32Array, chosen: Chosen, scales: Float32Array): void {
  const index = lowWords(chosen);
  for (let at = 0; at < chosen.rows * chosen.k; at++) out[index[2 * at]] += scales[at];
}

/** Counts, per feature, the rows in which its value is not zero. */
export function countFirings(out: Float32Array, chosen: Chosen, values: Float32Array): void {
  const index = lowWords(chosen);
  for (let at = 0; at < chosen.rows * chosen.k; at++) {
    if (values[at] !== 0) out[index[2 * at]]++;
  }
}
