import type { TensorData } from '../../../graph/op.ts';
import type { Dictionary, DictionaryActivation, DictionaryConfig } from '../types.ts';
import { inForm } from './fold.ts';
import { badDictionary, constantVector, type ForeignTensors, transpose } from './tensors.ts';
import type { TensorForTorch } from './torch-write.ts';

type Json = Readonly<Record<string, unknown>>;

const record = (value: unknown): Json =>
  typeof value === 'object' && value !== null ? (value as Json) : {};

const PLACES: readonly (readonly [RegExp, string])[] = [
  [/attn/i, 'hook_attn_out'],
  [/mlp/i, 'hook_mlp_out'],
  [/resid_pre/i, 'hook_resid_pre'],
  [/resid_mid/i, 'hook_resid_mid'],
];

/** `resid_post_layer_3` of layer 3 is `blocks.3.hook_resid_post`. */
function addressOf(trainer: Json, source: string): string {
  const submodule = String(trainer.submodule_name ?? '');
  const layer = trainer.layer ?? /(\d+)/.exec(submodule)?.[1];
  if (layer === undefined)
    throw badDictionary(source, 'config.json names neither layer nor submodule');
  const hook = PLACES.find(([pattern]) => pattern.test(submodule))?.[1] ?? 'hook_resid_post';
  return `blocks.${layer}.${hook}`;
}

/** How crosscoders weigh a feature before comparing it with the threshold, by the number in the file. */
const CODE_NORMS = ['CROSSCODER', 'SAE', 'MIXED', 'NONE'] as const;

/** What a feature's pre-activation is multiplied by before it is compared, `[d_dict]`. */
function codeNorms(trainer: Json, tensors: ForeignTensors, decoder: TensorData): Float64Array {
  const [count, dDict, d] = decoder.shape;
  const kind = CODE_NORMS[tensors.scalar('code_normalization_id') - 1];
  if (kind === undefined) {
    throw badDictionary(tensors.source, 'has a threshold per address, which is not supported');
  }
  const [sae, cross] = [trainer.code_normalization_alpha_sae, trainer.code_normalization_alpha_cc];
  return Float64Array.from({ length: dDict }, (_, feature) => {
    const lengths = Array.from({ length: count }, (__, j) => {
      const start = (j * dDict + feature) * d;
      return Math.hypot(...(decoder.data as Float32Array).subarray(start, start + d));
    });
    const sum = lengths.reduce((a, b) => a + b, 0);
    if (kind === 'NONE') return 1;
    if (kind === 'CROSSCODER') return sum;
    const whole = Math.hypot(...lengths);
    return kind === 'SAE' ? whole : Number(sae ?? 1) * whole + Number(cross ?? 0.1) * sum;
  });
}

/**
 * A crosscoder of the crosscoder_learning branch. Its normalisation of activations, (x − mean) · scale per address, goes into the
 * weights. Two inputs are one address of two models, as its trainers have it.
 */
