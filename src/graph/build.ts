import { GlassboxError } from '../base/error.ts';
import { addDims, canonicalDim, type Dim, formatShape, type Shape, subtractDims } from './dim.ts';
import type { DType, OpAttrs, OpKind, Tensor, TensorData, TypedData } from './op.ts';
import { inferType } from './shape.ts';

/** An operand: a traced tensor, or a number that becomes a scalar of the other operand's type. */
export type Operand = Tensor | number;

let nextId = 0;

/** Creates a node; every function below goes through here, so every node is type-checked. */
export function createNode<K extends OpKind>(
  op: K,
  inputs: readonly Tensor[],
  attrs: OpAttrs[K],
): Tensor<K> {
  const { shape, dtype } = inferType(op, inputs, attrs);
  return Object.freeze({ id: nextId++, op, inputs, attrs, shape, dtype });
}

const none = Object.freeze({});

function at(shape: Shape, axis: number): number {
  const resolved = axis < 0 ? axis + shape.length : axis;
  if (!Number.isInteger(resolved) || resolved < 0 || resolved >= Math.max(1, shape.length)) {
    throw new GlassboxError(`axis ${axis} is outside shape ${formatShape(shape)}`, {
      code: 'bad-axis',
      remedy: `Use an axis from ${-shape.length} to ${shape.length - 1}.`,
    });
  }
  return resolved;
}

// Leaves ------------------------------------------------------------------------------------------

/** A value fed at run time. Two inputs of one program may not share a name. */
export function input(name: string, shape: Shape, dtype: DType = 'float32'): Tensor<'input'> {
  return createNode('input', [], { name, shape: shape.map(canonicalDim), dtype });
}

const storage: { readonly [D in DType]: (values: readonly number[]) => TypedData } = {
  float32: (values) => Float32Array.from(values),
  int64: (values) => BigInt64Array.from(values, (value) => BigInt(value)),
  bool: (values) => Uint8Array.from(values, (value) => (value ? 1 : 0)),
};

/** A concrete array from plain numbers, row-major. */
export function tensorData(
  values: readonly number[],
  shape: readonly number[],
  dtype: DType = 'float32',
): TensorData {
  return { dtype, shape, data: storage[dtype](values) };
}

/**
 * A value built into the graph. For large weights use {@link input} and freeze it at compile time.
 */
export function constant(value: TensorData): Tensor<'constant'> {
  return createNode('constant', [], { value });
}

/** A scalar constant. */
export function scalar(value: number, dtype: DType = 'float32'): Tensor<'constant'> {
  return constant(tensorData([value], [], dtype));
}

/** The size of a dimension as a scalar, float32 unless told. */
export function dimension(dim: Dim, dtype: DType = 'float32'): Tensor {
  if (typeof dim === 'number') return scalar(dim, dtype);
  return cast(createNode('dimension', [], { dim: canonicalDim(dim) }), dtype);
}

/** int64 `[size]` counting from 0. */
export function iota(size: Dim): Tensor {
  return createNode('iota', [], { size: canonicalDim(size) });
}

/** 0 at every place of a shape. */
export function zeros(shape: Shape, dtype: DType = 'float32'): Tensor {
  return full(0, shape, dtype);
}

/** 1 at every place of a shape. */
export function ones(shape: Shape, dtype: DType = 'float32'): Tensor {
  return full(1, shape, dtype);
}

/** One value at every place of a shape. */
export function full(value: number, shape: Shape, dtype: DType = 'float32'): Tensor {
  return expand(scalar(value, dtype), shape);
}

// Elementwise -------------------------------------------------------------------------------------

type UnaryKind =
  | 'neg'
  | 'exp'
  | 'log'
  | 'sqrt'
  | 'reciprocal'
  | 'abs'
  | 'sign'
  | 'floor'
  | 'sin'
  | 'cos'
  | 'tanh'
  | 'sigmoid'
  | 'erf'
  | 'softplus'
  | 'relu'
  | 'silu'
  | 'not';

const unary =
  (op: UnaryKind) =>
  (x: Tensor): Tensor =>
    createNode(op, [x], none);

