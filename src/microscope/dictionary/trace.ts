import {
  add,
  cast,
  div,
  exp,
  greater,
  less,
  matmul,
  max,
  mean,
  mul,
  not,
  relu,
  reshape,
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

/** Added to a standard deviation before dividing by it, as SAELens does. */
const STD_EPSILON = 1e-5;

/** What normalisation of an input takes away and divides by; each `[..., 1]`. */
function moments(config: DictionaryConfig, x: Tensor): { centre: Tensor | null; spread: Tensor } {
  const over = { axes: -1, keepDims: true } as const;
  if (config.normalise === 'constant-norm') {
    return { centre: null, spread: mul(sqrt(sum(square(x), over)), 1 / Math.sqrt(config.dIn)) };
  }
  const centre = mean(x, over);
  const squares = sum(square(sub(x, centre)), over);
  return { centre, spread: sqrt(mul(squares, 1 / (config.dIn - 1))) };
}

function normalised(config: DictionaryConfig, x: Tensor): Tensor {
  if (config.normalise === undefined) return x;
  const { centre, spread } = moments(config, x);
  return centre ? div(sub(x, centre), add(spread, STD_EPSILON)) : div(x, spread);
}

/** Brings a reconstruction of a normalised input back to where the input was. */
function restored(config: DictionaryConfig, out: Tensor, x: Tensor): Tensor {
  const { centre, spread } = moments(config, x);
  return centre ? add(mul(out, spread), centre) : mul(out, spread);
}

/** x · W_enc summed over all addresses read, `[..., d_dict]`, before any bias. */
function projected(config: DictionaryConfig, param: DictionaryLookup, inputs: readonly Tensor[]) {
  const parts = inputs.map((x, i) => {
    const normal = normalised(config, x);
    const scaled = config.scale === 1 ? normal : mul(normal, config.scale);
    const centred = config.centreInput ? sub(scaled, param(`b_dec.${i}`)) : scaled;
    return matmul(centred, param(`W_enc.${i}`));
  });
  return parts.reduce((a, b) => add(a, b));
}

/** 1 where x is above zero or a threshold, as float32; carries no gradient. */
export function above(x: Tensor, threshold: Tensor | number): Tensor {
  return cast(greater(x, threshold), 'float32');
}

/**
 * The values of the k largest per row, zero elsewhere; ties beyond the k-th are kept, and everything where there are no
 * more than k, as after pruning.
 */
export function keepTopK(x: Tensor, k: number): Tensor {
  if (Number(x.shape.at(-1)) <= k) return x;
  const { values } = topK(x, k);
  const smallest = slice(values, { axis: -1, start: k - 1, end: k });
  return where(not(less(x, smallest)), x, 0);
}

/** The largest value of each of `groups` equal stretches per row, zero elsewhere; ties are kept. */
function keepLargestOfGroups(x: Tensor, groups: number): Tensor {
  const size = x.shape.at(-1) as number;
  const apart = reshape(x, [...x.shape.slice(0, -1), groups, size / groups]);
  const largest = max(apart, { axes: -1, keepDims: true });
  return reshape(where(less(apart, largest), 0, apart), x.shape);
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
    case 'topk':
      return relu(keepTopK(add(raw, param('b_enc')), activation.k));
    case 'batchtopk':
    case 'jumprelu': {
      const pre = add(raw, param('b_enc'));
      return mul(relu(pre), above(pre, param('threshold')));
    }
    case 'groupmax':
      return relu(keepLargestOfGroups(add(raw, param('b_enc')), activation.k));
  }
}

/**
 * What features write, one tensor `[..., d_out]` per address written.
 *
 * @param acts `[..., d_dict]`
 * @param inputs what was encoded; needed by dictionaries with a skip path or normalised inputs
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
    if (config.normalise && config.reads[j] === config.writes[j]) {
      out = restored(config, out, inputs[j]);
    }
    if (config.skip && j === 0) {
      const x = config.scale === 1 ? inputs[0] : mul(inputs[0], config.scale);
      out = add(out, matmul(x, param('W_skip')));
    }
    return config.scale === 1 ? out : mul(out, 1 / config.scale);
  });
}
