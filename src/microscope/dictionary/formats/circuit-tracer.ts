import { GlassboxError } from '../../../base/error.ts';
import type { TensorData } from '../../../graph/op.ts';
import type {
  Dictionary,
  DictionaryActivation,
  DictionaryConfig,
  DictionarySet,
} from '../types.ts';
import { inForm } from './fold.ts';
import { badDictionary, type ForeignTensors, transpose } from './tensors.ts';

/** The fields of circuit-tracer's `config.yaml` that say what its tensors mean. */
export interface CircuitTracerConfig {
  readonly model_name: string;
  readonly model_kind: 'transcoder_set' | 'cross_layer_transcoder';
  readonly feature_input_hook: string;
  readonly feature_output_hook: string;
  readonly activation?: 'relu' | 'topk';
  readonly k?: number;
}

/** Its names for activations that have another one here. */
const ALIASES: Readonly<Record<string, string>> = {
  'mlp.hook_out': 'hook_mlp_out',
  hook_mlp_out: 'hook_mlp_out',
};

/** Models with a norm between the MLP and the stream, where the two names are two places. */
const NORM_BEHIND_MLP = /gemma-?[23](?!b)/i;

function addressOf(hook: string, layer: number, model: string): string {
  if (hook === 'mlp.hook_out' && NORM_BEHIND_MLP.test(model)) {
    throw badDictionary(
      'config.yaml',
      `mlp.hook_out of ${model} lies ahead of the norm behind the MLP: only what hook_mlp_out adds to the stream can be stood in for`,
    );
  }
  return `blocks.${layer}.${ALIASES[hook] ?? hook}`;
}

function activationOf(
  config: CircuitTracerConfig,
  tensors: ForeignTensors,
  threshold: string,
): DictionaryActivation {
  if (tensors.has(threshold)) return { kind: 'jumprelu' };
  if (config.activation !== 'topk' && !tensors.has('k')) return { kind: 'relu' };
  const k = tensors.has('k') ? tensors.scalar('k') : config.k;
  if (!k) throw badDictionary(tensors.source, 'config.yaml: activation is topk without k');
  return { kind: 'topk', k };
}

/** One layer of a transcoder set: `layer_{i}.safetensors`, weights `[d_transcoder, d_model]`. */
export function fromTranscoderLayer(
  config: CircuitTracerConfig,
  tensors: ForeignTensors,
  layer: number,
): Dictionary {
  const [dDict, dIn] = tensors.shape('W_enc') as readonly [number, number];
  const dOut = tensors.shape('W_dec')[1];
  const threshold = 'activation_function.threshold';
  const skip = tensors.has('W_skip');
  const activation = activationOf(config, tensors, threshold);
  const params: Record<string, TensorData> = {
    'W_enc.0': tensors.transposed('W_enc', [dDict, dIn]),
    b_enc: tensors.floats('b_enc', [dDict]),
    'W_dec.0': tensors.floats('W_dec', [dDict, dOut]),
    'b_dec.0': tensors.floats('b_dec', [dOut]),
    ...(activation.kind === 'jumprelu' && { threshold: thresholds(tensors, threshold, dDict) }),
    ...(skip && { W_skip: tensors.transposed('W_skip', [dOut, dIn]) }),
  };
  const writes = [addressOf(config.feature_output_hook, layer, config.model_name)];
  return {
    config: configOf(config, { layer, writes, activation, dIn, dOut, dDict, skip }),
    params,
  };
}

/** Thresholds stand as `[d]` or `[1, d]`. */
function thresholds(tensors: ForeignTensors, name: string, size: number): TensorData {
  const shape = tensors.shape(name);
  return { ...tensors.floats(name, shape), shape: [size] };
}

function configOf(
  config: CircuitTracerConfig,
  own: {
    layer: number;
    writes: readonly string[];
    activation: DictionaryActivation;
    dIn: number;
    dOut: number;
    dDict: number;
    skip: boolean;
  },
): DictionaryConfig {
  const { layer, ...rest } = own;
  return {
    ...rest,
    reads: [addressOf(config.feature_input_hook, layer, config.model_name)],
    centreInput: false,
    scale: 1,
    model: { name: config.model_name, hash: null },
  };
}

