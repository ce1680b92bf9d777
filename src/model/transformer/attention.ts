import {
  add,
  concat,
  div,
  expand,
  attention as fusedAttention,
  matmul,
  mul,
  reshape,
  slice,
  softmax,
  sum,
  tanh,
  transpose,
  unsqueeze,
} from '../../graph/build.ts';
import { type Dim, multiplyDims } from '../../graph/dim.ts';
import type { Tensor } from '../../graph/op.ts';
import type { Context, KeyValue } from './context.ts';
import { linear } from './linear.ts';
import { maskEditedScores, maskScores } from './mask.ts';
import { norm } from './norm.ts';
import { rotate } from './rotary.ts';

/** What one attention layer gives. */
interface AttentionResult {
  /** `[batch, pos, d_model]`, after the output bias. */
  readonly out: Tensor;
  /** The call's own keys and values, for a cache. */
  readonly keyValue: KeyValue;
}

/** Splits `[batch, pos, heads * d_head]` into heads. */
function splitHeads(x: Tensor, heads: number, dHead: number): Tensor {
  return reshape(x, [x.shape[0], x.shape[1], heads, dHead]);
}

function heads(context: Context, layer: number, name: 'q' | 'k' | 'v', x: Tensor): Tensor {
  const { nHeads, nKvHeads, dHead, biases } = context.config;
  const at = `blocks.${layer}.attn`;
  const projected = linear(context, x, { name: `${at}.${name}`, bias: biases.qkv });
  const split = splitHeads(projected, name === 'q' ? nHeads : nKvHeads, dHead);
  return context.hook(`${at}.hook_${name}`, split);
}

/** Query or key after its norm and rotation: what the scores are made of. */
function positioned(context: Context, layer: number, name: 'q' | 'k', x: Tensor): Tensor {
  const at = `blocks.${layer}.attn`;
  const normed = context.config.qkNorm ? norm(context, `${at}.${name}_norm`, x) : x;
  const tables = context.rotary(layer);
  return tables ? context.hook(`${at}.hook_rot_${name}`, rotate(normed, tables)) : normed;
}

/** `[batch, pos, heads, d_head]` to `[batch, heads, pos, d_head]`. */
function headsFirst(x: Tensor): Tensor {
  return transpose(x, [0, 2, 1, 3]);
}

function scoreScale(context: Context, layer: number): number {
  const { queryScale, scaleByInverseLayer } = context.config;
  return scaleByInverseLayer ? queryScale / (layer + 1) : queryScale;
}

/**
 * Weighted values `[batch, n_heads, pos, d_head]`. Query heads that share a key/value head are
 * stacked along the query axis, so that keys and values are never repeated in memory.
 */
function attend(context: Context, layer: number, q: Tensor, own: KeyValue): Tensor {
  const { nHeads, nKvHeads, dHead, attnSoftcap } = context.config;
  const { batch, pos } = context;
  const groupSize = nHeads / nKvHeads;
  const stacked: Dim[] = [batch, nKvHeads, multiplyDims(groupSize, pos)];
  const grouped = groupSize === 1 ? q : reshape(q, [...stacked, dHead]);
  const ungroup = (x: Tensor, last: Dim) =>
    groupSize === 1 ? x : reshape(x, [batch, nHeads, pos, last]);
  const mask = context.mask(layer);
  const scale = scoreScale(context, layer);
  const past = context.past?.[layer] ?? null;
  const at = `blocks.${layer}.attn`;
  const inside = context.wants(`${at}.hook_attn_scores`) || context.wants(`${at}.hook_pattern`);
  if (!inside && !past && attnSoftcap === null) {
    return ungroup(fusedAttention(grouped, own.k, own.v, mask.bias(groupSize), scale), dHead);
  }
  const against = (k: Tensor) => matmul(grouped, k, { transposeB: true, alpha: scale });
  // Scores of the cache and of the call's own keys are joined, not the keys: joining keys would copy
  // the whole cache for every token.
  const raw = past ? concat([against(past.k), against(own.k)], -1) : against(own.k);
  const keys = raw.shape[3];
  const scores = ungroup(raw, keys);
  const capped = attnSoftcap === null ? scores : mul(tanh(div(scores, attnSoftcap)), attnSoftcap);
  const masked = maskScores(capped, mask);
  const hooked = context.hook(`${at}.hook_attn_scores`, masked);
  // Masked again after an edit, so that no edit lets a position see a later one.
  const pattern = context.hook(
    `${at}.hook_pattern`,
    softmax(hooked === masked ? masked : maskEditedScores(hooked, mask)),
  );
  const weights = groupSize === 1 ? pattern : reshape(pattern, [...stacked, keys]);
  if (!past) return ungroup(matmul(weights, own.v), dHead);
  const capacity = past.k.shape[2];
  return ungroup(
    add(
      matmul(slice(weights, { axis: 3, end: capacity }), past.v),
      matmul(slice(weights, { axis: 3, start: capacity }), own.v),
    ),
    dHead,
  );
}