/** −x, elementwise. */
export const neg = unary('neg');
/** e to the power x, elementwise. */
export const exp = unary('exp');
/** Natural logarithm, elementwise; NaN below 0. */
export const log = unary('log');
/** Square root, elementwise; NaN below 0. */
export const sqrt = unary('sqrt');
/** 1 / x, elementwise. */
export const reciprocal = unary('reciprocal');
/** |x|, elementwise. */
export const abs = unary('abs');
/** −1, 0 or 1, elementwise; no gradient. */
export const sign = unary('sign');
/** The largest whole number not above x, elementwise; no gradient. */
export const floor = unary('floor');
/** Sine of x in radians, elementwise. */
export const sin = unary('sin');
/** Cosine of x in radians, elementwise. */
export const cos = unary('cos');
/** Hyperbolic tangent, elementwise. */
export const tanh = unary('tanh');
/** 1 / (1 + exp(−x)), elementwise. */
export const sigmoid = unary('sigmoid');
/** The error function, elementwise. */
export const erf = unary('erf');
/** log(1 + exp(x)). */
export const softplus = unary('softplus');
/** max(x, 0), elementwise. */
export const relu = unary('relu');
/** x · sigmoid(x). */
export const silu = unary('silu');
/** The opposite of a bool, elementwise. */
export const not = unary('not');

/** Gaussian error linear unit, exact or with the tanh approximation (Hendrycks and Gimpel 2016). */
export function gelu(x: Tensor, options: { approximate?: 'none' | 'tanh' } = {}): Tensor {
  return createNode('gelu', [x], { approximate: options.approximate ?? 'none' });
}

/** The same values in another element type; a float becomes an int64 by dropping its fraction. */
export function cast(x: Tensor, dtype: DType): Tensor {
  return x.dtype === dtype ? x : createNode('cast', [x], { dtype });
}

function lift(a: Operand, b: Operand): [Tensor, Tensor] {
  if (typeof a === 'number') {
    return typeof b === 'number' ? [scalar(a), scalar(b)] : [scalar(a, b.dtype), b];
  }
  return [a, typeof b === 'number' ? scalar(b, a.dtype) : b];
}

type BinaryKind =
  | 'add'
  | 'sub'
  | 'mul'
  | 'div'
  | 'pow'
  | 'maximum'
  | 'minimum'
  | 'equal'
  | 'less'
  | 'greater'
  | 'and'
  | 'or';

const binary =
  (op: BinaryKind) =>
  (a: Operand, b: Operand): Tensor =>
    createNode(op, lift(a, b), none);

/** a + b with broadcasting. */
export const add = binary('add');
/** a − b with broadcasting. */
export const sub = binary('sub');
/** a · b with broadcasting. */
export const mul = binary('mul');
/** a / b with broadcasting. */
export const div = binary('div');
/** a to the power b with broadcasting. */
export const pow = binary('pow');
/** The larger of a and b with broadcasting. */
export const maximum = binary('maximum');
/** The smaller of a and b with broadcasting. */
export const minimum = binary('minimum');
/** Whether a = b with broadcasting, as bool. */
export const equal = binary('equal');
/** Whether a < b with broadcasting, as bool. */
export const less = binary('less');
/** Whether a > b with broadcasting, as bool. */
export const greater = binary('greater');
/** Whether both bools hold, with broadcasting. */
export const and = binary('and');
/** Whether at least one bool holds, with broadcasting. */
export const or = binary('or');

/** `a` where the condition holds, else `b`; all three broadcast. */
export function where(condition: Tensor, a: Operand, b: Operand): Tensor {
  return createNode('where', [condition, ...lift(a, b)], none);
}

/** x², elementwise. */
export function square(x: Tensor): Tensor {
  return mul(x, x);
}

// Reductions --------------------------------------------------------------------------------------

/** Axes to reduce (all by default) and whether they stay as size 1. */
export interface ReduceOptions {
  axes?: number | readonly number[];
  keepDims?: boolean;
}

type ReduceKind = 'reduceSum' | 'reduceMean' | 'reduceMax' | 'reduceMin';

const reduce =
  (op: ReduceKind) =>
  (x: Tensor, options: ReduceOptions = {}): Tensor => {
    const given = options.axes ?? x.shape.map((_, i) => i);
    const axes = (typeof given === 'number' ? [given] : given).map((axis) => at(x.shape, axis));
    if (axes.length === 0) return x;
    return createNode(op, [x], {
      axes: axes.sort((a, b) => a - b),
      keepDims: options.keepDims ?? false,
    });
  };

/** The sum over some axes. */
export const sum = reduce('reduceSum');
/** The mean over some axes. */
export const mean = reduce('reduceMean');
/** The largest value over some axes. */
export const max = reduce('reduceMax');
/** The smallest value over some axes. */
export const min = reduce('reduceMin');

