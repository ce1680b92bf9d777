/** The model families this library runs, named as `model_type` names them. */
export type Family =
  | 'gpt2'
  | 'gpt_neox'
  | 'llama'
  | 'mistral'
  | 'qwen2'
  | 'qwen3'
  | 'gemma2'
  | 'gemma3'
  | 'phi3';

/** Pointwise functions of the MLP. `gelu` is the exact erf form, `gelu_tanh` its tanh approximation. */
export type Activation = 'relu' | 'relu2' | 'gelu' | 'gelu_tanh' | 'silu' | 'quick_gelu';

/**
 * How rotary frequencies are changed for longer contexts. `originalContext` is the length in tokens
 * the model was first trained with. `attentionFactor` multiplies both cos and sin.
 */
export type RopeScaling =
  | { readonly kind: 'none' }
  | { readonly kind: 'linear'; readonly factor: number }
  | { readonly kind: 'dynamic'; readonly factor: number; readonly originalContext: number }
  | {
      readonly kind: 'llama3';
      readonly factor: number;
      readonly lowFreqFactor: number;
      readonly highFreqFactor: number;
      readonly originalContext: number;
    }
  | {
      readonly kind: 'yarn';
      readonly factor: number;
      readonly originalContext: number;
      readonly betaFast: number;
      readonly betaSlow: number;
      /** Round the bounds of the ramp to whole dimensions. */
      readonly truncate: boolean;
      readonly attentionFactor: number;
    }
  | {
      readonly kind: 'longrope';
      /** `[dim / 2]` divisors up to `originalContext` tokens. */
      readonly shortFactor: readonly number[];
      /** `[dim / 2]` divisors beyond it. */
      readonly longFactor: readonly number[];
      readonly originalContext: number;
      readonly attentionFactor: number;
    };

/** Rotary position embedding (Su et al. 2021) on the first `dim` of the `d_head` dimensions. */
export interface RotaryPositions {
  readonly kind: 'rotary';
  readonly theta: number;
  readonly dim: number;
  /** True: pairs are (0,1), (2,3) …; false: pairs are (i, i + dim / 2), as all families here. */
  readonly interleaved: boolean;
  readonly scaling: RopeScaling;
  /** Gemma 3: sliding layers rotate with this base and no scaling. */
  readonly localTheta?: number;
}

/** How a position enters the model: an embedding added to the token, or a rotation. */
export type Positions = { readonly kind: 'learned' } | RotaryPositions;

/** `sliding`: position q sees positions k with q - window < k <= q. `full`: every k <= q. */
export type LayerAttention =
  | { readonly kind: 'full' }
  | { readonly kind: 'sliding'; readonly window: number };

/** Special token ids; an id outside the vocabulary is reported as absent. */
export interface SpecialTokenIds {
  readonly bos: number | null;
  readonly eos: readonly number[];
  readonly pad: number | null;
}

/** One normalised description of a decoder: everything that differs between families, as data. */
export interface ModelConfig {
  readonly family: Family;
  /** The class name in `architectures`, e.g. `LlamaForCausalLM`. */
  readonly architecture: string;
  readonly nLayers: number;
  readonly dModel: number;
  readonly nHeads: number;
  readonly nKvHeads: number;
  readonly dHead: number;
  readonly dMlp: number;
  readonly dVocab: number;
  /** Longest prompt in tokens. */
  readonly nCtx: number;
  readonly norm: 'layer' | 'rms';
  readonly normEps: number;
  /** Added to the RMS norm weight before it multiplies: 1 in Gemma, else 0. */
  readonly rmsOffset: 0 | 1;
  /** Attention and MLP both read the block input and are added together (GPT-NeoX). */
  readonly parallelBlocks: boolean;
  /** A norm after attention and after the MLP too, before each is added (Gemma). */
  readonly postNorms: boolean;
  readonly positions: Positions;
  /** `[n_layers]` */
  readonly attention: readonly LayerAttention[];
  /** Attention scores are q·k times this. */
  readonly queryScale: number;
  /** Attention scores of layer l are further divided by l + 1 (a GPT-2 option). */
  readonly scaleByInverseLayer: boolean;
  /** Scores become c·tanh(score / c), before the mask. */
  readonly attnSoftcap: number | null;
  /** Logits become c·tanh(logit / c). */
  readonly finalSoftcap: number | null;
  /** RMS norm over `d_head` on queries and keys before the rotation. */
  readonly qkNorm: boolean;
  readonly biases: {
    readonly qkv: boolean;
    readonly attnOut: boolean;
    readonly mlp: boolean;
    readonly unembed: boolean;
  };
  readonly mlp: 'plain' | 'gated';
  readonly activation: Activation;
  readonly tieEmbeddings: boolean;
  /** Token embeddings are multiplied by this, a float32 value (Gemma: sqrt(d_model)). */
  readonly embedScale: number;
  readonly tokens: SpecialTokenIds;
  /** The whole `config.json`, untouched. */
  readonly raw: Readonly<Record<string, unknown>>;
}
