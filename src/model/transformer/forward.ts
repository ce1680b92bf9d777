import {
  add,
  dimension,
  div,
  expand,
  gather,
  gelu,
  iota,
  mul,
  relu,
  reshape,
  sigmoid,
  silu,
  slice,
  square,
  tanh,
  unsqueeze,
} from '../../graph/build.ts';
import { multiplyDims, type Shape } from '../../graph/dim.ts';
import type { Tensor } from '../../graph/op.ts';
import type { Activation, ModelConfig } from '../config.ts';
import { attention, projectPerHead, projectShared, repeatForHeads } from './attention.ts';
import type { Context, Hook, KeyValue, SplitInputs } from './context.ts';
import { linear, unembedLinear } from './linear.ts';
import { cachedMask, causalMask, type Mask } from './mask.ts';
import { norm, normPerHead } from './norm.ts';
import { type RotaryTables, rotaryTables } from './rotary.ts';

/** What {@link traceForward} works on. */
export interface ForwardInputs {
  /** int64 `[batch, pos]` */
  readonly tokens: Tensor;
  /** Looks a parameter up by canonical name; a wrapper can add LoRA or gradients here. */
  readonly param: (name: string) => Tensor;
  /** Called at every wanted address in order of computation; may replace the tensor. */
  readonly hook?: Hook;
  /**
   * Which addresses the hook is called at, all by default. Say no where you can: attention and norms
   * run as single fused operations when nothing looks inside them.
   */
  readonly wants?: (address: string) => boolean;
  /** int64 `[batch, pos]`, consecutive in each row; 0, 1, … by default. Needed with `past`. */
  readonly positions?: Tensor;
  /** Keys and values of earlier positions, per layer, `[batch, n_kv_heads, capacity, d_head]`. */
  readonly past?: readonly KeyValue[];
  /** int64 `[batch]`: compute the logits of one position per row only; `logits` is `[batch, 1, d_vocab]`. */
  readonly logitsAt?: Tensor;
  /**
   * The call has few positions in all, 2 to 64: products then go the way that is fastest for those.
   * Only speed and rounding depend on it.
   */
  readonly few?: boolean;
  /** With `few`: looks a linear weight up as `[out, in]`. Without it only the unembedding is faster. */
  readonly transposed?: (name: string) => Tensor;
  /** Inputs of their own for a layer's queries, keys and values; null leaves a layer as it is. */
  readonly attentionInputs?: SplitInputs;
}

/** What {@link traceForward} gives. */
export interface ForwardOutputs {
  /** `[batch, pos, d_vocab]` */
  readonly logits: Tensor;
  /** The call's own keys and values per layer, `[batch, n_kv_heads, pos, d_head]`, keys rotated. */
  readonly keyValues: readonly KeyValue[];
}

const activations: { readonly [A in Activation]: (x: Tensor) => Tensor } = {
  relu,
  relu2: (x) => square(relu(x)),
  gelu: (x) => gelu(x),
  gelu_tanh: (x) => gelu(x, { approximate: 'tanh' }),
  silu,
  quick_gelu: (x) => mul(x, sigmoid(mul(x, 1.702))),
};

function embed(context: Context, inputs: ForwardInputs): Tensor {
  const { config, batch, pos, param, hook } = context;
  const looked = gather(param('embed.weight'), inputs.tokens);
  const tokens = hook(
    'hook_embed',
    config.embedScale === 1 ? looked : mul(looked, config.embedScale),
  );
  if (config.positions.kind !== 'learned') return tokens;
  const table = param('pos_embed.weight');
  const rows = inputs.positions
    ? gather(table, inputs.positions)
    : slice(table, { axis: 0, end: pos });
  if (!context.wants('hook_pos_embed')) return add(tokens, rows);
  const spread = inputs.positions ? rows : expand(rows, [batch, pos, config.dModel]);
  return add(tokens, hook('hook_pos_embed', spread));
}

/** Attention of one block; an edit at `hook_attn_in` gives every head an input of its own. */
function attentionBranch(context: Context, layer: number, resid: Tensor) {
  const { config } = context;
  const at = `blocks.${layer}`;
  const result = () => {
    const split = context.attentionInputs(layer, resid);
    if (split) {
      return attention(context, layer, (name) => {
        const copies = normPerHead(context, `${at}.ln1`, { shared: resid, copies: split[name] });
        return projectPerHead(context, layer, copies)(name);
      });
    }
    if (context.wants(`${at}.hook_attn_in`) && config.nHeads === config.nKvHeads) {
      const copies = repeatForHeads(context, resid);
      const hooked = context.hook(`${at}.hook_attn_in`, copies);
      if (hooked !== copies) {
        const normed = normPerHead(context, `${at}.ln1`, { shared: resid, copies: hooked });
        return attention(context, layer, projectPerHead(context, layer, normed));
      }
    }
    const normed = norm(context, `${at}.ln1`, resid);
    return attention(context, layer, projectShared(context, layer, normed));
  };
  const { out, keyValue } = result();
  const added = config.postNorms ? norm(context, `${at}.ln1_post`, out) : out;
  return { out: context.hook(`${at}.hook_attn_out`, added), keyValue };
}