function fromCrosscoder(trainer: Json, tensors: ForeignTensors, address: string): Dictionary {
  const { source } = tensors;
  const shape = tensors.shape('encoder.weight');
  const [count, d, dDict] = shape;
  if (count !== 2) {
    throw badDictionary(source, `reads ${count} activations, and does not say which they are`);
  }
  const encoder = tensors.floats('encoder.weight', [count, d, dDict]).data as Float32Array;
  const decoder = tensors.floats('decoder.weight', [count, dDict, d]);
  const decoderBias = tensors.floats('decoder.bias', [count, d]).data as Float32Array;
  const bias = Float32Array.from(tensors.floats('encoder.bias', [dDict]).data as Float32Array);
  const given = tensors.has('activation_mean') ? tensors.numbers('activation_mean') : [Number.NaN];
  const normalises = given.every(Number.isFinite);
  const scales = normalises ? tensors.numbers('activation_global_scale') : [];
  if (normalises && scales.every((scale) => scale === 1)) {
    throw badDictionary(source, 'normalises every dimension on its own, which is not supported');
  }
  const params: Record<string, TensorData> = {};
  for (let i = 0; i < count; i++) {
    const scale = normalises ? scales[i] : 1;
    const mean = normalises ? given.slice(i * d, (i + 1) * d) : new Array<number>(d).fill(0);
    const enc = encoder.slice(i * d * dDict, (i + 1) * d * dDict).map((value) => value * scale);
    mean.forEach((value, row) => {
      for (let feature = 0; feature < dDict; feature++) {
        bias[feature] -= value * enc[row * dDict + feature];
      }
    });
    const start = i * dDict * d;
    const dec = (decoder.data as Float32Array).slice(start, start + dDict * d);
    params[`W_enc.${i}`] = { dtype: 'float32', shape: [d, dDict], data: enc };
    params[`W_dec.${i}`] = {
      dtype: 'float32',
      shape: [dDict, d],
      data: dec.map((value) => value / scale),
    };
    const own = decoderBias.slice(i * d, (i + 1) * d);
    params[`b_dec.${i}`] = {
      dtype: 'float32',
      shape: [d],
      data: own.map((value, row) => value / scale + mean[row]),
    };
  }
  params.b_enc = { dtype: 'float32', shape: [dDict], data: bias };
  const gated = trainer.dict_class === 'BatchTopKCrossCoder';
  if (gated) {
    const threshold = tensors.scalar('threshold');
    if (threshold < 0) {
      throw badDictionary(source, 'has no threshold yet: it was saved before training set one');
    }
    const norms = codeNorms(trainer, tensors, decoder);
    const data = Float32Array.from(norms, (norm) => threshold / Math.max(norm, 1e-30));
    params.threshold = { dtype: 'float32', shape: [dDict], data };
  }
  const places = [address, `other:${address}`];
  const config: DictionaryConfig = {
    activation: gated ? { kind: 'batchtopk', k: tensors.scalar('k') } : { kind: 'relu' },
    reads: places,
    writes: places,
    dIn: d,
    dOut: d,
    dDict,
    centreInput: false,
    skip: false,
    scale: 1,
    model: { name: String(trainer.lm_name ?? 'unknown'), hash: null },
  };
  return { config, params };
}

