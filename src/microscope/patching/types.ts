import type { ProgressListener } from '../../base/progress.ts';
import type { PatchSite } from './sites.ts';

/** One axis of the effect matrix. */
export interface PatchAxis {
  readonly name: 'layer' | 'position' | 'head' | 'layer.head';
  readonly labels: readonly string[];
}

/** Places that correspond in two prompts of different length, by name, e.g. `{ S2: [10, 9] }`. */
export type NamedPositions = Readonly<Record<string, readonly [clean: number, corrupted: number]>>;

/** Two prompts to compare, and the tokens that tell them apart. */
export interface PatchPair {
  readonly clean: readonly number[];
  readonly corrupted: readonly number[];
  /** Token whose logit counts for, and token whose logit counts against. */
  readonly target: number;
  readonly distractor: number;
  /**
   * Sweep over these places only, each exchanged with its counterpart; negative positions count from the
   * end. Needed when the prompts differ in length.
   */
  readonly positions?: NamedPositions;
}

/** Which site is patched, in which direction, over which axes. */
export interface SweepOptions {
  readonly site: PatchSite;
  /**
   * `denoise` puts clean activations into the corrupted run (what is sufficient to restore the answer),
   * `noise` puts corrupted ones into the clean run (what is necessary for it). Default `denoise`.
   */
  readonly direction?: 'denoise' | 'noise';
  /**
   * One position at a time, or all of them at once. By position unless told for the stream and for
   * layers' outputs, at all positions unless told for heads.
   */
  readonly byPosition?: boolean;
  /** Rows per native run, 32 unless told. */
  readonly batch?: number;
  readonly progress?: ProgressListener;
  readonly signal?: AbortSignal;
}

/** A pair of prompts and the sweep over them. */
export interface PatchOptions extends PatchPair, SweepOptions {}

/** Effects of one sweep, with what they are measured against. */
export interface PatchResult {
  /** Logit difference target − distractor at the last position of both plain runs, in logits. */
  readonly metric: { readonly clean: number; readonly corrupted: number };
  readonly site: PatchSite;
  readonly direction: 'denoise' | 'noise';
  readonly axes: { readonly rows: PatchAxis; readonly columns: PatchAxis };
  /** (patched − corrupted) / (clean − corrupted): 1 is the clean run's answer, 0 the corrupted one's. */
  readonly effect: readonly (readonly number[])[];
  /** The patched logit differences themselves, in logits. */
  readonly logitDiff: readonly (readonly number[])[];
}