/** One layer of a cross-layer transcoder: `W_enc_{i}.safetensors` and `W_dec_{i}.safetensors`. */
export function fromCrossLayer(
  config: CircuitTracerConfig,
  files: { readonly encoder: ForeignTensors; readonly decoder: ForeignTensors },
  layer: number,
): Dictionary {
  const { encoder, decoder } = files;
  const [dDict, dIn] = encoder.shape(`W_enc_${layer}`) as readonly [number, number];
  const [, count, dOut] = decoder.shape(`W_dec_${layer}`) as readonly [number, number, number];
  const stacked = decoder.floats(`W_dec_${layer}`, [dDict, count, dOut]).data as Float32Array;
  const threshold = `threshold_${layer}`;
  const activation = activationOf(config, encoder, threshold);
  const params: Record<string, TensorData> = {
    'W_enc.0': encoder.transposed(`W_enc_${layer}`, [dDict, dIn]),
    b_enc: encoder.floats(`b_enc_${layer}`, [dDict]),
    'b_dec.0': encoder.floats(`b_dec_${layer}`, [dOut]),
    ...(activation.kind === 'jumprelu' && { threshold: thresholds(encoder, threshold, dDict) }),
  };
  for (let j = 0; j < count; j++) {
    const data = new Float32Array(dDict * dOut);
    for (let feature = 0; feature < dDict; feature++) {
      const start = (feature * count + j) * dOut;
      data.set(stacked.subarray(start, start + dOut), feature * dOut);
    }
    params[`W_dec.${j}`] = { dtype: 'float32', shape: [dDict, dOut], data };
  }
  const writes = Array.from({ length: count }, (_, j) =>
    addressOf(config.feature_output_hook, layer + j, config.model_name),
  );
  return {
    config: configOf(config, { layer, writes, activation, dIn, dOut, dDict, skip: false }),
    params,
  };
}

/**
 * Throws `bad-dictionary` unless dictionary l reads layer l alone and writes that layer, or it and all later ones. Files say
 * the layer by their number alone, so any other would come to lie in another layer.
 */
function checkPlaces(set: DictionarySet): void {
  const hook = (address: string) => address.replace(/^blocks\.\d+\./, '');
  const { length } = set.dictionaries;
  const [{ config: first }] = set.dictionaries;
  for (const [layer, { config }] of set.dictionaries.entries()) {
    const { reads, writes } = config;
    const count = set.kind === 'cross-layer' ? length - layer : 1;
    const wanted = Array.from(
      { length: count },
      (_, j) => `blocks.${layer + j}.${hook(first.writes[0])}`,
    );
    const fits =
      reads.join() === `blocks.${layer}.${hook(first.reads[0])}` &&
      writes.join() === wanted.join() &&
      hook(reads[0]) !== hook(writes[0]);
    if (fits) continue;
    throw new GlassboxError(
      `dictionary ${layer} reads ${reads.join(', ')} and writes ${writes.join(', ')}, which is no transcoder of layer ${layer} of ${length}`,
      {
        code: 'bad-dictionary-set',
        remedy:
          'Name one transcoder per layer, in order of layers from 0, of the same kind and places.',
        details: { layer, reads, writes },
      },
    );
  }
}

/** Throws `bad-dictionary` for what circuit-tracer's files cannot say. */
function checkForm(set: DictionarySet): void {
  checkPlaces(set);
  const [{ config: first }] = set.dictionaries;
  for (const [layer, { config }] of set.dictionaries.entries()) {
    const { activation, normalise, skip, dDict } = config;
    const cross = set.kind === 'cross-layer';
    const k = (of: DictionaryActivation) => (of.kind === 'topk' ? of.k : null);
    const odd = [
      activation.kind === 'gated' && 'is gated',
      activation.kind === 'groupmax' && 'keeps the largest feature of each group',
      cross && activation.kind === 'topk' && 'keeps the k largest features of a layer',
      normalise && 'normalises its input',
      cross && skip && 'has a skip connection',
      k(activation) !== k(first.activation) && 'keeps another number of features than layer 0',
      dDict !== first.dDict && `has ${dDict} features, layer 0 has ${first.dDict}`,
    ].find(Boolean);
    if (odd) throw badDictionary(`layer ${layer}`, `${odd}, which circuit-tracer has no form for`);
  }
}