/** Joins z `[batch, pos, n_heads, d_head]` into the attention output `[batch, pos, d_model]`. */
function output(context: Context, layer: number, z: Tensor): Tensor {
  const { nHeads, dHead, dModel, biases } = context.config;
  const { batch, pos } = context;
  const name = `blocks.${layer}.attn.o`;
  const address = `blocks.${layer}.attn.hook_result`;
  if (context.wants(address)) {
    const perHead = reshape(context.param(`${name}.weight`), [nHeads, dHead, dModel]);
    const result = context.hook(address, headsFirst(matmul(headsFirst(z), perHead)));
    // Summing what is there costs a third of multiplying again.
    const joined = sum(result, { axes: 2 });
    return biases.attnOut ? add(joined, context.param(`${name}.bias`)) : joined;
  }
  const joined = reshape(z, [batch, pos, nHeads * dHead]);
  return linear(context, joined, { name, bias: biases.attnOut });
}

/** The attention of one layer on its normed input `[batch, pos, d_model]`. */
export function attention(
  context: Context,
  layer: number,
  project: (name: 'q' | 'k' | 'v') => Tensor,
): AttentionResult {
  const q = project('q');
  const k = project('k');
  const v = project('v');
  const rotated = headsFirst(positioned(context, layer, 'q', q));
  const keyValue = { k: headsFirst(positioned(context, layer, 'k', k)), v: headsFirst(v) };
  const mixed = attend(context, layer, rotated, keyValue);
  const z = context.hook(`blocks.${layer}.attn.hook_z`, headsFirst(mixed));
  return { out: output(context, layer, z), keyValue };
}

/** Queries, keys or values of all heads from one shared input `[batch, pos, d_model]`. */
export function projectShared(context: Context, layer: number, x: Tensor) {
  return (name: 'q' | 'k' | 'v') => heads(context, layer, name, x);
}

/**
 * The same from one input per head, `[batch, pos, n_heads, d_model]`, after an edit at `hook_attn_in`.
 */
export function projectPerHead(context: Context, layer: number, x: Tensor) {
  const { nHeads, dHead, dModel, biases } = context.config;
  return (name: 'q' | 'k' | 'v'): Tensor => {
    const at = `blocks.${layer}.attn`;
    const weight = context.param(`${at}.${name}.weight`);
    const perHead = transpose(reshape(weight, [dModel, nHeads, dHead]), [1, 0, 2]);
    const product = headsFirst(matmul(headsFirst(x), perHead));
    const bias = biases.qkv ? reshape(context.param(`${at}.${name}.bias`), [nHeads, dHead]) : null;
    return context.hook(`${at}.hook_${name}`, bias ? add(product, bias) : product);
  };
}

/** x `[batch, pos, d_model]` repeated for every head. */
export function repeatForHeads(context: Context, x: Tensor): Tensor {
  const { nHeads, dModel } = context.config;
  return expand(unsqueeze(x, 2), [context.batch, context.pos, nHeads, dModel]);
}
