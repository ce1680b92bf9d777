import type { TensorData } from '../../../graph/op.ts';
import type { Dictionary, DictionaryActivation, DictionaryConfig } from '../types.ts';
import { badDictionary, constantVector, type ForeignTensors } from './tensors.ts';

type Json = Readonly<Record<string, unknown>>;

const record = (value: unknown): Json =>
  typeof value === 'object' && value !== null ? (value as Json) : {};

const PLACES: readonly (readonly [RegExp, string])[] = [
  [/attn/i, 'hook_attn_out'],
  [/mlp/i, 'hook_mlp_out'],
  [/resid_pre/i, 'hook_resid_pre'],
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

/** A dictionary of `dictionary_learning`: `ae.pt` with `config.json` `{trainer: {dict_class, …}}`. */
export function fromDictionaryLearning(json: unknown, tensors: ForeignTensors): Dictionary {
  const trainer = record(record(json).trainer);
  const { source } = tensors;
  const kind = String(trainer.dict_class ?? '');
  const address = addressOf(trainer, source);
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
      return build({ kind: 'batchtopk', k }, true, {
        b_enc: bias(rowMajor ? 'encoder.bias' : 'b_enc'),
        'b_dec.0': tensors.floats('b_dec', [d]),
        threshold: threshold(),
      });
    }
    default:
      throw badDictionary(
        source,
        `config.json: dict_class "${kind}" is not supported (AutoEncoder, AutoEncoderNew, GatedAutoEncoder, JumpReluAutoEncoder, AutoEncoderTopK, BatchTopKSAE, MatryoshkaBatchTopKSAE are)`,
      );
  }
}