function mlpBranch(context: Context, layer: number, resid: Tensor): Tensor {
  const { config, hook } = context;
  const at = `blocks.${layer}`;
  const bias = config.biases.mlp;
  const act = activations[config.activation];
  const normed = norm(context, `${at}.ln2`, hook(`${at}.hook_mlp_in`, resid));
  const x = hook(`${at}.mlp.hook_in`, normed);
  const project = (name: string) => linear(context, x, { name: `${at}.mlp.${name}`, bias });
  let post: Tensor;
  if (config.mlp === 'gated') {
    const gate = hook(`${at}.mlp.hook_pre`, project('gate'));
    post = mul(act(gate), hook(`${at}.mlp.hook_pre_linear`, project('in')));
  } else {
    post = act(hook(`${at}.mlp.hook_pre`, project('in')));
  }
  const hidden = hook(`${at}.mlp.hook_post`, post);
  const out = linear(context, hidden, { name: `${at}.mlp.out`, bias });
  const added = config.postNorms ? norm(context, `${at}.ln2_post`, out) : out;
  return hook(`${at}.hook_mlp_out`, added);
}

/** One position per row out of `[batch, pos, width]`: `[batch, 1, width]`. */
function pickPositions(context: Context, x: Tensor, at: Tensor): Tensor {
  const { batch, pos } = context;
  const flat = reshape(x, [multiplyDims(batch, pos), x.shape[2]]);
  const firstOfRow = mul(iota(batch), dimension(pos, 'int64'));
  return unsqueeze(gather(flat, add(firstOfRow, at)), 1);
}

function unembed(context: Context, resid: Tensor, at: Tensor | undefined): Tensor {
  const { config, param, wants } = context;
  const normed = norm(context, 'ln_final', resid);
  // Whoever looks at `logits` sees every position; otherwise only the chosen ones are computed.
  const early = at && !wants('logits');
  const x = early ? pickPositions(context, normed, at) : normed;
  // One array serves both ends of a tied model, so the weight is [d_vocab, d_model] in every model.
  const weight = param(config.tieEmbeddings ? 'embed.weight' : 'unembed.weight');
  let logits = unembedLinear(context, x, weight);
  if (config.biases.unembed) logits = add(logits, param('unembed.bias'));
  const cap = config.finalSoftcap;
  if (cap !== null) logits = mul(tanh(div(logits, cap)), cap);
  const hooked = context.hook('logits', logits);
  return at && !early ? pickPositions(context, hooked, at) : hooked;
}

function once<K, V>(make: (key: K) => V): (key: K) => V {
  const made = new Map<K, V>();
  return (key) => {
    if (!made.has(key)) made.set(key, make(key));
    return made.get(key)!;
  };
}

function createContext(
  config: ModelConfig,
  inputs: Omit<ForwardInputs, 'tokens'>,
  [batch, pos]: Shape,
): Context {
  const { past, positions, hook } = inputs;
  const wants = hook ? (inputs.wants ?? (() => true)) : () => false;
  const windowOf = (layer: number) => {
    const attention = config.attention[layer];
    return attention.kind === 'full' ? Number.POSITIVE_INFINITY : attention.window;
  };
  const masks = once((window: number): Mask => {
    const attention = Number.isFinite(window)
      ? ({ kind: 'sliding', window } as const)
      : ({ kind: 'full' } as const);
    return past
      ? cachedMask(positions!, past[0].k.shape[2], attention)
      : causalMask(pos, attention);
  });
  const rotary = once((local: boolean): RotaryTables | null =>
    config.positions.kind === 'rotary'
      ? rotaryTables(config.positions, positions ?? iota(pos), { dHead: config.dHead, local })
      : null,
  );
  return {
    config,
    batch,
    pos,
    param: inputs.param,
    hook: (address, tensor) => (hook && wants(address) ? hook(address, tensor) : tensor),
    wants,
    mask: (layer) => masks(windowOf(layer)),
    rotary: (layer) => rotary(config.attention[layer].kind === 'sliding'),
    few: inputs.few ?? false,
    transposed: (inputs.few && inputs.transposed) || null,
    past: past ?? null,
    attentionInputs: inputs.attentionInputs ?? (() => null),
  };
}

/**
 * Traces one forward pass of any supported model. This is the only place where the computation of a
 * transformer is written; running, editing, training, attribution, generation and export all call it.
 * A hook that returns the tensor it was given leaves no trace in the graph.
 */
export function traceForward(config: ModelConfig, inputs: ForwardInputs): ForwardOutputs {
  const context = createContext(config, inputs, inputs.tokens.shape);
  const keyValues: KeyValue[] = [];
  let resid = embed(context, inputs);
  for (let layer = 0; layer < config.nLayers; layer++) {
    const at = `blocks.${layer}`;
    resid = context.hook(`${at}.hook_resid_pre`, resid);
    const attn = attentionBranch(context, layer, resid);
    keyValues.push(attn.keyValue);
    if (config.parallelBlocks) {
      resid = add(add(resid, attn.out), mlpBranch(context, layer, resid));
    } else {
      const mid = context.hook(`${at}.hook_resid_mid`, add(resid, attn.out));
      resid = add(mid, mlpBranch(context, layer, mid));
    }
    resid = context.hook(`${at}.hook_resid_post`, resid);
  }
  return { logits: unembed(context, resid, inputs.logitsAt), keyValues };
}

/**
 * The read-out alone: final norm, unembedding and soft cap of a residual stream
 * `[batch, pos, d_model]`, giving logits `[batch, pos, d_vocab]`. Hooks see `ln_final.*` and `logits`.
 */
export function traceUnembed(
  config: ModelConfig,
  inputs: { readonly resid: Tensor } & Pick<ForwardInputs, 'param' | 'hook' | 'wants'>,
): Tensor {
  const { resid, ...rest } = inputs;
  return unembed(createContext(config, rest, resid.shape), resid, undefined);
}