/**
 * Index of the first largest value along an axis (the last by default), int64; the axis is removed.
 */
export function argmax(x: Tensor, options: { axis?: number } = {}): Tensor {
  return createNode('argmax', [x], { axis: at(x.shape, options.axis ?? -1) });
}

/**
 * Running sum along an axis (the last by default). `exclusive` leaves the element itself out,
 * `reverse` runs from the end.
 */
export function cumsum(
  x: Tensor,
  options: { axis?: number; exclusive?: boolean; reverse?: boolean } = {},
): Tensor {
  return createNode('cumsum', [x], {
    axis: at(x.shape, options.axis ?? -1),
    exclusive: options.exclusive ?? false,
    reverse: options.reverse ?? false,
  });
}

// Linear algebra ----------------------------------------------------------------------------------

/**
 * `alpha · op(a) @ op(b)`: a `[..., m, k]`, b `[..., k, n]`, result `[..., m, n]`; leading axes
 * broadcast. The transposes swap the last two axes of an operand before the product.
 */
export function matmul(
  a: Tensor,
  b: Tensor,
  options: { transposeA?: boolean; transposeB?: boolean; alpha?: number } = {},
): Tensor {
  return createNode('matmul', [a, b], {
    transposeA: options.transposeA ?? false,
    transposeB: options.transposeB ?? false,
    alpha: options.alpha ?? 1,
  });
}

// Layout ------------------------------------------------------------------------------------------

/** The same elements in row-major order under another shape of equal size. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  return createNode('reshape', [x], { shape: shape.map(canonicalDim) });
}

/** Reorders the axes: axis i of the result is axis `perm[i]` of x. */
export function transpose(x: Tensor, perm: readonly number[]): Tensor {
  return createNode('transpose', [x], { perm });
}

/** Exchanges two axes. */
export function swapAxes(x: Tensor, a: number, b: number): Tensor {
  const perm = x.shape.map((_, i) => i);
  [perm[at(x.shape, a)], perm[at(x.shape, b)]] = [at(x.shape, b), at(x.shape, a)];
  return transpose(x, perm);
}

/** Broadcasts x to a shape. */
export function expand(x: Tensor, shape: Shape): Tensor {
  return createNode('expand', [x], { shape: shape.map(canonicalDim) });
}

/** Inserts an axis of size 1 so that it has index `axis` in the result. */
export function unsqueeze(x: Tensor, axis: number): Tensor {
  const index = axis < 0 ? axis + x.shape.length + 1 : axis;
  return reshape(x, [...x.shape.slice(0, index), 1, ...x.shape.slice(index)]);
}

/** Removes an axis of size 1. */
export function squeeze(x: Tensor, axis: number): Tensor {
  const index = at(x.shape, axis);
  return reshape(x, [...x.shape.slice(0, index), ...x.shape.slice(index + 1)]);
}

/** Elements `start <= i < end` along an axis; `end` is the axis size unless given. */
export function slice(x: Tensor, options: { axis: number; start?: Dim; end?: Dim }): Tensor {
  const axis = at(x.shape, options.axis);
  return createNode('slice', [x], {
    axis,
    start: canonicalDim(options.start ?? 0),
    end: canonicalDim(options.end ?? x.shape[axis]),
  });
}

/** Joins tensors along an axis; the other dimensions are equal. */
export function concat(tensors: readonly Tensor[], axis: number): Tensor {
  if (tensors.length === 1) return tensors[0];
  return createNode('concat', tensors, { axis: at(tensors[0]?.shape ?? [], axis) });
}

/** Cuts an axis into pieces of the given sizes, which must add up to it. */
export function split(x: Tensor, axis: number, sizes: readonly Dim[]): Tensor[] {
  let start: Dim = 0;
  return sizes.map((size) => {
    const end = addDims(start, size);
    const piece = slice(x, { axis, start, end });
    start = end;
    return piece;
  });
}

/** Adds `before` and `after` elements of `value` (0 by default) at the ends of an axis. */
export function pad(
  x: Tensor,
  options: { axis: number; before?: Dim; after?: Dim; value?: number },
): Tensor {
  return createNode('pad', [x], {
    axis: at(x.shape, options.axis),
    before: canonicalDim(options.before ?? 0),
    after: canonicalDim(options.after ?? 0),
    value: options.value ?? 0,
  });
}

// Indexing ----------------------------------------------------------------------------------------

/**
 * Picks slices of `data` along an axis by int64 `indices`; the result has shape
 * `data[:axis] + indices.shape + data[axis+1:]`.
 */
