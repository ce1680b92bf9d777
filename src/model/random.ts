import { Rng } from '../base/rng.ts';
import type { TensorData } from '../graph/op.ts';
import { nodeRuntime } from '../runtime/node/index.ts';
import type { ModelConfig } from './config.ts';
import { createModel, type Model, type ModelOptions } from './model.ts';
import { parameterSpecs } from './transformer/parameters.ts';
import type { Parameters } from './weights/checkpoint.ts';

/**
 * New weights: normal with deviation 0.02 (Radford et al. 2019), divided by sqrt(2 n_layers) where
 * a layer writes into the residual stream; biases 0, norms the identity.
 */
export function randomParameters(config: ModelConfig, seed: number): Parameters {
  const rng = new Rng(seed);
  const residual = 1 / Math.sqrt(2 * config.nLayers);
  const params: Record<string, TensorData> = {};
  for (const { name, shape, role } of parameterSpecs(config)) {
    const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
    if (role === 'norm') data.fill(1 - config.rmsOffset);
    if (role === 'weight') {
      const deviation = 0.02 * (/\.(attn\.o|mlp\.out)\.weight$/.test(name) ? residual : 1);
      fillNormal(data, deviation, rng);
    }
    params[name] = { dtype: 'float32', shape, data };
  }
  return params;
}

/** Box–Muller in pairs: large models have a hundred million weights to fill. */
function fillNormal(data: Float32Array, deviation: number, rng: Rng): void {
  for (let i = 0; i < data.length; i += 2) {
    const radius = deviation * Math.sqrt(-2 * Math.log(1 - rng.next()));
    const angle = 2 * Math.PI * rng.next();
    data[i] = radius * Math.cos(angle);
    if (i + 1 < data.length) data[i + 1] = radius * Math.sin(angle);
  }
}

/** A model with random weights, for benches and tests. Same seed, same weights. */
export function randomModel(
  config: ModelConfig,
  seed: number,
  options: Partial<ModelOptions> = {},
): Model {
  return createModel(config, randomParameters(config, seed), {
    ...options,
    runtime: options.runtime ?? nodeRuntime(),
  });
}
