import { add, matmul } from '../../graph/build.ts';
import type { Dim } from '../../graph/dim.ts';
import type { Tensor } from '../../graph/op.ts';
import type { ModelConfig } from '../config.ts';
import type { Mask } from './mask.ts';
import type { RotaryTables } from './rotary.ts';

/** Called with every activation in order of computation; what it returns takes its place. */
export type Hook = (address: string, tensor: Tensor) => Tensor;

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
  /** Keys and values of earlier positions, one entry per layer. */
  readonly past: readonly KeyValue[] | null;
}

/** Keys and values of one layer, `[batch, n_kv_heads, keys, d_head]`; keys are already rotated. */
export interface KeyValue {
  readonly k: Tensor;
  readonly v: Tensor;
}

/** x `[..., in]` @ weight `[in, out]`, plus the bias when the layer has one. */
export function linear(
  context: Context,
  x: Tensor,
  layer: { readonly name: string; readonly bias: boolean },
): Tensor {
  const product = matmul(x, context.param(`${layer.name}.weight`));
  return layer.bias ? add(product, context.param(`${layer.name}.bias`)) : product;
}
