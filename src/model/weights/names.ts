import type { Family, ModelConfig } from '../config.ts';

/** One linear layer or several fused ones, as a family stores them. */
interface LinearNames {
  /** Name inside a layer, without `.weight` and `.bias`. */
  readonly hub: string;
  /** Our layers it holds, in stored order. */
  readonly parts: readonly string[];
  /** True when q, k and v are interleaved head by head. */
  readonly byHead?: boolean;
}

/** How one family names and lays out its tensors on disk. */
export interface FamilyNames {
  /** What may stand before every name but the output embedding's; the first that fits is used. */
  readonly prefixes: readonly string[];
  readonly orientation: 'in_out' | 'out_in';
  readonly embed: string;
  readonly posEmbed?: string;
  readonly unembed: string;
  /** With `{l}` for the layer. */
  readonly layer: string;
  /** Our norm names to theirs, inside a layer. */
  readonly norms: Readonly<Record<string, string>>;
  readonly finalNorm: string;
  readonly linears: readonly LinearNames[];
  /** Stored buffers that are no weights. */
  readonly ignored: RegExp;
}

const separate = (hub: string, part: string): LinearNames => ({ hub, parts: [part] });

const ATTENTION = [
  separate('self_attn.q_proj', 'attn.q'),
  separate('self_attn.k_proj', 'attn.k'),
  separate('self_attn.v_proj', 'attn.v'),
  separate('self_attn.o_proj', 'attn.o'),
];

const LLAMA: FamilyNames = {
  prefixes: ['model.', ''],
  orientation: 'out_in',
  embed: 'embed_tokens',
  unembed: 'lm_head',
  layer: 'layers.{l}',
  norms: {
    ln1: 'input_layernorm',
    ln2: 'post_attention_layernorm',
    'attn.q_norm': 'self_attn.q_norm',
    'attn.k_norm': 'self_attn.k_norm',
  },
  finalNorm: 'norm',
  linears: [
    ...ATTENTION,
    separate('mlp.gate_proj', 'mlp.gate'),
    separate('mlp.up_proj', 'mlp.in'),
    separate('mlp.down_proj', 'mlp.out'),
  ],
  ignored: /rotary_emb\.inv_freq$/,
};

const GEMMA: FamilyNames = {
  ...LLAMA,
  prefixes: ['model.', 'language_model.model.', 'model.language_model.', ''],
  norms: {
    ...LLAMA.norms,
    ln1_post: 'post_attention_layernorm',
    ln2: 'pre_feedforward_layernorm',
    ln2_post: 'post_feedforward_layernorm',
  },
  ignored: /rotary_emb\.inv_freq$|(^|\.)(vision_tower|multi_modal_projector)\./,
};

/** The table of names and layouts, one row per family. */
export const FAMILY_NAMES: { readonly [F in Family]: FamilyNames } = {
  gpt2: {
    prefixes: ['transformer.', ''],
    orientation: 'in_out',
    embed: 'wte',
    posEmbed: 'wpe',
    unembed: 'lm_head',
    layer: 'h.{l}',
    norms: { ln1: 'ln_1', ln2: 'ln_2' },
    finalNorm: 'ln_f',
    linears: [
      { hub: 'attn.c_attn', parts: ['attn.q', 'attn.k', 'attn.v'] },
      separate('attn.c_proj', 'attn.o'),
      separate('mlp.c_fc', 'mlp.in'),
      separate('mlp.c_proj', 'mlp.out'),
    ],
    ignored: /\.attn\.(bias|masked_bias)$/,
  },
  gpt_neox: {
    prefixes: ['gpt_neox.', ''],
    orientation: 'out_in',
    embed: 'embed_in',
    unembed: 'embed_out',
    layer: 'layers.{l}',
    norms: { ln1: 'input_layernorm', ln2: 'post_attention_layernorm' },
    finalNorm: 'final_layer_norm',
    linears: [
      {
        hub: 'attention.query_key_value',
        parts: ['attn.q', 'attn.k', 'attn.v'],
        byHead: true,
      },
      separate('attention.dense', 'attn.o'),
      separate('mlp.dense_h_to_4h', 'mlp.in'),
      separate('mlp.dense_4h_to_h', 'mlp.out'),
    ],
    ignored: /\.attention\.(bias|masked_bias|rotary_emb\.inv_freq)$/,
  },
  llama: LLAMA,
  mistral: LLAMA,
  qwen2: LLAMA,
  qwen3: LLAMA,
  gemma2: GEMMA,
  gemma3: GEMMA,
  phi3: {
    ...LLAMA,
    linears: [
      { hub: 'self_attn.qkv_proj', parts: ['attn.q', 'attn.k', 'attn.v'] },
      separate('self_attn.o_proj', 'attn.o'),
      { hub: 'mlp.gate_up_proj', parts: ['mlp.gate', 'mlp.in'] },
      separate('mlp.down_proj', 'mlp.out'),
    ],
  },
};

/** One stored tensor and the parameters it holds. */
export interface StoredEntry {
  readonly hub: string;
  readonly params: readonly string[];
  /** Linear weights and biases are laid out; embeddings and norms are stored as they are used. */
  readonly linear: { readonly byHead: boolean; readonly isBias: boolean } | null;
}

/** What a model's checkpoint consists of, under one prefix. */
export function storedEntries(
  config: ModelConfig,
  options: { readonly prefix: string; readonly has: (param: string) => boolean },
): StoredEntry[] {
  const names = FAMILY_NAMES[config.family];
  const { prefix, has } = options;
  const out: StoredEntry[] = [];
  const plain = (hub: string, param: string) => {
    for (const kind of ['weight', 'bias']) {
      if (!has(`${param}.${kind}`)) continue;
      out.push({ hub: `${hub}.${kind}`, params: [`${param}.${kind}`], linear: null });
    }
  };
  plain(prefix + names.embed, 'embed');
  if (names.posEmbed) plain(prefix + names.posEmbed, 'pos_embed');
  for (let l = 0; l < config.nLayers; l++) {
    const at = `${prefix}${names.layer.replace('{l}', `${l}`)}.`;
    const block = `blocks.${l}.`;
    for (const [ours, theirs] of Object.entries(names.norms)) plain(at + theirs, block + ours);
    for (const { hub, parts, byHead = false } of names.linears) {
      for (const kind of ['weight', 'bias']) {
        const params = parts.map((part) => `${block}${part}.${kind}`);
        if (!has(params[0])) continue;
        const linear = { byHead, isBias: kind === 'bias' };
        out.push({ hub: `${at}${hub}.${kind}`, params, linear });
      }
    }
  }
  plain(prefix + names.finalNorm, 'ln_final');
  plain(names.unembed, 'unembed');
  return out;
}
