import { GlassboxError, nearestNames } from '../base/error.ts';
import { type DimBindings, evaluateDim, formatShape, symbolsOf } from '../graph/dim.ts';
import type { DType, Tensor, TensorData } from '../graph/op.ts';
import type { Feeds } from './runtime.ts';

const storage: { readonly [D in DType]: string } = {
  float32: 'Float32Array',
  int64: 'BigInt64Array',
  bool: 'Uint8Array',
};

/** The number of elements of a concrete shape. */
export function elementCount(shape: readonly number[]): number {
  let count = 1;
  for (const size of shape) count *= size;
  return count;
}

function badInput(name: string, message: string, remedy: string, details = {}): GlassboxError {
  return new GlassboxError(`input '${name}' ${message}`, {
    code: 'bad-input',
    remedy,
    details: { name, ...details },
  });
}

/** Throws `bad-input` unless the array's storage suits its type and is as long as its shape says. */
export function checkStorage(name: string, value: TensorData): void {
  const kind = value.data?.constructor.name;
  if (kind !== storage[value.dtype]) {
    throw badInput(
      name,
      `is ${value.dtype} but holds ${kind}, expected ${storage[value.dtype]}`,
      'Build arrays with tensorData, or give data of the matching typed array.',
    );
  }
  const expected = elementCount(value.shape);
  if (value.data.length !== expected) {
    throw badInput(
      name,
      `has ${value.data.length} elements, its shape ${formatShape(value.shape)} needs ${expected}`,
      'Give an array that fills the shape and was not transferred to another thread.',
    );
  }
}

/**
 * Checks fed arrays against a program's inputs and finds the sizes of symbolic dimensions, beside
 * those that are known already.
 * Throws `unknown-input`, `missing-input` or `bad-input`, naming the input, what was expected and
 * what came.
 */
export function bindFeeds(
  inputs: readonly Tensor<'input'>[],
  feeds: Feeds,
  known: DimBindings = {},
): Record<string, number> {
  const bindings: Record<string, number> = { ...known };
  const boundBy: Record<string, string> = {};
  const computed: { name: string; axis: number }[] = [];
  for (const { attrs, shape, dtype } of inputs) {
    const { name } = attrs;
    const value = feeds[name];
    if (value === undefined) throw missing(name, inputs, feeds);
    const mismatch = (why: string): GlassboxError =>
      badInput(
        name,
        `is ${value.dtype} ${formatShape(value.shape)}, expected ${dtype} ${formatShape(shape)}${why}`,
        'Feed an array of the type and shape that the program declares.',
        { expected: { dtype, shape }, got: { dtype: value.dtype, shape: value.shape } },
      );
    if (value.dtype !== dtype || value.shape.length !== shape.length) throw mismatch('');
    for (let axis = 0; axis < shape.length; axis++) {
      const dim = shape[axis];
      const size = value.shape[axis];
      if (typeof dim === 'number') {
        if (dim !== size) throw mismatch('');
      } else if (bindings[dim] === undefined) {
        if (symbolsOf(dim)[0] === dim) {
          bindings[dim] = size;
          boundBy[dim] = `'${name}'`;
        } else computed.push({ name, axis });
      } else if (bindings[dim] !== size) {
        throw mismatch(
          ` with ${dim} = ${bindings[dim]} as in ${boundBy[dim] ?? 'the frozen inputs'}`,
        );
      }
    }
  }
  for (const { name, axis } of computed) {
    const { shape } = inputs.find((input) => input.attrs.name === name)!;
    const expected = evaluateDim(shape[axis], bindings);
    const got = feeds[name].shape[axis];
    if (got !== expected) {
      throw badInput(
        name,
        `has size ${got} along axis ${axis}, expected ${shape[axis]} = ${expected}`,
        'Feed arrays whose sizes agree with each other.',
      );
    }
  }
  if (Object.keys(feeds).length > inputs.length) throw unknown(inputs, feeds);
  return bindings;
}

function missing(name: string, inputs: readonly Tensor<'input'>[], feeds: Feeds): GlassboxError {
  const expected = new Set(inputs.map((input) => input.attrs.name));
  if (Object.keys(feeds).some((fed) => !expected.has(fed))) return unknown(inputs, feeds, name);
  return new GlassboxError(`input '${name}' is missing`, {
    code: 'missing-input',
    remedy: `Feed every input: ${[...expected].slice(0, 8).join(', ')}${expected.size > 8 ? ', …' : ''}.`,
    details: { name, inputs: [...expected] },
  });
}

function unknown(
  inputs: readonly Tensor<'input'>[],
  feeds: Feeds,
  missingName?: string,
): GlassboxError {
  const names = inputs.map((input) => input.attrs.name);
  const name = Object.keys(feeds).find((fed) => !names.includes(fed))!;
  const also = missingName === undefined ? '' : `, and input '${missingName}' is missing`;
  return new GlassboxError(`the program has no input '${name}'${also}`, {
    code: 'unknown-input',
    remedy: `Nearest names: ${nearestNames(name, names).join(', ') || 'none, it has no inputs'}.`,
    details: { name, inputs: names },
  });
}
