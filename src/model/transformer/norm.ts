import { GlassboxError } from '../../base/error.ts';
import {
  add,
  div,
  layerNorm,
  layerNormInvStd,
  layerNormMean,
  mul,
  ones,
  reciprocal,
  rmsNorm,
  rmsNormInvStd,
  sub,
  unsqueeze,
  zeros,
} from '../../graph/build.ts';
import type { Tensor } from '../../graph/op.ts';
import type { Context } from './context.ts';

interface Parts {
  readonly weight: Tensor;
  /** Null for root-mean-square norms. */
  readonly bias: Tensor | null;
}

function parts(context: Context, name: string): Parts {
  const { norm, rmsOffset } = context.config;
  const weight = context.param(`${name}.weight`);
  const isLayer = norm === 'layer' && !/\.[qk]_norm$/.test(name);
  return {
    weight: rmsOffset === 0 || isLayer ? weight : add(weight, rmsOffset),
    bias: isLayer ? context.param(`${name}.bias`) : null,
  };
}

/** sqrt(variance + ε), or sqrt(mean(x²) + ε) for root-mean-square norms: `[..., 1]`, it divides. */
function scaleOf(context: Context, x: Tensor, centred: boolean): Tensor {
  const { normEps } = context.config;
  return reciprocal(centred ? layerNormInvStd(x, normEps) : rmsNormInvStd(x, normEps));
}

interface Statistics extends Parts {
  /** The divisor, when a hook replaced it. */
  readonly scale: Tensor | null;
}

function statistics(context: Context, name: string, x: Tensor): Statistics {
  const own = parts(context, name);
  const address = `${name}.hook_scale`;
  if (!context.wants(address)) return { ...own, scale: null };
  const clean = scaleOf(context, x, own.bias !== null);
  const hooked = context.hook(address, clean);
  return { ...own, scale: hooked === clean ? null : hooked };
}

/** Weight and bias as given; `plain` leaves them out. */
function fused(context: Context, x: Tensor, { weight, bias }: Parts): Tensor {
  const { normEps } = context.config;
  return bias ? layerNorm(x, weight, bias, normEps) : rmsNorm(x, weight, normEps);
}

function plain({ weight, bias }: Parts): Parts {
  return { weight: ones(weight.shape), bias: bias && zeros(weight.shape) };
}

function divide(context: Context, x: Tensor, { bias, scale }: Statistics): Tensor {
  return div(bias ? sub(x, layerNormMean(x, context.config.normEps)) : x, scale!);
}

function affine(normalized: Tensor, { weight, bias }: Parts): Tensor {
  const scaled = mul(normalized, weight);
  return bias ? add(scaled, bias) : scaled;
}

/**
 * The norm called `name` with its hooks `hook_scale` and `hook_normalized` (x / scale, before weight
 * and bias). One fused operation unless a hook looks inside.
 */
export function norm(context: Context, name: string, x: Tensor): Tensor {
  const found = statistics(context, name, x);
  const address = `${name}.hook_normalized`;
  const reads = context.wants(address);
  if (!found.scale && !reads) return fused(context, x, found);
  const normalized = found.scale ? divide(context, x, found) : fused(context, x, plain(found));
  return affine(reads ? context.hook(address, normalized) : normalized, found);
}

/**
 * The norm of per-head copies `[batch, pos, n_heads, d_model]` of a stream. Its hooks stay those of the
 * shared stream `[batch, pos, d_model]`: an edited scale divides every copy, otherwise each copy has
 * its own, and the normalised value can only be read.
 */
export function normPerHead(
  context: Context,
  name: string,
  input: { readonly shared: Tensor; readonly copies: Tensor },
): Tensor {
  const { shared, copies } = input;
  const found = statistics(context, name, shared);
  const address = `${name}.hook_normalized`;
  if (context.wants(address)) {
    const clean = found.scale
      ? divide(context, shared, found)
      : fused(context, shared, plain(found));
    if (context.hook(address, clean) !== clean) {
      throw new GlassboxError(`${address} cannot be edited together with hook_attn_in`, {
        code: 'conflicting-edits',
        remedy: 'Edit one of the two; hook_attn_in gives every head a norm of its own.',
        details: { address },
      });
    }
  }
  if (!found.scale) return fused(context, copies, found);
  return affine(divide(context, copies, { ...found, scale: unsqueeze(found.scale, 2) }), found);
}