/** What somebody who loads the files of a set must know; null for nothing. */
export function circuitTracerRemark(set: DictionarySet): string | null {
  return set.dictionaries[0].config.activation.kind === 'topk'
    ? 'circuit-tracer reads `activation: topk` from its version after 0.5.0 on; 0.5.0 takes these for ReLU transcoders'
    : null;
}

const zeros = (...shape: number[]): TensorData => ({
  dtype: 'float32',
  shape,
  data: new Float32Array(shape.reduce((a, b) => a * b)),
});

/** One layer of a transcoder set. Skips are written for every layer or none: circuit-tracer asks the first. */
function layerFile(dictionary: Dictionary, skips: boolean): Record<string, TensorData> {
  const { config, params } = dictionary;
  const skip = params.W_skip ? transpose(params.W_skip) : zeros(config.dOut, config.dIn);
  return {
    W_enc: transpose(params['W_enc.0']),
    W_dec: params['W_dec.0'],
    b_enc: params.b_enc,
    b_dec: params['b_dec.0'],
    ...(params.threshold && { 'activation_function.threshold': params.threshold }),
    ...(skips && { W_skip: skip }),
  };
}

/** The two files of a layer of a cross-layer transcoder. Thresholds too are written for every layer or none. */
function crossLayerFiles(dictionary: Dictionary, layer: number, jumps: boolean) {
  const { config, params } = dictionary;
  const { dDict, dOut, writes } = config;
  const stacked = new Float32Array(dDict * writes.length * dOut);
  writes.forEach((_, j) => {
    const decoder = params[`W_dec.${j}`].data as Float32Array;
    for (let feature = 0; feature < dDict; feature++) {
      const row = decoder.subarray(feature * dOut, (feature + 1) * dOut);
      stacked.set(row, (feature * writes.length + j) * dOut);
    }
  });
  const shape = [dDict, writes.length, dOut];
  return {
    [`W_enc_${layer}.safetensors`]: {
      [`W_enc_${layer}`]: transpose(params['W_enc.0']),
      [`b_enc_${layer}`]: params.b_enc,
      [`b_dec_${layer}`]: params['b_dec.0'],
      ...(jumps && { [`threshold_${layer}`]: params.threshold ?? zeros(dDict) }),
    },
    [`W_dec_${layer}.safetensors`]: {
      [`W_dec_${layer}`]: { dtype: 'float32', shape, data: stacked } satisfies TensorData,
    },
  };
}

/** A set as circuit-tracer stores it: the content of `config.yaml` and the tensors of every file. */
export function toCircuitTracer(set: DictionarySet): {
  config: CircuitTracerConfig & { readonly scan: string };
  files: Record<string, Record<string, TensorData>>;
} {
  checkForm(set);
  const dictionaries = set.dictionaries.map((one) => inForm(one, { centreInput: false }));
  const [{ config: first }] = dictionaries;
  const hook = (address: string) => address.replace(/^blocks\.\d+\./, '');
  const skips = dictionaries.some(({ config }) => config.skip);
  const jumps = dictionaries.some(({ params }) => params.threshold);
  const files: Record<string, Record<string, TensorData>> = {};
  for (const [layer, dictionary] of dictionaries.entries()) {
    if (set.kind === 'cross-layer') Object.assign(files, crossLayerFiles(dictionary, layer, jumps));
    else files[`layer_${layer}.safetensors`] = layerFile(dictionary, skips);
  }
  const { activation } = first;
  return {
    // Without a list of transcoders circuit-tracer takes the files beside config.yaml.
    config: {
      model_name: first.model.name,
      model_kind: set.kind === 'per-layer' ? 'transcoder_set' : 'cross_layer_transcoder',
      feature_input_hook: hook(first.reads[0]),
      feature_output_hook: hook(first.writes[0]),
      scan: first.model.name,
      ...(activation.kind === 'topk' && { activation: 'topk' as const, k: activation.k }),
    },
    files,
  };
}
