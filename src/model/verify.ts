import { GlassboxError } from '../base/error.ts';
import { openSafetensors, type TensorSource } from '../base/safetensors/index.ts';
import { formatShape } from '../graph/dim.ts';
import type { Model } from './model.ts';

/** How one tensor compares with its reference. */
export interface TensorDifference {
  readonly name: string;
  /** Largest |ours - reference|. */
  readonly maxAbs: number;
  /** Largest |ours - reference| / (|reference| + the reference's mean magnitude). */
  readonly maxRel: number;
}

/** How far a model is from its reference, tensor by tensor. */
export interface Verification {
  /** Every tensor is within the tolerance. */
  readonly ok: boolean;
  readonly maxAbs: number;
  readonly tensors: readonly TensorDifference[];
}

function difference(name: string, ours: Float32Array, reference: Float32Array): TensorDifference {
  let magnitude = 0;
  for (const x of reference) if (Number.isFinite(x)) magnitude += Math.abs(x);
  magnitude /= Math.max(1, reference.length);
  let maxAbs = 0;
  let maxRel = 0;
  for (let i = 0; i < reference.length; i++) {
    // Masked attention scores are minus infinity on both sides.
    if (ours[i] === reference[i]) continue;
    const distance = Math.abs(ours[i] - reference[i]);
    // NaN compares false with everything; it must count as the worst difference.
    if (!(distance <= maxAbs)) maxAbs = Number.isNaN(distance) ? Infinity : distance;
    const relative = distance / (Math.abs(reference[i]) + magnitude);
    if (!(relative <= maxRel)) maxRel = Number.isNaN(relative) ? Infinity : relative;
  }
  return { name, maxAbs, maxRel };
}

async function readTokens(source: TensorSource): Promise<number[][]> {
  const { data, shape } = await source.readTensor('tokens');
  if (shape.length !== 2 || !(data instanceof BigInt64Array || data instanceof Int32Array)) {
    throw new GlassboxError(
      `${source.path}: "tokens" has shape ${formatShape(shape)}, expected integers [batch, pos]`,
      { code: 'bad-reference', remedy: 'Store token ids as int64 [batch, pos].' },
    );
  }
  const [rows, pos] = shape;
  return Array.from({ length: rows }, (_, row) =>
    Array.from({ length: pos }, (_, i) => Number(data[row * pos + i])),
  );
}

/**
 * Runs the `tokens` of a reference file and compares every other tensor in it, by address, with ours.
 *
 * @param options.tolerance largest accepted absolute difference, 1e-4 unless told
 * @throws GlassboxError `unknown-address` for a tensor this model has no address for,
 *   `bad-reference` for a tensor of another shape
 */
export async function verifyAgainstReference(
  model: Model,
  file: string,
  options: { readonly tolerance?: number } = {},
): Promise<Verification> {
  const tolerance = options.tolerance ?? 1e-4;
  const source = await openSafetensors(file);
  try {
    const tokens = await readTokens(source);
    const names = source.names.filter((name) => name !== 'tokens');
    const { cache } = await model.runWithCache(tokens, names);
    const tensors: TensorDifference[] = [];
    for (const name of names) {
      const { data, shape } = await source.readTensor(name);
      const ours = cache[name];
      // TransformerLens flattens the leading axes of query and key norms; sizes must still agree.
      if (ours.data.length !== data.length || ours.shape.at(-1) !== shape.at(-1)) {
        throw new GlassboxError(
          `${file}: "${name}" has shape ${formatShape(shape)}, the model gives ${formatShape(ours.shape)}`,
          {
            code: 'bad-reference',
            remedy: 'Make the reference with the same model and address conventions.',
            details: { name, shape, expected: ours.shape },
          },
        );
      }
      tensors.push(difference(name, ours.data as Float32Array, data as Float32Array));
    }
    const maxAbs = tensors.reduce((worst, tensor) => Math.max(worst, tensor.maxAbs), 0);
    return { ok: maxAbs <= tolerance, maxAbs, tensors };
  } finally {
    await source.close();
  }
}
