import { GlassboxError } from '../../base/error.ts';
import { tensorData } from '../../graph/build.ts';
import { type DimBindings, evaluateShape, formatShape, type Shape } from '../../graph/dim.ts';
import type { TensorData } from '../../graph/op.ts';
import type { EditSource, EditValue } from './edit-types.ts';

function isTensorData(value: unknown): value is TensorData {
  return typeof value === 'object' && value !== null && 'dtype' in value && 'data' in value;
}

/** A value as an array: numbers become scalars, lists become vectors. */
export function toTensorData(value: EditValue): TensorData {
  if (typeof value === 'number') return tensorData([value], []);
  if (isTensorData(value)) return value;
  const data = value instanceof Float32Array ? value : Float32Array.from(value);
  return { dtype: 'float32', shape: [data.length], data };
}

/** The value for one address out of an array or a cache. Throws `bad-edit` when a cache lacks it. */
export function pickSource(from: EditSource, address: string): TensorData {
  if (isTensorData(from)) return from;
  const value = from[address];
  if (value) return value;
  throw new GlassboxError(`the values to patch from have no '${address}'`, {
    code: 'bad-edit',
    remedy: 'Record that address in the run you patch from.',
    details: { address, recorded: Object.keys(from).slice(0, 20) },
  });
}

/** A unit vector. Throws `bad-edit` for a zero direction. */
export function unitDirection(value: EditValue): TensorData {
  const tensor = toTensorData(value);
  const data = tensor.data as Float32Array;
  let norm = 0;
  for (const x of data) norm += x * x;
  norm = Math.sqrt(norm);
  if (tensor.shape.length !== 1 || !(norm > 0) || !Number.isFinite(norm)) {
    throw new GlassboxError(
      `a direction must be one finite vector that is not zero, got shape ${formatShape(tensor.shape)}`,
      { code: 'bad-edit', remedy: 'Give a vector as long as the last axis of the address.' },
    );
  }
  return { ...tensor, data: data.map((x) => x / norm) };
}

interface AddressAt {
  readonly shape: Shape;
  readonly bindings: DimBindings;
}

/**
 * The shape to declare for an array that broadcasts to an address: symbolic where the address is and
 * the sizes agree, so that one program serves every prompt. Null when it does not broadcast.
 */
export function broadcastShape(value: readonly number[], at: AddressAt): Shape | null {
  const concrete = evaluateShape(at.shape, at.bindings);
  const lead = concrete.length - value.length;
  if (lead < 0) return null;
  if (!value.every((size, i) => size === concrete[lead + i] || size === 1)) return null;
  return value.map((size, i) => (size === concrete[lead + i] ? at.shape[lead + i] : 1));
}

/** As {@link broadcastShape}, for one address. Throws `bad-edit-shape` when it does not broadcast. */
export function declaredShape(address: string, value: TensorData, at: AddressAt): Shape {
  const shape = value.dtype === 'float32' ? broadcastShape(value.shape, at) : null;
  if (shape) return shape;
  const expected = evaluateShape(at.shape, at.bindings);
  throw new GlassboxError(
    `the edit at '${address}' has ${value.dtype} ${formatShape(value.shape)}, ` +
      `expected float32 that broadcasts to ${formatShape(at.shape)} = ${formatShape(expected)}`,
    {
      code: 'bad-edit-shape',
      remedy: 'Give a number, a vector over the last axis, or an array of the full shape.',
      details: { address, shape: value.shape, expected },
    },
  );
}
