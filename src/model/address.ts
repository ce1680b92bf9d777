import { GlassboxError, nearestNames } from '../base/error.ts';
import type { Dim, Shape } from '../graph/dim.ts';
import type { ModelConfig } from './config.ts';
import { globPattern } from './glob.ts';

/** The words shapes are written in. `query` and `key` are both `pos` long. */
export type DimWord =
  | 'batch'
  | 'pos'
  | 'query'
  | 'key'
  | 'n_heads'
  | 'n_kv_heads'
  | 'd_head'
  | 'd_model'
  | 'd_mlp'
  | 'd_vocab'
  | '1';

/** One activation of a model: its name, shape in words, and what it is. */
export interface AddressInfo {
  readonly address: string;
  readonly shape: readonly DimWord[];
  readonly meaning: string;
}

interface Template extends Omit<AddressInfo, 'address'> {
  /** With `{l}` for the layer. */
  readonly template: string;
  /** Absent means on every model. */
  readonly when?: (config: ModelConfig) => boolean;
  /** Which models have it, for messages and the documentation. */
  readonly whenText?: string;
}

const RESID: readonly DimWord[] = ['batch', 'pos', 'd_model'];
const SCALE: readonly DimWord[] = ['batch', 'pos', '1'];
const QUERY_HEADS: readonly DimWord[] = ['batch', 'pos', 'n_heads', 'd_head'];
const KEY_HEADS: readonly DimWord[] = ['batch', 'pos', 'n_kv_heads', 'd_head'];
const PATTERN: readonly DimWord[] = ['batch', 'n_heads', 'query', 'key'];
const MLP: readonly DimWord[] = ['batch', 'pos', 'd_mlp'];

const rotary = {
  when: (config: ModelConfig) => config.positions.kind === 'rotary',
  whenText: 'models with rotary positions',
};
const postNorm = {
  when: (config: ModelConfig) => config.postNorms,
  whenText: 'models with norms after attention and MLP (Gemma)',
};
const qkNorm = {
  when: (config: ModelConfig) => config.qkNorm,
  whenText: 'models that normalise queries and keys (Qwen3, Gemma 3)',
};

function normHooks(
  name: string,
  what: string,
  options: Pick<Template, 'when' | 'whenText'> & {
    readonly scale?: readonly DimWord[];
    readonly value?: readonly DimWord[];
  } = {},
): Template[] {
  const { scale = SCALE, value = RESID, ...rest } = options;
  return [
    {
      template: `${name}.hook_scale`,
      shape: scale,
      meaning: `what ${what} divides by: sqrt(variance + eps), or sqrt(mean square + eps) for RMS norms`,
      ...rest,
    },
    {
      template: `${name}.hook_normalized`,
      shape: value,
      meaning: `the input of ${what} divided by its scale (LayerNorm: centred), before weight and bias`,
      ...rest,
    },
  ];
}

const BLOCK: readonly Template[] = [
  { template: 'hook_resid_pre', shape: RESID, meaning: 'residual stream entering the block' },
  {
    template: 'hook_attn_in',
    shape: ['batch', 'pos', 'n_heads', 'd_model'],
    meaning:
      'hook_resid_pre repeated per head, before ln1: an edit changes the input of one head only',
    when: (config) => config.nHeads === config.nKvHeads,
    whenText: 'models where every query head has its own key/value head',
  },
  ...normHooks('ln1', 'the norm before attention'),
  {
    template: 'attn.hook_q',
    shape: QUERY_HEADS,
    meaning: 'queries, with bias, before query norm and rotation, not scaled',
  },
  {
    template: 'attn.hook_k',
    shape: KEY_HEADS,
    meaning: 'keys, with bias, before key norm and rotation',
  },
  { template: 'attn.hook_v', shape: KEY_HEADS, meaning: 'values, with bias' },
  ...normHooks('attn.q_norm', 'the norm of queries', {
    scale: ['batch', 'pos', 'n_heads', '1'],
    value: QUERY_HEADS,
    ...qkNorm,
  }),
  {
    template: 'attn.hook_rot_q',
    shape: QUERY_HEADS,
    meaning: 'queries after query norm and rotation',
    ...rotary,
  },
  ...normHooks('attn.k_norm', 'the norm of keys', {
    scale: ['batch', 'pos', 'n_kv_heads', '1'],
    value: KEY_HEADS,
    ...qkNorm,
  }),
  {
    template: 'attn.hook_rot_k',
    shape: KEY_HEADS,
    meaning: 'keys after key norm and rotation',
    ...rotary,
  },
  {
    template: 'attn.hook_attn_scores',
    shape: PATTERN,
    meaning: 'scaled, soft-capped attention scores; masked entries are -infinity',
  },
  {
    template: 'attn.hook_pattern',
    shape: PATTERN,
    meaning: 'attention probabilities: softmax of the scores over keys',
  },
  {
    template: 'attn.hook_z',
    shape: QUERY_HEADS,
    meaning: 'values mixed by the pattern, before the output weight',
  },
  {
    template: 'attn.hook_result',
    shape: ['batch', 'pos', 'n_heads', 'd_model'],
    meaning: "each head's share of the attention output, without the output bias",
  },
  ...normHooks('ln1_post', 'the norm after attention', postNorm),
  {
    template: 'hook_attn_out',
    shape: RESID,
    meaning: 'what attention adds to the residual stream (after ln1_post where there is one)',
  },
  {
    template: 'hook_resid_mid',
    shape: RESID,
    meaning: 'residual stream after attention',
    when: (config) => !config.parallelBlocks,
    whenText: 'models whose MLP comes after attention (not GPT-NeoX with parallel blocks)',
  },
  { template: 'hook_mlp_in', shape: RESID, meaning: 'residual stream read by the MLP, before ln2' },
  ...normHooks('ln2', 'the norm before the MLP'),
  {
    template: 'mlp.hook_in',
    shape: RESID,
    meaning: 'what the MLP multiplies: the output of ln2 with its weight and bias',
  },
  {
    template: 'mlp.hook_pre',
    shape: MLP,
    meaning: 'MLP before the activation function (gated models: the gate projection)',
  },
  {
    template: 'mlp.hook_pre_linear',
    shape: MLP,
    meaning: 'the up projection that multiplies the activated gate',
    when: (config) => config.mlp === 'gated',
    whenText: 'models with a gated MLP',
  },
  { template: 'mlp.hook_post', shape: MLP, meaning: 'MLP neurons: the input of the output weight' },
  ...normHooks('ln2_post', 'the norm after the MLP', postNorm),
  {
    template: 'hook_mlp_out',
    shape: RESID,
    meaning: 'what the MLP adds to the residual stream (after ln2_post where there is one)',
  },
  { template: 'hook_resid_post', shape: RESID, meaning: 'residual stream leaving the block' },
];

