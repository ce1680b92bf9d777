import {
  add,
  cast,
  exp,
  greater,
  less,
  matmul,
  mul,
  not,
  relu,
  slice,
  sqrt,
  square,
  sub,
  sum,
  topK,
  where,
} from '../../graph/build.ts';
import type { Tensor } from '../../graph/op.ts';
import type { DictionaryConfig } from './types.ts';

/** Looks a parameter of a dictionary up by name. */
export type DictionaryLookup = (name: string) => Tensor;

/** Length of every feature's decoder vector over all writes, `[d_dict]`. */
export function decoderNorms(config: DictionaryConfig, param: DictionaryLookup): Tensor {
  const squares = config.writes.map((_, j) => sum(square(param(`W_dec.${j}`)), { axes: -1 }));
  return sqrt(squares.reduce((a, b) => add(a, b)));
}

/** x · W_enc summed over all addresses read, `[..., d_dict]`, before any bias. */
function projected(config: DictionaryConfig, param: DictionaryLookup, inputs: readonly Tensor[]) {
  const parts = inputs.map((x, i) => {
    const scaled = config.scale === 1 ? x : mul(x, config.scale);
    const centred = config.centreInput ? sub(scaled, param(`b_dec.${i}`)) : scaled;
    return matmul(centred, param(`W_enc.${i}`));
  });
  return parts.reduce((a, b) => add(a, b));
}

/** 1 where x is above zero or a threshold, as float32; carries no gradient. */
export function above(x: Tensor, threshold: Tensor | number): Tensor {
  return cast(greater(x, threshold), 'float32');
}

/** The values of the k largest per row, zero elsewhere; ties beyond the k-th are kept. */
export function keepTopK(x: Tensor, k: number): Tensor {
  const { values } = topK(x, k);
  const smallest = slice(values, { axis: -1, start: k - 1, end: k });
  return where(not(less(x, smallest)), x, 0);
}

/**
 * Feature activations `[..., d_dict]` of a trained dictionary.
 *
 * @param inputs one tensor `[..., d_in]` per address read
 */
export function traceEncode(
  config: DictionaryConfig,
  param: DictionaryLookup,
  inputs: readonly Tensor[],
): Tensor {
  const raw = projected(config, param, inputs);
  const { activation } = config;
  switch (activation.kind) {
    case 'relu':
      return relu(add(raw, param('b_enc')));
    case 'gated': {
      const gate = above(add(raw, param('b_gate')), 0);
      return mul(gate, relu(add(mul(raw, exp(param('r_mag'))), param('b_mag'))));
    }
    case 'topk': {
      const pre = add(raw, param('b_enc'));
      if (!activation.rescale) return relu(keepTopK(pre, activation.k));
      const norms = decoderNorms(config, param);
      const ranked = mul(pre, norms);
      return mul(relu(pre), above(relu(keepTopK(ranked, activation.k)), 0));
    }
    case 'batchtopk':
    case 'jumprelu': {
      const pre = add(raw, param('b_enc'));
      return mul(relu(pre), above(pre, param('threshold')));
    }
  }
}

/**
 * What features write, one tensor `[..., d_out]` per address written.
 *
 * @param acts `[..., d_dict]`
 * @param inputs what was encoded; needed by dictionaries with a skip path
 */
export function traceDecode(
  config: DictionaryConfig,
  param: DictionaryLookup,
  acts: Tensor,
  inputs: readonly Tensor[],
): Tensor[] {
  const crossLayer = config.reads.length === 1 && config.writes.length > 1;
  return config.writes.map((_, j) => {
    let out = matmul(acts, param(`W_dec.${j}`));
    if (!crossLayer || j === 0) out = add(out, param(`b_dec.${j}`));
    if (config.skip && j === 0) out = add(out, matmul(inputs[0], param('W_skip')));
    return config.scale === 1 ? out : mul(out, 1 / config.scale);
  });
}
