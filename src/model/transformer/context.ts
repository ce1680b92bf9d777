import type { Dim } from '../../graph/dim.ts';
import type { Tensor } from '../../graph/op.ts';
import type { ModelConfig } from '../config.ts';
import type { Mask } from './mask.ts';
import type { RotaryTables } from './rotary.ts';

/** Called with every activation in order of computation; what it returns takes its place. */
export type Hook = (address: string, tensor: Tensor) => Tensor;

/**
 * One residual stream per head for each of queries, keys and values, before ln1: each
 * `[batch, pos, n_heads, d_model]`, on models where every query head has its own key/value head.
 */
export type SplitInputs = (
  layer: number,
  resid: Tensor,
) => Readonly<Record<'q' | 'k' | 'v', Tensor>> | null;

/** What the parts of one traced forward share. */
export interface Context {
  readonly config: ModelConfig;
  readonly batch: Dim;
  readonly pos: Dim;
  /** Looks a parameter up by canonical name. */
  readonly param: (name: string) => Tensor;
  readonly hook: Hook;
  /** Whether the value at an address is read or may change, so that it must be computed. */
  readonly wants: (address: string) => boolean;
  /** The attention mask of a layer; layers with the same window share one. */
  readonly mask: (layer: number) => Mask;
  /** The rotation of a layer, or null without rotary positions. */
  readonly rotary: (layer: number) => RotaryTables | null;
  /** The call has few positions; see `ForwardInputs`. */
  readonly few: boolean;
  /** Looks a linear weight up as `[out, in]`, when products take it that way. */
  readonly transposed: ((name: string) => Tensor) | null;
  /** Keys and values of earlier positions, one entry per layer. */
  readonly past: readonly KeyValue[] | null;
  readonly attentionInputs: SplitInputs;
}

/** Keys and values of one layer, `[batch, n_kv_heads, keys, d_head]`; keys are already rotated. */
export interface KeyValue {
  readonly k: Tensor;
  readonly v: Tensor;
}
