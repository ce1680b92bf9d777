import { type JsonFields, MAX_LAYERS, show } from './config-fields.ts';
import type { Activation, LayerAttention, ModelConfig } from './config-types.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** The part of a {@link ModelConfig} that a family reads from its own keys. */
export type ConfigBody = Mutable<Omit<ModelConfig, 'family' | 'architecture' | 'tokens' | 'raw'>>;

const ACTIVATIONS: Readonly<Record<string, Activation>> = {
  relu: 'relu',
  relu2: 'relu2',
  gelu: 'gelu',
  gelu_python: 'gelu',
  gelu_new: 'gelu_tanh',
  gelu_fast: 'gelu_tanh',
  gelu_accurate: 'gelu_tanh',
  gelu_pytorch_tanh: 'gelu_tanh',
  gelu_python_tanh: 'gelu_tanh',
  silu: 'silu',
  swish: 'silu',
  quick_gelu: 'quick_gelu',
};

export function readActivation(fields: JsonFields, key: string, fallback: string): Activation {
  const name = fields.string(key, fallback);
  if (!Object.hasOwn(ACTIVATIONS, name)) {
    fields.fail(key, `is ${show(name)}; supported are ${Object.keys(ACTIVATIONS).join(', ')}`);
  }
  return ACTIVATIONS[name];
}

/** Defaults for sizes: only Gemma 3, whose published files leave sizes out, has them. */
interface Sizes {
  readonly hidden?: number;
  readonly layers?: number;
  readonly heads?: number;
  readonly kvHeads?: number;
  readonly headDim?: number;
  readonly mlp?: number;
  readonly vocab?: number;
  readonly context: number;
}

/** What all families with Llama's key names have in common. */
export function readBase(fields: JsonFields, sizes: Sizes): ConfigBody {
  const dModel = fields.size('hidden_size', sizes.hidden);
  const nLayers = fields.size('num_hidden_layers', sizes.layers, MAX_LAYERS);
  const nHeads = fields.size('num_attention_heads', sizes.heads);
  // A null count of key/value heads means as many as there are query heads.
  const kvDefault = fields.mentions('num_key_value_heads') ? nHeads : (sizes.kvHeads ?? nHeads);
  const nKvHeads = fields.size('num_key_value_heads', kvDefault);
  if (nHeads % nKvHeads !== 0) {
    fields.fail('num_key_value_heads', `(${nKvHeads}) must divide num_attention_heads (${nHeads})`);
  }
  const dHead = readHeadDim(fields, { dModel, nHeads, fallback: sizes.headDim });
  return {
    nLayers,
    dModel,
    nHeads,
    nKvHeads,
    dHead,
    dMlp: fields.size('intermediate_size', sizes.mlp),
    dVocab: fields.size('vocab_size', sizes.vocab),
    nCtx: fields.size('max_position_embeddings', sizes.context),
    norm: 'rms',
    normEps: fields.number('rms_norm_eps', { min: 0, max: 1 }, 1e-6),
    rmsOffset: 0,
    parallelBlocks: false,
    postNorms: false,
    positions: { kind: 'learned' },
    attention: Array.from({ length: nLayers }, () => ({ kind: 'full' }) as const),
    queryScale: dHead ** -0.5,
    scaleByInverseLayer: false,
    attnSoftcap: null,
    finalSoftcap: null,
    qkNorm: false,
    biases: { qkv: false, attnOut: false, mlp: false, unembed: false },
    mlp: 'gated',
    activation: 'silu',
    tieEmbeddings: fields.bool('tie_word_embeddings', false),
    embedScale: 1,
  };
}

function readHeadDim(
  fields: JsonFields,
  options: { readonly dModel: number; readonly nHeads: number; readonly fallback?: number },
): number {
  const { dModel, nHeads, fallback } = options;
  if (fields.has('head_dim')) return fields.size('head_dim');
  if (fallback !== undefined && !fields.mentions('head_dim')) return fallback;
  if (dModel % nHeads !== 0) {
    fields.fail(
      'hidden_size',
      `(${dModel}) must be a multiple of the number of heads (${nHeads})`,
      {
        remedy: 'Correct one of the two, or give "head_dim" where the family has it.',
      },
    );
  }
  return dModel / nHeads;
}

export function attentionBias(fields: JsonFields): { qkv: boolean; attnOut: boolean } {
  const bias = fields.bool('attention_bias', false);
  return { qkv: bias, attnOut: bias };
}

/** Per-layer attention from `layer_types`, or from the family's pattern when it is absent. */
export function readLayers(
  fields: JsonFields,
  options: {
    readonly nLayers: number;
    readonly window: number | null;
    readonly isSliding: (layer: number) => boolean;
  },
): LayerAttention[] {
  const { nLayers, window, isSliding } = options;
  const given = fields.has('layer_types') ? fields.strings('layer_types') : undefined;
  if (given && given.length !== nLayers) {
    fields.fail('layer_types', `has ${given.length} entries for ${nLayers} layers`);
  }
  return Array.from({ length: nLayers }, (_, layer): LayerAttention => {
    const type = given?.[layer] ?? (isSliding(layer) ? 'sliding_attention' : 'full_attention');
    if (type === 'full_attention') return { kind: 'full' };
    if (type !== 'sliding_attention') {
      fields.fail(
        'layer_types',
        `has ${show(type)}; supported are full_attention, sliding_attention`,
      );
    }
    if (window === null) {
      fields.fail('sliding_window', `is not set, but layer ${layer} has sliding attention`);
    }
    return { kind: 'sliding', window };
  });
}

/** `sliding_window`: null in the file means none, absent means the default. */
export function readWindow(fields: JsonFields, fallback: number | null): number | null {
  if (fields.has('sliding_window')) return fields.size('sliding_window');
  return fields.mentions('sliding_window') ? null : fallback;
}

export function everyLayer(nLayers: number, window: number | null): LayerAttention[] {
  const layer: LayerAttention = window === null ? { kind: 'full' } : { kind: 'sliding', window };
  return Array.from({ length: nLayers }, () => layer);
}
