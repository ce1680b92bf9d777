import type { TensorData } from '../../../graph/op.ts';
import { type Dictionary, dictionaryShapes } from '../types.ts';

/**
 * A dictionary with some of its features only, in their order. Where the others never fire, it computes the same.
 *
 * @param kept features, ascending
 */
export function pruneDictionary(dictionary: Dictionary, kept: readonly number[]): Dictionary {
  const { config } = dictionary;
  // A dictionary without features is none; that all are dead is told by its figures.
  if (kept.length === 0) return dictionary;
  const left = config.prefixes?.map((size) => kept.filter((feature) => feature < size).length);
  const prefixes = left && [...new Set(left)].filter((size) => size > 0);
  const pruned = { ...config, dDict: kept.length, ...(prefixes && { prefixes }) };
  const shapes = dictionaryShapes(pruned);
  const params: Record<string, TensorData> = {};
  for (const [name, value] of Object.entries(dictionary.params)) {
    const shape = shapes[name];
    // Only encoders have features along their second axis.
    if (name.startsWith('W_enc.')) params[name] = columns(value, kept, shape);
    else if (value.shape[0] === config.dDict && value.shape[0] !== shape[0]) {
      params[name] = rows(value, kept, shape);
    } else params[name] = value;
  }
  return { config: pruned, params };
}

function rows({ data }: TensorData, kept: readonly number[], shape: readonly number[]): TensorData {
  const width = shape.slice(1).reduce((product, size) => product * size, 1);
  const out = new Float32Array(kept.length * width);
  kept.forEach((feature, i) => {
    const from = (data as Float32Array).subarray(feature * width, (feature + 1) * width);
    out.set(from, i * width);
  });
  return { dtype: 'float32', shape, data: out };
}

function columns(
  { data, shape: [height, width] }: TensorData,
  kept: readonly number[],
  shape: readonly number[],
): TensorData {
  const out = new Float32Array(height * kept.length);
  for (let row = 0; row < height; row++) {
    kept.forEach((feature, i) => {
      out[row * kept.length + i] = Number(data[row * width + feature]);
    });
  }
  return { dtype: 'float32', shape, data: out };
}
