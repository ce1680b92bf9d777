import type { TensorData } from '../../../graph/op.ts';
import type {
  Dictionary,
  DictionaryActivation,
  DictionaryConfig,
  InputNormalisation,
} from '../types.ts';
import { inForm } from './fold.ts';
import { badDictionary, type ForeignTensors, transpose } from './tensors.ts';

type Json = Readonly<Record<string, unknown>>;

const record = (value: unknown): Json =>
  typeof value === 'object' && value !== null ? (value as Json) : {};

/**
 * Normalisations by SAELens's names. An average scale is folded into the weights when SAELens saves and does nothing in
 * a saved file, so null, like none.
 */
const NORMALISATIONS: Readonly<Record<string, InputNormalisation | null>> = {
  none: null,
  expected_average_only_in: null,
  layer_norm: 'layer-norm',
  constant_norm_rescale: 'constant-norm',
};

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function activationOf(cfg: Json, architecture: string, source: string): DictionaryActivation {
  const kwargs = record(cfg.activation_fn_kwargs);
  // Before 6.0 a TopK SAE was a standard one with another activation function.
  const named = text(cfg.activation_fn) ?? text(cfg.activation_fn_str) ?? 'relu';
  if (named !== 'relu' && named !== 'topk') {
    throw badDictionary(source, `cfg.json: activation function "${named}" is not supported`);
  }
  const legacyTopK = named === 'topk';
  switch (architecture) {
    case 'topk':
    case 'standard':
    case 'transcoder':
    case 'skip_transcoder': {
      if (architecture !== 'topk' && !legacyTopK) return { kind: 'relu' };
      const k = Number(cfg.k ?? kwargs.k);
      if (!Number.isInteger(k) || k < 1) throw badDictionary(source, `cfg.json: k is ${cfg.k}`);
      return { kind: 'topk', k };
    }
    case 'gated':
      return { kind: 'gated' };
    case 'jumprelu':
    case 'jumprelu_transcoder':
    case 'jumprelu_skip_transcoder':
      return { kind: 'jumprelu' };
    default:
      throw badDictionary(
        source,
        `cfg.json: architecture "${architecture}" is not supported (standard, gated, topk, jumprelu, transcoder, skip_transcoder, jumprelu_transcoder, jumprelu_skip_transcoder are)`,
      );
  }
}

/** A dictionary of SAELens, versions 3 to 6: `cfg.json` with `sae_weights.safetensors`. */
export function fromSaeLens(json: unknown, tensors: ForeignTensors): Dictionary {
  const cfg = record(json);
  const metadata = record(cfg.metadata);
  const { source } = tensors;
  const architecture = text(cfg.architecture) ?? 'standard';
  const activation = activationOf(cfg, architecture, source);
  const normalisation = text(cfg.normalize_activations) ?? 'none';
  const normalise = NORMALISATIONS[normalisation];
  if (normalise === undefined) {
    throw badDictionary(
      source,
      `cfg.json: normalize_activations "${normalisation}" is not supported (${Object.keys(NORMALISATIONS).join(', ')} are)`,
    );
  }
  const head = metadata.hook_head_index ?? cfg.hook_head_index ?? cfg.hook_point_head_index;
  if (typeof head === 'number') {
    throw badDictionary(source, `cfg.json: reads head ${head} alone, which is not supported`);
  }
  const hook = text(metadata.hook_name) ?? text(cfg.hook_name) ?? text(cfg.hook_point);
  if (hook === undefined) throw badDictionary(source, 'cfg.json names no hook');
  const [dIn, dDict] = [Number(cfg.d_in), Number(cfg.d_sae)];
  const transcodes = architecture.includes('transcoder');
  const dOut = transcodes ? Number(cfg.d_out ?? dIn) : dIn;
  const out = text(metadata.hook_name_out) ?? text(cfg.hook_name_out);
  const layer = /^blocks\.(\d+)\./.exec(hook)?.[1];
  const written = transcodes ? (out ?? `blocks.${layer}.hook_mlp_out`) : hook;
  const skip = tensors.has('W_skip');
  checkScalingFactor(tensors, dDict);
  const config: DictionaryConfig = {
    activation,
    reads: [hook],
    writes: [written],
    dIn,
    dOut,
    dDict,
    centreInput: !transcodes && cfg.apply_b_dec_to_input !== false,
    skip,
    scale: 1,
    ...(normalise && { normalise }),
    model: { name: text(metadata.model_name) ?? text(cfg.model_name) ?? 'unknown', hash: null },
  };
  const params: Record<string, TensorData> = {
    'W_enc.0': tensors.floats('W_enc', [dIn, dDict]),
    'W_dec.0': tensors.floats('W_dec', [dDict, dOut]),
    'b_dec.0': tensors.floats('b_dec', [dOut]),
  };
  const biases = activation.kind === 'gated' ? ['b_gate', 'b_mag', 'r_mag'] : ['b_enc'];
  for (const name of biases) params[name] = tensors.floats(name, [dDict]);
  if (activation.kind === 'jumprelu') params.threshold = tensors.floats('threshold', [dDict]);
  // SAELens computes x @ W_skipᵀ with W_skip [d_out, d_in].
  if (skip) params.W_skip = tensors.transposed('W_skip', [dOut, dIn]);
  if (cfg.rescale_acts_by_decoder_norm === true) foldDecoderNorms(config, params);
  return { config, params };
}

