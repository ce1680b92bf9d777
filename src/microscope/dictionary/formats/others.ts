import type { TensorData } from '../../../graph/op.ts';
import type { Dictionary, DictionaryConfig } from '../types.ts';
import { badDictionary, type ForeignTensors } from './tensors.ts';

type Json = Readonly<Record<string, unknown>>;

/** Where a dictionary whose file does not say so reads and writes. */
export interface Place {
  readonly reads: string;
  readonly writes: string;
}

const SUBMODULES: Readonly<Record<string, string>> = {
  mlp: 'hook_mlp_out',
  attn: 'hook_attn_out',
  attention: 'hook_attn_out',
  self_attn: 'hook_attn_out',
};

/** `layers.5.mlp` is the output of layer 5's MLP, `layers.5` its residual stream. */
export function hookpointPlace(hookpoint: string, transcode: boolean, source: string): Place {
  const match = /^(?:.*\.)?(?:layers|h|blocks)\.(\d+)(?:\.(\w+))?$/.exec(hookpoint);
  if (!match) throw badDictionary(source, `cannot tell where hookpoint "${hookpoint}" is`);
  const [, layer, submodule] = match;
  const hook = submodule === undefined ? 'hook_resid_post' : SUBMODULES[submodule];
  if (hook === undefined)
    throw badDictionary(source, `cannot tell where hookpoint "${hookpoint}" is`);
  const writes = `blocks.${layer}.${hook}`;
  return { reads: transcode ? `blocks.${layer}.mlp.hook_in` : writes, writes };
}

/** A dictionary of `sparsify`: `cfg.json` with `sae.safetensors`, in a folder named after its hookpoint. */
export function fromSparsify(json: Json, tensors: ForeignTensors, hookpoint: string): Dictionary {
  const { source } = tensors;
  const transcode = json.transcode === true;
  const place = hookpointPlace(hookpoint, transcode, source);
  const [dDict, dIn] = tensors.shape('encoder.weight') as readonly [number, number];
  const dOut = tensors.shape('W_dec')[1];
  const k = Number(json.k);
  if (!Number.isInteger(k) || k < 1) throw badDictionary(source, `cfg.json: k is ${json.k}`);
  const skip = tensors.has('W_skip');
  const config: DictionaryConfig = {
    activation: { kind: 'topk', k },
    reads: [place.reads],
    writes: [place.writes],
    dIn,
    dOut,
    dDict,
    centreInput: !transcode,
    skip,
    scale: 1,
    model: { name: 'unknown', hash: null },
  };
  const params: Record<string, TensorData> = {
    'W_enc.0': tensors.transposed('encoder.weight', [dDict, dIn]),
    b_enc: tensors.floats('encoder.bias', [dDict]),
    'W_dec.0': tensors.floats('W_dec', [dDict, dOut]),
    'b_dec.0': tensors.floats('b_dec', [dOut]),
    ...(skip && { W_skip: tensors.transposed('W_skip', [dOut, dIn]) }),
  };
  return { config, params };
}

/**
 * Gemma Scope's `params.npz`, or Gemma Scope 2's `params.safetensors` with names in small letters: a JumpReLU autoencoder, or
 * transcoder when the place says so, with a skip where there is one.
 */
export function fromGemmaScope(tensors: ForeignTensors, place: Place): Dictionary {
  const second = tensors.has('w_enc');
  const [encoder, decoder] = second ? ['w_enc', 'w_dec'] : ['W_enc', 'W_dec'];
  const [dIn, dDict] = tensors.shape(encoder) as readonly [number, number];
  const dOut = tensors.shape(decoder)[1];
  const through = 'affine_skip_connection';
  const skip = tensors.has(through);
  const config: DictionaryConfig = {
    activation: { kind: 'jumprelu' },
    reads: [place.reads],
    writes: [place.writes],
    dIn,
    dOut,
    dDict,
    centreInput: false,
    skip,
    scale: 1,
    model: { name: 'unknown', hash: null },
  };
  const params: Record<string, TensorData> = {
    'W_enc.0': tensors.floats(encoder, [dIn, dDict]),
    b_enc: tensors.floats('b_enc', [dDict]),
    'W_dec.0': tensors.floats(decoder, [dDict, dOut]),
    'b_dec.0': tensors.floats('b_dec', [dOut]),
    threshold: tensors.floats('threshold', [dDict]),
    ...(skip && { W_skip: tensors.floats(through, [dIn, dOut]) }),
  };
  return { config, params };
}