/** A dictionary of `dictionary_learning`: `ae.pt` with `config.json` `{trainer: {dict_class, …}}`. */
export function fromDictionaryLearning(json: unknown, tensors: ForeignTensors): Dictionary {
  const trainer = record(record(json).trainer);
  const { source } = tensors;
  const kind = String(trainer.dict_class ?? '');
  const address = addressOf(trainer, source);
  if (kind === 'CrossCoder' || kind === 'BatchTopKCrossCoder') {
    return fromCrosscoder(trainer, tensors, address);
  }
  const rowMajor = tensors.has('encoder.weight');
  const [dDict, d] = rowMajor
    ? (tensors.shape('encoder.weight') as readonly [number, number])
    : ([...tensors.shape('W_enc')].reverse() as [number, number]);
  const encoder = () =>
    rowMajor
      ? tensors.transposed('encoder.weight', [dDict, d])
      : tensors.floats('W_enc', [d, dDict]);
  const decoder = () =>
    rowMajor
      ? tensors.transposed('decoder.weight', [d, dDict])
      : tensors.floats('W_dec', [dDict, d]);
  const bias = (name: string) => tensors.floats(name, [dDict]);
  const build = (
    activation: DictionaryActivation,
    centreInput: boolean,
    params: Record<string, TensorData>,
  ): Dictionary => {
    const config: DictionaryConfig = {
      activation,
      reads: [address],
      writes: [address],
      dIn: d,
      dOut: d,
      dDict,
      centreInput,
      skip: false,
      scale: 1,
      model: { name: String(trainer.lm_name ?? 'unknown'), hash: null },
    };
    return { config, params: { 'W_enc.0': encoder(), 'W_dec.0': decoder(), ...params } };
  };
  const threshold = () => {
    const value = tensors.scalar('threshold');
    if (value < 0) {
      throw badDictionary(source, 'has no threshold yet: it was saved before training set one');
    }
    return constantVector(value, dDict);
  };
  switch (kind) {
    case 'AutoEncoder':
      return build({ kind: 'relu' }, true, {
        b_enc: bias('encoder.bias'),
        'b_dec.0': tensors.floats('bias', [d]),
      });
    case 'AutoEncoderNew':
      return build({ kind: 'relu' }, false, {
        b_enc: bias('encoder.bias'),
        'b_dec.0': tensors.floats('decoder.bias', [d]),
      });
    case 'GatedAutoEncoder':
      return build({ kind: 'gated' }, true, {
        b_gate: bias('gate_bias'),
        b_mag: bias('mag_bias'),
        r_mag: bias('r_mag'),
        'b_dec.0': tensors.floats('decoder_bias', [d]),
      });
    case 'JumpReluAutoEncoder':
      return build({ kind: 'jumprelu' }, false, {
        b_enc: bias('b_enc'),
        'b_dec.0': tensors.floats('b_dec', [d]),
        threshold: bias('threshold'),
      });
    case 'AutoEncoderTopK': {
      const k = tensors.has('k') ? tensors.scalar('k') : Number(trainer.k);
      return build({ kind: 'topk', k }, true, {
        b_enc: bias('encoder.bias'),
        'b_dec.0': tensors.floats('b_dec', [d]),
      });
    }
    case 'BatchTopKSAE':
    case 'MatryoshkaBatchTopKSAE': {
      const k = tensors.has('k') ? tensors.scalar('k') : Number(trainer.k);
      const built = build({ kind: 'batchtopk', k }, true, {
        b_enc: bias(rowMajor ? 'encoder.bias' : 'b_enc'),
        'b_dec.0': tensors.floats('b_dec', [d]),
        threshold: threshold(),
      });
      if (!tensors.has('group_sizes')) return built;
      let end = 0;
      const sizes = tensors.numbers('group_sizes');
      return {
        ...built,
        config: { ...built.config, prefixes: sizes.map((size) => (end += size)) },
      };
    }
    default:
      throw badDictionary(
        source,
        `config.json: dict_class "${kind}" is not supported (AutoEncoder, AutoEncoderNew, GatedAutoEncoder, JumpReluAutoEncoder, AutoEncoderTopK, BatchTopKSAE, MatryoshkaBatchTopKSAE, CrossCoder, BatchTopKCrossCoder are)`,
      );
  }
}

/** What one class of dictionary_learning is called and holds. */
interface Stored {
  readonly dictClass: string;
  readonly trainerClass: string;
  readonly tensors: Readonly<Record<string, TensorForTorch>>;
}

const whole = (value: number): TensorForTorch => ({ shape: [], data: Int32Array.of(value) });
const real = (value: number): TensorForTorch => ({ shape: [], data: Float32Array.of(value) });
const stored = ({ shape, data }: TensorData): TensorForTorch => ({
  shape,
  data: data as Float32Array,
});

/** Tensors by the names of `nn.Linear`: weights `[out, in]`. */
function linear({ params }: Dictionary) {
  return {
    'encoder.weight': stored(transpose(params['W_enc.0'])),
    'decoder.weight': stored(transpose(params['W_dec.0'])),
  };
}

