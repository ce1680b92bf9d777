import {
  attentionBias,
  type ConfigBody,
  everyLayer,
  readActivation,
  readBase,
  readLayers,
  readWindow,
} from './config-base.ts';
import { type JsonFields, MAX_LAYERS } from './config-fields.ts';
import { readGemma3Rotary, readRotary } from './config-rope.ts';

export function readGpt2(fields: JsonFields): ConfigBody {
  const dModel = fields.size('n_embd');
  const nHeads = fields.size('n_head');
  const nLayers = fields.size('n_layer', undefined, MAX_LAYERS);
  if (dModel % nHeads !== 0) {
    fields.fail('n_embd', `(${dModel}) must be a multiple of n_head (${nHeads})`);
  }
  if (fields.bool('add_cross_attention', false)) {
    fields.fail(
      'add_cross_attention',
      'is true, but only decoders without an encoder are supported',
    );
  }
  const dHead = dModel / nHeads;
  return {
    nLayers,
    dModel,
    nHeads,
    nKvHeads: nHeads,
    dHead,
    dMlp: fields.size('n_inner', 4 * dModel),
    dVocab: fields.size('vocab_size'),
    nCtx: fields.size('n_positions', fields.size('n_ctx', 1024)),
    norm: 'layer',
    normEps: fields.number('layer_norm_epsilon', { min: 0, max: 1 }, 1e-5),
    rmsOffset: 0,
    parallelBlocks: false,
    postNorms: false,
    positions: { kind: 'learned' },
    attention: everyLayer(nLayers, null),
    queryScale: fields.bool('scale_attn_weights', true) ? dHead ** -0.5 : 1,
    scaleByInverseLayer: fields.bool('scale_attn_by_inverse_layer_idx', false),
    attnSoftcap: null,
    finalSoftcap: null,
    qkNorm: false,
    biases: { qkv: true, attnOut: true, mlp: true, unembed: false },
    mlp: 'plain',
    activation: readActivation(fields, 'activation_function', 'gelu_new'),
    tieEmbeddings: fields.bool('tie_word_embeddings', true),
    embedScale: 1,
  };
}

export function readNeox(fields: JsonFields): ConfigBody {
  const base = readBase(fields, { context: 2048 });
  const { dModel, nHeads, nCtx } = base;
  if (dModel % nHeads !== 0 || base.nKvHeads !== nHeads) {
    fields.fail('num_attention_heads', `(${nHeads}) must divide hidden_size (${dModel}) evenly`);
  }
  const dHead = dModel / nHeads;
  const bias = fields.bool('attention_bias', true);
  return {
    ...base,
    dHead,
    queryScale: dHead ** -0.5,
    norm: 'layer',
    normEps: fields.number('layer_norm_eps', { min: 0, max: 1 }, 1e-5),
    parallelBlocks: fields.bool('use_parallel_residual', true),
    positions: readRotary(fields, {
      dHead,
      nCtx,
      thetaKey: 'rotary_emb_base',
      fractionKey: 'rotary_pct',
      fraction: 0.25,
    }),
    biases: { qkv: bias, attnOut: bias, mlp: true, unembed: false },
    mlp: 'plain',
    activation: readActivation(fields, 'hidden_act', 'gelu'),
  };
}

export function readLlama(fields: JsonFields): ConfigBody {
  const base = readBase(fields, { context: 2048 });
  return {
    ...base,
    positions: readRotary(fields, base),
    biases: { ...attentionBias(fields), mlp: fields.bool('mlp_bias', false), unembed: false },
    activation: readActivation(fields, 'hidden_act', 'silu'),
  };
}

export function readMistral(fields: JsonFields): ConfigBody {
  const base = readBase(fields, { kvHeads: 8, context: 131_072 });
  return {
    ...base,
    positions: readRotary(fields, base),
    attention: everyLayer(base.nLayers, readWindow(fields, 4096)),
    activation: readActivation(fields, 'hidden_act', 'silu'),
  };
}

