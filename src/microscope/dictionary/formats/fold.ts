import type { TensorData } from '../../../graph/op.ts';
import type { Dictionary } from '../types.ts';

const scaled = ({ shape, data }: TensorData, factor: number): TensorData => ({
  dtype: 'float32',
  shape,
  data: Float32Array.from(data as Float32Array, (value) => value * factor),
});

/** An equal dictionary whose input is not scaled: the scale goes into the weights. */
function withoutScale({ config, params }: Dictionary): Dictionary {
  const { scale } = config;
  if (scale === 1) return { config, params };
  const folded = Object.entries(params).map(([name, value]) => {
    if (name.startsWith('W_enc.')) return [name, scaled(value, scale)];
    const written = /^(W_dec|b_dec)\.|^W_skip$/.test(name);
    return [name, written ? scaled(value, 1 / scale) : value];
  });
  return { config: { ...config, scale: 1 }, params: Object.fromEntries(folded) };
}

/** What subtracting the decoder biases from the inputs takes off every pre-activation, `[d_dict]`. */
function shiftOf({ config, params }: Dictionary): Float32Array {
  const shift = new Float32Array(config.dDict);
  for (const i of config.reads.keys()) {
    const weight = params[`W_enc.${i}`].data as Float32Array;
    const bias = params[`b_dec.${i}`].data as Float32Array;
    bias.forEach((value, row) => {
      const start = row * config.dDict;
      for (let feature = 0; feature < shift.length; feature++) {
        shift[feature] += value * weight[start + feature];
      }
    });
  }
  return shift;
}

/**
 * An equal dictionary in the form another project has: nothing is scaled, and the decoder bias is subtracted from the
 * input or not, as wanted. Only an autoencoder can be centred, which has as many decoder biases as inputs.
 */
export function inForm(
  dictionary: Dictionary,
  form: { readonly centreInput: boolean },
): Dictionary {
  const plain = withoutScale(dictionary);
  const { config, params } = plain;
  if (config.centreInput === form.centreInput) return plain;
  const shift = shiftOf(plain);
  const sign = form.centreInput ? 1 : -1;
  const moved = (name: string, gain: (feature: number) => number): Record<string, TensorData> => {
    const bias = params[name].data as Float32Array;
    const data = bias.map((value, feature) => value + sign * gain(feature) * shift[feature]);
    return { [name]: { dtype: 'float32', shape: params[name].shape, data } };
  };
  const biases =
    config.activation.kind === 'gated'
      ? {
          ...moved('b_gate', () => 1),
          ...moved('b_mag', (feature) => Math.exp(Number(params.r_mag.data[feature]))),
        }
      : moved('b_enc', () => 1);
  return {
    config: { ...config, centreInput: form.centreInput },
    params: { ...params, ...biases },
  };
}
