import type { TensorData } from '../../../graph/op.ts';
import { createModel, type Model } from '../../../model/model.ts';

/**
 * The same model with value biases moved into the output bias, which attention weights that sum to one
 * allow: published shares of heads do not count value biases.
 */
export function foldValueBiases(model: Model): Model {
  const { config, params, runtime, tokenizer, name } = model;
  if (!config.biases.qkv || !config.biases.attnOut) return model;
  const { dModel, dHead, nHeads, nKvHeads } = config;
  const folded: Record<string, TensorData> = { ...params };
  for (let layer = 0; layer < config.nLayers; layer++) {
    const at = `blocks.${layer}.attn`;
    const value = params[`${at}.v.bias`].data as Float32Array;
    const output = params[`${at}.o.weight`].data as Float32Array;
    const bias = Float64Array.from(params[`${at}.o.bias`].data as Float32Array);
    for (let i = 0; i < nHeads * dHead; i++) {
      const head = Math.floor(Math.floor(i / dHead) / (nHeads / nKvHeads));
      const v = value[head * dHead + (i % dHead)];
      for (let d = 0; d < dModel; d++) bias[d] += v * output[i * dModel + d];
    }
    const data = Float32Array.from(bias);
    folded[`${at}.o.bias`] = { dtype: 'float32', shape: [dModel], data };
    const shape = params[`${at}.v.bias`].shape;
    folded[`${at}.v.bias`] = { dtype: 'float32', shape, data: new Float32Array(value.length) };
  }
  return createModel(config, folded, { runtime, tokenizer, name });
}