export function gather(data: Tensor, indices: Tensor, axis = 0): Tensor {
  return createNode('gather', [data, indices], { axis: at(data.shape, axis) });
}

/**
 * Adds `updates` onto slices of `base` along an axis: the adjoint of {@link gather}. Repeated
 * indices add up.
 */
export function scatterAdd(base: Tensor, indices: Tensor, updates: Tensor, axis = 0): Tensor {
  return createNode('scatterAdd', [base, indices, updates], { axis: at(base.shape, axis) });
}

/** Picks one element along an axis for each place of `indices`, whose rank is that of `data`. */
export function gatherElements(data: Tensor, indices: Tensor, axis = -1): Tensor {
  return createNode('gatherElements', [data, indices], { axis: at(data.shape, axis) });
}

/** Adds `updates` onto single elements of `base`: the adjoint of {@link gatherElements}. */
export function scatterElementsAdd(
  base: Tensor,
  indices: Tensor,
  updates: Tensor,
  axis = -1,
): Tensor {
  return createNode('scatterElementsAdd', [base, indices, updates], { axis: at(base.shape, axis) });
}

/** The k largest along an axis, largest first. */
export function topK(
  x: Tensor,
  k: number,
  options: { axis?: number } = {},
): { values: Tensor; indices: Tensor } {
  const attrs = { k, axis: at(x.shape, options.axis ?? -1) };
  return {
    values: createNode('topKValues', [x], attrs),
    indices: createNode('topKIndices', [x], attrs),
  };
}

// Fused -------------------------------------------------------------------------------------------

/** exp(x) normalised to sum 1 along an axis (the last by default). */
export function softmax(x: Tensor, axis = -1): Tensor {
  return createNode('softmax', [x], { axis: at(x.shape, axis) });
}

/** Logarithm of {@link softmax} in nats, computed without overflow. */
export function logSoftmax(x: Tensor, axis = -1): Tensor {
  return createNode('logSoftmax', [x], { axis: at(x.shape, axis) });
}

/**
 * Layer normalisation over the last axis (Ba et al. 2016): (x − mean) / sqrt(var + ε) · scale +
 * bias.
 */
export function layerNorm(x: Tensor, scale: Tensor, bias: Tensor, epsilon: number): Tensor {
  return createNode('layerNorm', [x, scale, bias], { epsilon });
}

/**
 * Mean over the last axis, `[..., 1]`; shares its computation with {@link layerNorm} of the same
 * x.
 */
export function layerNormMean(x: Tensor, epsilon: number): Tensor {
  return createNode('layerNormMean', [x], { epsilon });
}

/** 1 / sqrt(var + ε) over the last axis, `[..., 1]`. */
export function layerNormInvStd(x: Tensor, epsilon: number): Tensor {
  return createNode('layerNormInvStd', [x], { epsilon });
}

/** Root-mean-square normalisation over the last axis (Zhang and Sennrich 2019). */
export function rmsNorm(x: Tensor, scale: Tensor, epsilon: number): Tensor {
  return createNode('rmsNorm', [x, scale], { epsilon });
}

/** 1 / sqrt(mean(x²) + ε) over the last axis, `[..., 1]`. */
export function rmsNormInvStd(x: Tensor, epsilon: number): Tensor {
  return createNode('rmsNormInvStd', [x], { epsilon });
}

/**
 * Scaled dot-product attention in one operation, for when neither scores nor pattern are looked
 * at. q `[batch, n_heads, pos, d_head]`, k and v `[batch, n_heads, keys, d_head]`, bias
 * broadcastable to `[batch, n_heads, pos, keys]` (use a large negative number to mask).
 */
export function attention(q: Tensor, k: Tensor, v: Tensor, bias: Tensor, scale: number): Tensor {
  return createNode('attention', [q, k, v, bias], { scale });
}

// Gradient control --------------------------------------------------------------------------------

/** The value of x; no gradient flows back through it. */
export function stopGradient(x: Tensor): Tensor {
  return createNode('stopGradient', [x], none);
}

/** Forwards `value`; the whole gradient goes to `surrogate` (Bengio et al. 2013). */
export function straightThrough(value: Tensor, surrogate: Tensor): Tensor {
  return createNode('straightThrough', [value, surrogate], none);
}

/** The size of an axis minus a bound; a convenience for slices counted from the end. */
export function fromEnd(x: Tensor, axis: number, count: Dim): Dim {
  return subtractDims(x.shape[at(x.shape, axis)], count);
}