const EMBED: readonly Template[] = [
  {
    template: 'hook_embed',
    shape: RESID,
    meaning: 'token embeddings (Gemma: times sqrt(d_model))',
  },
  {
    template: 'hook_pos_embed',
    shape: RESID,
    meaning: 'learned position embeddings',
    when: (config) => config.positions.kind === 'learned',
    whenText: 'models with learned positions (GPT-2)',
  },
];

const FINAL: readonly Template[] = [
  ...normHooks('ln_final', 'the final norm'),
  {
    template: 'logits',
    shape: ['batch', 'pos', 'd_vocab'],
    meaning: 'next-token logits, after the final soft cap where there is one',
  },
];

/** Every address that exists on some model, with `{l}` for the layer, for generated documentation. */
export const ADDRESS_TEMPLATES: readonly (AddressInfo & { readonly models: string })[] = [
  ...EMBED,
  ...BLOCK.map((entry) => ({ ...entry, template: `blocks.{l}.${entry.template}` })),
  ...FINAL,
].map(({ template, shape, meaning, whenText }) => ({
  address: template,
  shape,
  meaning,
  models: whenText ?? 'all models',
}));

const known = new WeakMap<ModelConfig, readonly AddressInfo[]>();

/** Every address of a model, in order of computation. */
export function addresses(config: ModelConfig): readonly AddressInfo[] {
  let list = known.get(config);
  if (!list) {
    list = build(config);
    known.set(config, list);
  }
  return list;
}

function build(config: ModelConfig): AddressInfo[] {
  const pick = (templates: readonly Template[], prefix = '') =>
    templates
      .filter(({ when }) => when?.(config) ?? true)
      .map(({ template, shape, meaning }) => ({ address: prefix + template, shape, meaning }));
  const blocks = Array.from({ length: config.nLayers }, (_, l) => pick(BLOCK, `blocks.${l}.`));
  return [...pick(EMBED), ...blocks.flat(), ...pick(FINAL)];
}

/** The description of one address. Throws `unknown-address`, naming the nearest ones that exist. */
export function addressInfo(config: ModelConfig, address: string): AddressInfo {
  const all = addresses(config);
  const found = all.find((info) => info.address === address);
  if (found) return found;
  const nearest = nearestNames(
    address,
    all.map((info) => info.address),
  );
  const generic = address.replace(/^blocks\.\d+\./, 'blocks.{l}.');
  const elsewhere = ADDRESS_TEMPLATES.find((entry) => entry.address === generic);
  const layer = /^blocks\.(\d+)\./.exec(address)?.[1];
  const reason =
    elsewhere && layer !== undefined && Number(layer) >= config.nLayers
      ? `this model has ${config.nLayers} layers, numbered from 0`
      : elsewhere
        ? `only ${elsewhere.models} have it`
        : 'no model has it';
  throw new GlassboxError(`unknown address '${address}': ${reason}`, {
    code: 'unknown-address',
    remedy: `Use one of the nearest addresses: ${nearest.join(', ')}.`,
    details: { address, nearest },
  });
}

/** The shape of an address on this model, with the symbols `'batch'` and `'pos'` left open. */
export function addressShape(config: ModelConfig, address: string): Shape {
  const sizes: Record<DimWord, Dim> = {
    batch: 'batch',
    pos: 'pos',
    query: 'pos',
    key: 'pos',
    n_heads: config.nHeads,
    n_kv_heads: config.nKvHeads,
    d_head: config.dHead,
    d_model: config.dModel,
    d_mlp: config.dMlp,
    d_vocab: config.dVocab,
    '1': 1,
  };
  return addressInfo(config, address).shape.map((word) => sizes[word]);
}

/**
 * Which addresses to take: one address or glob (`*` within a name between dots, `**` across dots,
 * `{a,b}` alternatives), a list of them, or a predicate.
 */
export type AddressFilter = string | readonly string[] | ((address: string) => boolean);

/**
 * The addresses of a model that a filter selects, in order of computation. A name without `*` must
 * exist and a glob must match something: throws `unknown-address` otherwise.
 */
export function selectAddresses(config: ModelConfig, filter: AddressFilter): string[] {
  const all = addresses(config).map((info) => info.address);
  if (typeof filter === 'function') return all.filter(filter);
  const chosen = new Set<string>();
  for (const name of typeof filter === 'string' ? [filter] : filter) {
    if (!/[*{]/.test(name)) {
      chosen.add(addressInfo(config, name).address);
      continue;
    }
    const pattern = globPattern(name);
    const matches = all.filter((address) => pattern.test(address));
    if (matches.length === 0) addressInfo(config, name);
    for (const address of matches) chosen.add(address);
  }
  return all.filter((address) => chosen.has(address));
}
