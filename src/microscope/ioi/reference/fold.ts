import type { TensorData } from '../../../graph/op.ts';
import { createModel, type Model } from '../../../model/model.ts';

/** What a layer's first norm's bias makes of the values, `[n_kv_heads * d_head]`; zeros without a bias. */
function normBiasInValues({ config, params }: Model, layer: number): Float64Array {
  const { dModel, dHead, nKvHeads } = config;
  const out = new Float64Array(nKvHeads * dHead);
  if (config.norm !== 'layer') return out;
  const bias = params[`blocks.${layer}.ln1.bias`].data as Float32Array;
  const weight = params[`blocks.${layer}.attn.v.weight`].data as Float32Array;
  for (let d = 0; d < dModel; d++) {
    for (let i = 0; i < out.length; i++) out[i] += bias[d] * weight[d * out.length + i];
  }
  return out;
}

/**
 * The same model with every constant part of the values moved into the output bias, which attention weights that sum
 * to one allow: the value biases, and what the bias of the norm before attention makes of the values. Published
 * shares of heads count neither, because TransformerLens folds the norm first and the value biases then.
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
    const fromNorm = normBiasInValues(model, layer);
    const bias = Float64Array.from(params[`${at}.o.bias`].data as Float32Array);
    for (let i = 0; i < nHeads * dHead; i++) {
      const head = Math.floor(Math.floor(i / dHead) / (nHeads / nKvHeads));
      const at = head * dHead + (i % dHead);
      const v = value[at] + fromNorm[at];
      for (let d = 0; d < dModel; d++) bias[d] += v * output[i * dModel + d];
    }
    const data = Float32Array.from(bias);
    folded[`${at}.o.bias`] = { dtype: 'float32', shape: [dModel], data };
    const shape = params[`${at}.v.bias`].shape;
    // The norm's bias still reaches the values, so this takes it away again.
    const left = Float32Array.from(fromNorm, (x) => -x);
    folded[`${at}.v.bias`] = { dtype: 'float32', shape, data: left };
  }
  return createModel(config, folded, { runtime, tokenizer, name });
}
