import type { Tensor, TensorData } from '../../graph/op.ts';
import type { ModelConfig } from '../config.ts';

/** Numbers for an edit: a scalar, a vector over the last axis, or an array that broadcasts. */
export type EditValue = number | readonly number[] | Float32Array | TensorData;

/** Values by address, as a cache holds them. */
export type EditSource = TensorData | Readonly<Record<string, TensorData>>;

/** What a traced edit may use besides the activation. */
export interface EditContext {
  readonly address: string;
  readonly config: ModelConfig;
  /** One of the edit's `values`, as an input of the program. */
  readonly value: (name: string) => Tensor;
}

/** What happens to the selected part of an activation. */
export type EditOperation =
  | { readonly op: 'zero' }
  /** The mean over rows and/or real positions of this run, or a given mean. */
  | {
      readonly op: 'mean';
      readonly over?: 'batch' | 'positions' | 'all';
      readonly value?: EditValue;
    }
  | { readonly op: 'set'; readonly value: EditValue }
  /** x + strength · vector; strength is 1 unless given. */
  | { readonly op: 'add'; readonly vector: EditValue; readonly strength?: number }
  | { readonly op: 'scale'; readonly factor: number }
  /** Removes the component along a direction (normalised here): x − strength · (x·d)d, strength 1. */
  | { readonly op: 'project'; readonly direction: EditValue; readonly strength?: number }
  /** The value of another run at the same address: `[batch, pos, …]` as here, or with batch 1. */
  | { readonly op: 'patch'; readonly from: EditSource }
  /** As patch; said of attention patterns and norm scales that are held at a clean run's value. */
  | { readonly op: 'freeze'; readonly from: EditSource }
  /** Any traced function that keeps the shape. `values` become inputs: changing them is free. */
  | {
      readonly op: 'trace';
      readonly apply: (x: Tensor, context: EditContext) => Tensor;
      readonly values?: Readonly<Record<string, TensorData>>;
    };

/**
 * Where along the text an edit applies. Numbers are positions from 0; negative ones count from the end
 * of each row's prompt (-1 is its last token). `'prompt'` and `'generated'` are the two parts of a text
 * that is being generated; a plain run has only a prompt. Without positions, everywhere.
 */
export type EditPositions = readonly number[] | 'prompt' | 'generated';

/**
 * One intervention: an operation at an address (or glob, or list), at all places unless restricted.
 * Edits apply in the order of the list, each to what the ones before it left. While generating, an
 * edit acts whenever a position it selects is computed; values that have a position axis of their own
 * belong to the prompt and act there only.
 */
export type Edit = EditOperation & {
  readonly at: string | readonly string[];
  /** For attention scores and patterns these are query positions. */
  readonly positions?: EditPositions;
  /** Heads, for addresses that have them (`n_kv_heads` of them at hook_k and hook_v). */
  readonly heads?: readonly number[];
  /** Rows of the batch. */
  readonly batch?: readonly number[];
};