function storedAs(dictionary: Dictionary): Stored {
  const { activation, centreInput, prefixes } = dictionary.config;
  const thresholds = dictionary.params.threshold?.data as Float32Array | undefined;
  const single = thresholds?.every((value) => value === thresholds[0]) ?? false;
  const centred = inForm(dictionary, { centreInput: true });
  const { b_enc, 'b_dec.0': b_dec, b_gate, b_mag, r_mag } = centred.params;
  switch (activation.kind) {
    case 'relu': {
      const own = dictionary.params;
      return centreInput
        ? {
            dictClass: 'AutoEncoder',
            trainerClass: 'StandardTrainer',
            tensors: { bias: stored(b_dec), 'encoder.bias': stored(b_enc), ...linear(centred) },
          }
        : {
            dictClass: 'AutoEncoderNew',
            trainerClass: 'StandardTrainerNew',
            tensors: {
              'encoder.bias': stored(own.b_enc),
              'decoder.bias': stored(own['b_dec.0']),
              ...linear(dictionary),
            },
          };
    }
    case 'gated':
      return {
        dictClass: 'GatedAutoEncoder',
        trainerClass: 'GatedSAETrainer',
        tensors: {
          decoder_bias: stored(b_dec),
          r_mag: stored(r_mag),
          gate_bias: stored(b_gate),
          mag_bias: stored(b_mag),
          ...linear(centred),
        },
      };
    case 'topk':
      return {
        dictClass: 'AutoEncoderTopK',
        trainerClass: 'TopKTrainer',
        tensors: {
          b_dec: stored(b_dec),
          k: whole(activation.k),
          threshold: real(-1),
          'encoder.bias': stored(b_enc),
          ...linear(centred),
        },
      };
    case 'batchtopk':
      if (single && prefixes === undefined) {
        return {
          dictClass: 'BatchTopKSAE',
          trainerClass: 'BatchTopKTrainer',
          tensors: {
            b_dec: stored(b_dec),
            k: whole(activation.k),
            threshold: real(thresholds![0]),
            'encoder.bias': stored(b_enc),
            ...linear(centred),
          },
        };
      }
      if (single) {
        const sizes = prefixes!.map((end, i) => end - (prefixes![i - 1] ?? 0));
        return {
          dictClass: 'MatryoshkaBatchTopKSAE',
          trainerClass: 'MatryoshkaBatchTopKTrainer',
          tensors: {
            W_enc: stored(centred.params['W_enc.0']),
            W_dec: stored(centred.params['W_dec.0']),
            b_enc: stored(b_enc),
            b_dec: stored(b_dec),
            k: whole(activation.k),
            threshold: real(thresholds![0]),
            group_sizes: { shape: [sizes.length], data: Int32Array.from(sizes) },
          },
        };
      }
      break;
    case 'jumprelu':
    case 'groupmax':
  }
  // Its class of JumpReLU never subtracts the decoder bias.
  const { params } = inForm(dictionary, { centreInput: false });
  return {
    dictClass: 'JumpReluAutoEncoder',
    trainerClass: 'JumpReluTrainer',
    tensors: {
      W_enc: stored(params['W_enc.0']),
      W_dec: stored(params['W_dec.0']),
      b_enc: stored(params.b_enc),
      b_dec: stored(params['b_dec.0']),
      threshold: stored(params.threshold),
    },
  };
}

/**
 * An autoencoder as dictionary_learning stores it: the content of `config.json` and the tensors of `ae.pt`. Its `from_pretrained`
 * rescales decoders of the class AutoEncoder to length 1 unless told `normalize_decoder=False`.
 *
 * @throws GlassboxError `bad-dictionary` for transcoders, crosscoders and normalised inputs
 */
export function toDictionaryLearning(dictionary: Dictionary): {
  readonly config: Json;
  readonly tensors: Readonly<Record<string, TensorForTorch>>;
} {
  const { reads, writes, dIn, dDict, activation, normalise, skip, model } = dictionary.config;
  if (activation.kind === 'groupmax') {
    throw badDictionary(
      'this dictionary',
      'ranks features in groups, which dictionary_learning has no form for',
    );
  }
  if (reads.join() !== writes.join() || reads.length !== 1 || skip || normalise) {
    throw badDictionary(
      'this dictionary',
      'is no plain autoencoder of one address, which is all that dictionary_learning has a form for',
    );
  }
  const { dictClass, trainerClass, tensors } = storedAs(inForm(dictionary, dictionary.config));
  const [, layer, hook] = /^blocks\.(\d+)\.(?:hook_)?(.+)$/.exec(reads[0]) ?? [];
  return {
    config: {
      trainer: {
        trainer_class: trainerClass,
        dict_class: dictClass,
        activation_dim: dIn,
        dict_size: dDict,
        ...('k' in activation && { k: activation.k }),
        layer: Number(layer ?? 0),
        lm_name: model.name,
        submodule_name: `${hook ?? reads[0]}_layer_${layer ?? 0}`,
      },
      buffer: { d_submodule: dIn },
    },
    tensors,
  };
}