/** Before version 6 every feature could have a factor of its own, learnt after the rest. SAELens refuses others than 1 too. */
function checkScalingFactor(tensors: ForeignTensors, dDict: number): void {
  if (!tensors.has('scaling_factor')) return;
  const factors = tensors.floats('scaling_factor', [dDict]).data as Float32Array;
  if (factors.every((factor) => factor === 1)) return;
  throw badDictionary(tensors.source, 'has finetuned scaling factors, which are not supported');
}

/**
 * SAELens can multiply pre-activations by the length of their decoder vectors and divide what is written by it. The
 * same numbers come out of weights that the lengths are folded into.
 */
function foldDecoderNorms(config: DictionaryConfig, params: Record<string, TensorData>): void {
  const { dIn, dOut, dDict } = config;
  const decoder = Float32Array.from(params['W_dec.0'].data as Float32Array);
  const encoder = Float32Array.from(params['W_enc.0'].data as Float32Array);
  const bias = Float32Array.from(params.b_enc.data as Float32Array);
  for (let feature = 0; feature < dDict; feature++) {
    const row = decoder.subarray(feature * dOut, (feature + 1) * dOut);
    // A feature that writes nothing keeps its encoder; its length is no divisor.
    const length = Math.hypot(...row) || 1;
    for (let i = 0; i < dOut; i++) row[i] /= length;
    for (let i = 0; i < dIn; i++) encoder[i * dDict + feature] *= length;
    bias[feature] *= length;
  }
  params['W_dec.0'] = { ...params['W_dec.0'], data: decoder };
  params['W_enc.0'] = { ...params['W_enc.0'], data: encoder };
  params.b_enc = { ...params.b_enc, data: bias };
}

function normalisationName(normalise: InputNormalisation | null): string {
  const names = Object.keys(NORMALISATIONS);
  return names.find((name) => NORMALISATIONS[name] === normalise) ?? 'none';
}

/** A dictionary as SAELens 6 stores it: the content of `cfg.json` and the tensors of the weights file. */
export function toSaeLens(dictionary: Dictionary): {
  cfg: Json;
  tensors: Record<string, TensorData>;
} {
  const { config, params } = inForm(dictionary, dictionary.config);
  const { activation, reads, writes, dIn, dOut, dDict, centreInput, skip, model } = config;
  if (reads.length !== 1 || writes.length !== 1) {
    throw badDictionary(
      'this dictionary',
      'reads or writes several addresses, which SAELens has no form for',
    );
  }
  const transcodes = reads[0] !== writes[0];
  // BatchTopK is saved as JumpReLU, as SAELens itself does.
  const kind = activation.kind === 'batchtopk' ? 'jumprelu' : activation.kind;
  const base = kind === 'relu' ? 'standard' : kind;
  if (kind === 'groupmax') {
    throw badDictionary(
      'this dictionary',
      'ranks features in groups, which SAELens has no form for',
    );
  }
  if (transcodes && !['relu', 'jumprelu'].includes(kind)) {
    throw badDictionary(
      'this dictionary',
      `is a ${kind} transcoder, which SAELens has no form for`,
    );
  }
  const architecture = transcodes
    ? `${kind === 'jumprelu' ? 'jumprelu_' : ''}${skip ? 'skip_' : ''}transcoder`
    : base;
  const layer = Number(/^blocks\.(\d+)\./.exec(reads[0])?.[1] ?? 0);
  const cfg = {
    architecture,
    d_in: dIn,
    d_sae: dDict,
    ...(transcodes && { d_out: dOut }),
    ...(activation.kind === 'topk' && { k: activation.k, rescale_acts_by_decoder_norm: false }),
    dtype: 'float32',
    device: 'cpu',
    apply_b_dec_to_input: centreInput,
    normalize_activations: normalisationName(config.normalise ?? null),
    reshape_activations: 'none',
    metadata: {
      sae_lens_version: '6.0.0',
      model_name: model.name,
      hook_name: reads[0],
      ...(transcodes && { hook_name_out: writes[0], hook_layer_out: layer }),
      hook_layer: layer,
    },
  };
  const renamed = Object.entries(params).map(([name, value]) => {
    const plain = name.replace(/\.0$/, '');
    return [plain, plain === 'W_skip' ? transpose(value) : value] as const;
  });
  return { cfg, tensors: Object.fromEntries(renamed) };
}
