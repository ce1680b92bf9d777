import type { TensorData } from '../../../graph/op.ts';
import type { Dictionary, DictionaryConfig } from '../types.ts';
import type { ForeignTensors } from './tensors.ts';

/** Where a dictionary whose file does not say so reads and writes. */
export interface Place {
  readonly reads: string;
  readonly writes: string;
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
