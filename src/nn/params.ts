import { GlassboxError, nearestNames } from '../base/error.ts';
import type { Rng } from '../base/rng.ts';
import { input } from '../graph/build.ts';
import { formatShape } from '../graph/dim.ts';
import type { Tensor, TensorData } from '../graph/op.ts';
import type { Initialiser } from './init.ts';

/** What a parameter is before it has a value. Parameters are always float32. */
export interface ParamSpec {
  readonly shape: readonly number[];
  readonly init: Initialiser;
}

/** Parameters to be made, by name, in order. */
export type ParamSpecs = Readonly<Record<string, ParamSpec>>;

/** Parameter values, by name, in order: a plain tree without nesting. */
export type Params = Readonly<Record<string, TensorData>>;

/** How a traced function gets its parameters; `withLora` and others wrap it. */
export type ParamLookup = (name: string) => Tensor;

/** Declares one parameter as a float32 graph input of that name. */
export function param(name: string, shape: readonly number[]): Tensor<'input'> {
  return input(name, shape);
}

/**
 * A lookup that declares each named parameter as a graph input, once. Values and specs both work:
 * only names and shapes are used. An unknown name throws `unknown-parameter` with the nearest ones.
 */
export function paramInputs(
  params: Readonly<Record<string, { readonly shape: readonly number[] }>>,
): ParamLookup {
  const made = new Map<string, Tensor>();
  return (name) => {
    let tensor = made.get(name);
    if (tensor) return tensor;
    if (!Object.hasOwn(params, name)) throw unknownParameter(name, Object.keys(params));
    tensor = param(name, params[name].shape);
    made.set(name, tensor);
    return tensor;
  };
}

/** The error for a parameter name that does not exist, with the nearest names. */
export function unknownParameter(name: string, known: readonly string[]): GlassboxError {
  const near = nearestNames(name, known);
  return new GlassboxError(`there is no parameter '${name}'`, {
    code: 'unknown-parameter',
    remedy: near.length > 0 ? `Nearest names: ${near.join(', ')}.` : 'Declare the parameter first.',
    details: { name, nearest: near },
  });
}

/**
 * Fresh values for all specs. Every parameter draws from its own generator, forked from `rng` by
 * name, so adding, dropping or reordering parameters leaves the others as they were.
 */
export function initParams(specs: ParamSpecs, rng: Rng): Record<string, TensorData> {
  const out: Record<string, TensorData> = {};
  for (const [name, { shape, init }] of Object.entries(specs)) {
    const data = init(shape, rng.fork(name));
    if (data.length !== elementCount(shape)) {
      throw new GlassboxError(
        `the initialiser of '${name}' made ${data.length} values for shape ${formatShape(shape)}`,
        { code: 'bad-initialiser', remedy: 'Return exactly one value per element of the shape.' },
      );
    }
    out[name] = { dtype: 'float32', shape, data };
  }
  return out;
}

/** Total number of elements of some tensors. */
export function countParams(params: Params): number {
  return Object.values(params).reduce((total, { data }) => total + data.length, 0);
}

/** Number of elements of a concrete shape. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1);
}

/** Deep copies, so that later training does not change them. */
export function cloneParams(params: Params): Record<string, TensorData> {
  return Object.fromEntries(
    Object.entries(params).map(([name, { dtype, shape, data }]) => [
      name,
      { dtype, shape, data: data.slice() },
    ]),
  );
}
