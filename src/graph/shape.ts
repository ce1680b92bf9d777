import { GlassboxError } from '../base/error.ts';
import {
  addDims,
  canonicalDim,
  type Dim,
  formatShape,
  type Shape,
  sizeOf,
  subtractDims,
} from './dim.ts';
import type { DType, OpAttrs, OpKind, Tensor } from './op.ts';

/** What a shape rule finds out about a node. */
export interface TensorType {
  readonly shape: Shape;
  readonly dtype: DType;
}

type ShapeRule<K extends OpKind> = (inputs: readonly Tensor[], attrs: OpAttrs[K]) => TensorType;

/** A rule's complaint; {@link inferType} turns it into an error that names the operation. */
class ShapeProblem extends Error {}

function fail(message: string): never {
  throw new ShapeProblem(message);
}

/** The shape both operands broadcast to (NumPy rules; a symbol only matches itself or 1). */
export function broadcastShapes(a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  const out: Dim[] = [];
  for (let i = 0; i < rank; i++) {
    const da = a[a.length - rank + i] ?? 1;
    const db = b[b.length - rank + i] ?? 1;
    if (da === db || db === 1) out.push(da);
    else if (da === 1) out.push(db);
    else fail(`shapes ${formatShape(a)} and ${formatShape(b)} do not broadcast`);
  }
  return out;
}

function arity(inputs: readonly Tensor[], count: number): void {
  if (inputs.length !== count) fail(`expected ${count} inputs, got ${inputs.length}`);
}

function requireDType(tensor: Tensor, ...allowed: DType[]): void {
  if (!allowed.includes(tensor.dtype))
    fail(`expected ${allowed.join(' or ')}, got ${tensor.dtype}`);
}

function requireAxis(shape: Shape, axis: number): void {
  if (!Number.isInteger(axis) || axis < 0 || axis >= shape.length) {
    fail(`axis ${axis} is outside shape ${formatShape(shape)}`);
  }
}

const unary =
  (...dtypes: DType[]) =>
  (inputs: readonly Tensor[]): TensorType => {
    arity(inputs, 1);
    requireDType(inputs[0], ...dtypes);
    return { shape: inputs[0].shape, dtype: inputs[0].dtype };
  };
const float1 = unary('float32');
const number1 = unary('float32', 'int64');

const binary =
  (allowed: readonly DType[], result?: DType) =>
  (inputs: readonly Tensor[]): TensorType => {
    arity(inputs, 2);
    const [a, b] = inputs;
    requireDType(a, ...allowed);
    if (a.dtype !== b.dtype) fail(`operands have different types ${a.dtype} and ${b.dtype}`);
    return { shape: broadcastShapes(a.shape, b.shape), dtype: result ?? a.dtype };
  };
const arithmetic = binary(['float32', 'int64']);
const comparison = binary(['float32', 'int64'], 'bool');
const logical = binary(['bool']);

function reduction(
  inputs: readonly Tensor[],
  { axes, keepDims }: OpAttrs['reduceSum'],
): TensorType {
  arity(inputs, 1);
  requireDType(inputs[0], 'float32', 'int64');
  const { shape, dtype } = inputs[0];
  for (const axis of axes) requireAxis(shape, axis);
  if (new Set(axes).size !== axes.length) fail(`axes ${axes.join(', ')} repeat`);
  const out = shape.flatMap((dim, i) => (axes.includes(i) ? (keepDims ? [1] : []) : [dim]));
  return { shape: out, dtype };
}

function sameAlongAxis(inputs: readonly Tensor[], { axis }: { axis: number }): TensorType {
  arity(inputs, 1);
  requireDType(inputs[0], 'float32');
  requireAxis(inputs[0].shape, axis);
  return { shape: inputs[0].shape, dtype: 'float32' };
}

function replaceAt(shape: Shape, axis: number, dims: readonly Dim[]): Shape {
  return [...shape.slice(0, axis), ...dims, ...shape.slice(axis + 1)];
}

function expectShape(actual: Shape, expected: Shape, what: string): void {
  if (actual.length !== expected.length || actual.some((dim, i) => dim !== expected[i])) {
    fail(`${what} has shape ${formatShape(actual)}, expected ${formatShape(expected)}`);
  }
}