/** Qwen 2 and 3: the window is off unless `use_sliding_window`, and then for late layers only. */
export function readQwen(fields: JsonFields, version: 2 | 3): ConfigBody {
  const base = readBase(fields, {
    kvHeads: 32,
    headDim: version === 3 ? 128 : undefined,
    context: 32_768,
  });
  const window = fields.bool('use_sliding_window', false) ? readWindow(fields, 4096) : null;
  const first = fields.number('max_window_layers', { min: 0 }, 28);
  const biases = version === 2 ? { qkv: true, attnOut: false } : attentionBias(fields);
  return {
    ...base,
    positions: readRotary(fields, base),
    attention: readLayers(fields, {
      nLayers: base.nLayers,
      window,
      isSliding: (layer) => window !== null && layer >= first,
    }),
    qkNorm: version === 3,
    biases: { ...biases, mlp: false, unembed: false },
    activation: readActivation(fields, 'hidden_act', 'silu'),
  };
}

/** A soft cap: null in the file means none, absent means the default. */
function readCap(fields: JsonFields, key: string, fallback: number | null): number | null {
  if (fields.has(key)) return fields.number(key, { min: 0, open: true });
  return fields.mentions(key) ? null : fallback;
}

/** What Gemma 2 and 3 share; positions, soft caps and the pattern of windows differ. */
function gemma(fields: JsonFields, base: ConfigBody): ConfigBody {
  if (fields.bool('use_bidirectional_attention', false)) {
    fields.fail('use_bidirectional_attention', 'is true, but only causal models are supported');
  }
  return {
    ...base,
    rmsOffset: 1,
    postNorms: true,
    queryScale: fields.number('query_pre_attn_scalar', { min: 0, open: true }, 256) ** -0.5,
    biases: { ...attentionBias(fields), mlp: false, unembed: false },
    activation: readActivation(fields, 'hidden_activation', 'gelu_pytorch_tanh'),
    tieEmbeddings: fields.bool('tie_word_embeddings', true),
    // transformers keeps this factor as a float32 tensor.
    embedScale: Math.fround(Math.sqrt(base.dModel)),
  };
}

export function readGemma2(fields: JsonFields): ConfigBody {
  const base = readBase(fields, { kvHeads: 4, headDim: 256, context: 8192 });
  return {
    ...gemma(fields, base),
    attnSoftcap: readCap(fields, 'attn_logit_softcapping', 50),
    finalSoftcap: readCap(fields, 'final_logit_softcapping', 30),
    positions: readRotary(fields, base),
    attention: readLayers(fields, {
      nLayers: base.nLayers,
      window: readWindow(fields, 4096),
      isSliding: (layer) => layer % 2 === 0,
    }),
  };
}

export function readGemma3(fields: JsonFields): ConfigBody {
  const base = readBase(fields, {
    hidden: 2304,
    layers: 26,
    heads: 8,
    kvHeads: 4,
    headDim: 256,
    mlp: 9216,
    vocab: 262_208,
    context: 131_072,
  });
  const pattern = fields.size('sliding_window_pattern', 6);
  return {
    ...gemma(fields, base),
    // The attention of Gemma 3 in transformers does not use attn_logit_softcapping.
    finalSoftcap: readCap(fields, 'final_logit_softcapping', null),
    qkNorm: true,
    positions: readGemma3Rotary(fields, base),
    attention: readLayers(fields, {
      nLayers: base.nLayers,
      window: readWindow(fields, 4096),
      isSliding: (layer) => (layer + 1) % pattern !== 0,
    }),
  };
}

export function readPhi3(fields: JsonFields): ConfigBody {
  const base = readBase(fields, { context: 4096 });
  return {
    ...base,
    normEps: fields.number('rms_norm_eps', { min: 0, max: 1 }, 1e-5),
    positions: readRotary(fields, {
      dHead: base.dHead,
      nCtx: base.nCtx,
      fraction: 1,
      longropeOnly: true,
      originalContext: 4096,
    }),
    attention: everyLayer(base.nLayers, readWindow(fields, null)),
    activation: readActivation(fields, 'hidden_act', 'silu'),
  };
}