const normStatistic = (inputs: readonly Tensor[]): TensorType => {
  float1(inputs);
  const { shape } = inputs[0];
  if (shape.length === 0) fail('a norm needs at least one axis');
  return { shape: replaceAt(shape, shape.length - 1, [1]), dtype: 'float32' };
};

function topK(
  inputs: readonly Tensor[],
  { axis, k }: OpAttrs['topKValues'],
  dtype: DType,
): TensorType {
  const { shape } = sameAlongAxis(inputs, { axis });
  const size = shape[axis];
  if (!Number.isInteger(k) || k < 1) fail(`k must be a positive integer, got ${k}`);
  if (typeof size === 'number' && k > size) fail(`k = ${k} exceeds the axis size ${size}`);
  return { shape: replaceAt(shape, axis, [k]), dtype };
}

/** How every operation's result type follows from its inputs and attributes. */
export const shapeRules: { readonly [K in OpKind]: ShapeRule<K> } = {
  input: (_, { shape, dtype }) => ({ shape: shape.map(canonicalDim), dtype }),
  constant: (_, { value }) => {
    const size = value.shape.reduce((a, b) => a * b, 1);
    if (value.data.length !== size) {
      fail(`${value.data.length} elements do not fill shape ${formatShape(value.shape)}`);
    }
    return { shape: value.shape, dtype: value.dtype };
  },
  dimension: () => ({ shape: [], dtype: 'int64' }),
  iota: (_, { size }) => ({ shape: [canonicalDim(size)], dtype: 'int64' }),

  neg: number1,
  exp: float1,
  log: float1,
  sqrt: float1,
  reciprocal: float1,
  abs: number1,
  sign: number1,
  floor: float1,
  sin: float1,
  cos: float1,
  tanh: float1,
  sigmoid: float1,
  erf: float1,
  softplus: float1,
  relu: float1,
  silu: float1,
  gelu: float1,
  not: unary('bool'),
  cast: (inputs, { dtype }) => {
    arity(inputs, 1);
    return { shape: inputs[0].shape, dtype };
  },

  add: arithmetic,
  sub: arithmetic,
  mul: arithmetic,
  div: arithmetic,
  pow: binary(['float32']),
  maximum: arithmetic,
  minimum: arithmetic,
  equal: binary(['float32', 'int64', 'bool'], 'bool'),
  less: comparison,
  greater: comparison,
  and: logical,
  or: logical,
  where: (inputs) => {
    arity(inputs, 3);
    const [condition, a, b] = inputs;
    requireDType(condition, 'bool');
    if (a.dtype !== b.dtype) fail(`branches have different types ${a.dtype} and ${b.dtype}`);
    const shape = broadcastShapes(condition.shape, broadcastShapes(a.shape, b.shape));
    return { shape, dtype: a.dtype };
  },

  reduceSum: reduction,
  reduceMean: (inputs, attrs) => {
    float1(inputs);
    return reduction(inputs, attrs);
  },
  reduceMax: reduction,
  reduceMin: reduction,
  argmax: (inputs, { axis }) => {
    const { shape } = sameAlongAxis(inputs, { axis });
    return { shape: replaceAt(shape, axis, []), dtype: 'int64' };
  },
  cumsum: (inputs, { axis }) => {
    number1(inputs);
    requireAxis(inputs[0].shape, axis);
    return { shape: inputs[0].shape, dtype: inputs[0].dtype };
  },

  matmul: (inputs, { transposeA, transposeB }) => {
    arity(inputs, 2);
    const [a, b] = inputs;
    requireDType(a, 'float32');
    requireDType(b, 'float32');
    if (a.shape.length < 2 || b.shape.length < 2) {
      fail(`operands ${formatShape(a.shape)} and ${formatShape(b.shape)} need two axes or more`);
    }
    const [m, ka] = transposeA
      ? [a.shape.at(-1)!, a.shape.at(-2)!]
      : [a.shape.at(-2)!, a.shape.at(-1)!];
    const [kb, n] = transposeB
      ? [b.shape.at(-1)!, b.shape.at(-2)!]
      : [b.shape.at(-2)!, b.shape.at(-1)!];
    if (ka !== kb) {
      const flags = `${transposeA ? ' (a transposed)' : ''}${transposeB ? ' (b transposed)' : ''}`;
      fail(`inner sizes of ${formatShape(a.shape)} and ${formatShape(b.shape)}${flags} differ`);
    }
    return {
      shape: [...broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2)), m, n],
      dtype: 'float32',
    };
  },

  reshape: (inputs, attrs) => {
    arity(inputs, 1);
    const shape = attrs.shape.map(canonicalDim);
    if (sizeOf(shape) !== sizeOf(inputs[0].shape)) {
      fail(`cannot reshape ${formatShape(inputs[0].shape)} to ${formatShape(shape)}: sizes differ`);
    }
    return { shape, dtype: inputs[0].dtype };
  },
  transpose: (inputs, { perm }) => {
    arity(inputs, 1);
    const { shape, dtype } = inputs[0];
    const sorted = [...perm].sort((a, b) => a - b);
    if (perm.length !== shape.length || sorted.some((axis, i) => axis !== i)) {
      fail(`[${perm.join(', ')}] is not a permutation of the axes of ${formatShape(shape)}`);
    }
    return { shape: perm.map((axis) => shape[axis]), dtype };
  },
  expand: (inputs, attrs) => {
    arity(inputs, 1);
    const shape = attrs.shape.map(canonicalDim);
    expectShape(broadcastShapes(inputs[0].shape, shape), shape, 'the broadcast result');
    return { shape, dtype: inputs[0].dtype };
  },
  slice: (inputs, { axis, start, end }) => {
    arity(inputs, 1);
    const { shape, dtype } = inputs[0];
    requireAxis(shape, axis);
    const length = subtractDims(end, start);
    const outside = (bound: Dim) => typeof bound === 'number' && bound < 0;
    if (outside(start) || outside(length)) fail(`bounds ${start}..${end} are not in order`);
    const size = shape[axis];
    if (typeof size === 'number' && typeof end === 'number' && end > size) {
      fail(`bounds ${start}..${end} pass the end of axis ${axis} of ${formatShape(shape)}`);
    }
    return { shape: replaceAt(shape, axis, [length]), dtype };
  },
  concat: (inputs, { axis }) => {
    if (inputs.length === 0) fail('nothing to concatenate');
    const [first] = inputs;
    requireAxis(first.shape, axis);
    let total: Dim = 0;
    for (const input of inputs) {
      if (input.dtype !== first.dtype)
        fail(`operands have different types ${first.dtype} and ${input.dtype}`);
      if (input.shape.length !== first.shape.length) {
        fail(`ranks of ${formatShape(first.shape)} and ${formatShape(input.shape)} differ`);
      }
      expectShape(
        replaceAt(input.shape, axis, [1]),
        replaceAt(first.shape, axis, [1]),
        'an operand (axis aside)',
      );
      total = addDims(total, input.shape[axis]);
    }
    return { shape: replaceAt(first.shape, axis, [total]), dtype: first.dtype };
  },
  pad: (inputs, { axis, before, after }) => {
    arity(inputs, 1);
    const { shape, dtype } = inputs[0];
    requireAxis(shape, axis);
    return { shape: replaceAt(shape, axis, [addDims(before, addDims(shape[axis], after))]), dtype };
  },

  gather: (inputs, { axis }) => {
    arity(inputs, 2);
    const [data, indices] = inputs;
    requireDType(indices, 'int64');
    requireAxis(data.shape, axis);
    return { shape: replaceAt(data.shape, axis, indices.shape), dtype: data.dtype };
  },
  scatterAdd: (inputs, { axis }) => {
    arity(inputs, 3);
    const [base, indices, updates] = inputs;
    requireDType(base, 'float32');
    requireDType(indices, 'int64');
    requireDType(updates, 'float32');
    requireAxis(base.shape, axis);
    expectShape(updates.shape, replaceAt(base.shape, axis, indices.shape), 'updates');
    return { shape: base.shape, dtype: 'float32' };
  },
  gatherElements: (inputs, { axis }) => {
    arity(inputs, 2);
    const [data, indices] = inputs;
    requireDType(indices, 'int64');
    requireAxis(data.shape, axis);
    if (indices.shape.length !== data.shape.length) {
      fail(
        `ranks of data ${formatShape(data.shape)} and indices ${formatShape(indices.shape)} differ`,
      );
    }
    return { shape: indices.shape, dtype: data.dtype };
  },
  scatterElementsAdd: (inputs, { axis }) => {
    arity(inputs, 3);
    const [base, indices, updates] = inputs;
    requireDType(base, 'float32');
    requireDType(indices, 'int64');
    requireDType(updates, 'float32');
    requireAxis(base.shape, axis);
    expectShape(updates.shape, indices.shape, 'updates');
    return { shape: base.shape, dtype: 'float32' };
  },
  topKValues: (inputs, attrs) => topK(inputs, attrs, 'float32'),
  topKIndices: (inputs, attrs) => topK(inputs, attrs, 'int64'),

  softmax: sameAlongAxis,
  logSoftmax: sameAlongAxis,
  layerNorm: (inputs) => {
    arity(inputs, 3);
    const [x, scale, bias] = inputs;
    for (const input of inputs) requireDType(input, 'float32');
    normStatistic([x]);
    expectShape(scale.shape, x.shape.slice(-1), 'scale');
    expectShape(bias.shape, x.shape.slice(-1), 'bias');
    return { shape: x.shape, dtype: 'float32' };
  },
  layerNormMean: normStatistic,
  layerNormInvStd: normStatistic,
  rmsNorm: (inputs) => {
    arity(inputs, 2);
    const [x, scale] = inputs;
    for (const input of inputs) requireDType(input, 'float32');
    normStatistic([x]);
    expectShape(scale.shape, x.shape.slice(-1), 'scale');
    return { shape: x.shape, dtype: 'float32' };
  },
  rmsNormInvStd: normStatistic,
  attention: (inputs) => {
    arity(inputs, 4);
    for (const input of inputs) requireDType(input, 'float32');
    const [q, k, v, bias] = inputs;
    if (q.shape.length !== 4) fail(`q has shape ${formatShape(q.shape)}, expected four axes`);
    const [batch, heads, pos, dHead] = q.shape;
    const keys = k.shape[2];
    expectShape(k.shape, [batch, heads, keys, dHead], 'k');
    expectShape(v.shape, [batch, heads, keys, v.shape[3]], 'v');
    const scores = [batch, heads, pos, keys];
    expectShape(broadcastShapes(bias.shape, scores), scores, 'the broadcast bias');
    return { shape: [batch, heads, pos, v.shape[3]], dtype: 'float32' };
  },

  stopGradient: (inputs) => {
    arity(inputs, 1);
    return { shape: inputs[0].shape, dtype: inputs[0].dtype };
  },
  straightThrough: (inputs) => {
    arity(inputs, 2);
    const [value, surrogate] = inputs;
    requireDType(value, 'float32');
    requireDType(surrogate, 'float32');
    expectShape(surrogate.shape, value.shape, 'the surrogate');
    return { shape: value.shape, dtype: 'float32' };
  },
};

/**
 * The type of a node from its parts. Throws `bad-graph`, naming the operation and the shapes of
 * all its inputs, when the rule of the operation is broken.
 */
export function inferType<K extends OpKind>(
  op: K,
  inputs: readonly Tensor[],
  attrs: OpAttrs[K],
): TensorType {
  try {
    return (shapeRules[op] as ShapeRule<K>)(inputs, attrs);
  } catch (error) {
    if (!(error instanceof ShapeProblem)) throw error;
    const operands = inputs.map((input) => `${input.op} ${formatShape(input.shape)}`).join(', ');
    throw new GlassboxError(`${op}(${operands}): ${error.message}`, {
      code: 'bad-graph',
      remedy: 'Make the operands fit, for instance with reshape, transpose, expand or cast.',
      details: { op, shapes: inputs.map((input) => input.shape) },
    });
  }
}
