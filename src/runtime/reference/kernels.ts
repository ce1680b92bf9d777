import { GlassboxError } from '../../base/error.ts';
import { type DimBindings, evaluateDim, formatShape } from '../../graph/dim.ts';
import type { OpAttrs, OpKind, OpTable } from '../../graph/op.ts';
import { elementCount } from '../feeds.ts';
import {
  broadcastStrides,
  filled,
  offsets,
  pick,
  type ReferenceArray,
  stridesOf,
  without,
} from './array.ts';
import { matmul } from './linear.ts';
import { erf, gelu, sigmoid, softplus } from './scalar.ts';

/** What a kernel computes from: its attributes, inputs, and the concrete shape of its result. */
export interface KernelContext<K extends OpKind> {
  readonly attrs: OpAttrs[K];
  readonly inputs: readonly ReferenceArray[];
  readonly shape: readonly number[];
  readonly bindings: DimBindings;
  readonly feeds: Readonly<Record<string, ReferenceArray>>;
}

/** The elements of the result, row-major. */
export type Kernel<K extends OpKind> = (context: KernelContext<K>) => Float64Array;

type AnyKernel = (context: KernelContext<OpKind>) => Float64Array;

const unary =
  (f: (x: number) => number): AnyKernel =>
  ({ inputs: [x] }) =>
    x.data.map(f);

const broadcast =
  (f: (...values: number[]) => number): AnyKernel =>
  ({ inputs, shape }) => {
    const from = inputs.map((input) => offsets(shape, broadcastStrides(input.shape, shape.length)));
    const out = filled(shape, 0);
    const values = inputs.map(() => 0);
    for (let i = 0; i < out.length; i++) {
      for (let j = 0; j < inputs.length; j++) values[j] = inputs[j].data[from[j][i]];
      out[i] = f(...values);
    }
    return out;
  };

/** Folds the axes listed; `finish` sees the number of elements folded. */
const reduce =
  (
    initial: number,
    fold: (total: number, value: number) => number,
    finish: (total: number, count: number) => number = (total) => total,
  ): Kernel<'reduceSum' | 'reduceMean' | 'reduceMax' | 'reduceMin'> =>
  ({ inputs: [x], attrs: { axes } }) => {
    const strides = stridesOf(x.shape);
    const inner = offsets(
      axes.map((axis) => x.shape[axis]),
      axes.map((axis) => strides[axis]),
    );
    return Float64Array.from(offsets(without(x.shape, axes), without(strides, axes)), (start) => {
      let total = initial;
      for (const offset of inner) total = fold(total, x.data[start + offset]);
      return finish(total, inner.length);
    });
  };

/**
 * Maps every line along an axis to a line of `length` elements (of the same length unless told).
 */
function lines(
  x: ReferenceArray,
  axis: number,
  map: (line: Float64Array) => ArrayLike<number>,
  length = x.shape[axis],
): Float64Array {
  const shape = x.shape.map((size, i) => (i === axis ? length : size));
  const [from, to] = [stridesOf(x.shape), stridesOf(shape)];
  const outer = without(x.shape, [axis]);
  const reads = offsets(outer, without(from, [axis]));
  const writes = offsets(outer, without(to, [axis]));
  const out = filled(shape, 0);
  for (let i = 0; i < reads.length; i++) {
    const line = map(pick(x.data, offsets([x.shape[axis]], [from[axis]], reads[i])));
    for (let j = 0; j < length; j++) out[writes[i] + j * to[axis]] = line[j];
  }
  return out;
}

function softmaxLine(line: Float64Array): Float64Array {
  const top = line.reduce((a, b) => Math.max(a, b), -Infinity);
  const powers = line.map((x) => Math.exp(x - top));
  const total = powers.reduce((a, b) => a + b, 0);
  return powers.map((x) => x / total);
}

function logSoftmaxLine(line: Float64Array): Float64Array {
  const top = line.reduce((a, b) => Math.max(a, b), -Infinity);
  const total = Math.log(line.reduce((sum, x) => sum + Math.exp(x - top), 0));
  return line.map((x) => x - top - total);
}

/** Positions from largest to smallest, the earlier first among equals. */
function descending(line: Float64Array): number[] {
  return Array.from(line.keys()).sort((a, b) => line[b] - line[a] || a - b);
}

const meanOf = (line: Float64Array) => line.reduce((a, b) => a + b, 0) / line.length;
const meanSquare = (line: Float64Array) => meanOf(line.map((x) => x * x));
const inverseStd = (line: Float64Array, epsilon: number) => {
  const mean = meanOf(line);
  return 1 / Math.sqrt(meanSquare(line.map((x) => x - mean)) + epsilon);
};

const lastAxis = (x: ReferenceArray) => x.shape.length - 1;

/** An index checked against the size of its axis. */
function checked(index: number, size: number): number {
  if (Number.isInteger(index) && index >= 0 && index < size) return index;
  throw new GlassboxError(`index ${index} is outside an axis of size ${size}`, {
    code: 'bad-index',
    remedy: `Use indices from 0 to ${size - 1}.`,
  });
}

/** Where every element of `gather(data, indices)` comes from in data. */
function gatherOffsets(
  shape: readonly number[],
  indices: ReferenceArray,
  axis: number,
): Int32Array {
  const strides = stridesOf(shape);
  const before = offsets(shape.slice(0, axis), strides.slice(0, axis));
  const after = offsets(shape.slice(axis + 1), strides.slice(axis + 1));
  const out = new Int32Array(before.length * indices.data.length * after.length);
  let at = 0;
  for (const start of before) {
    for (const index of indices.data) {
      const middle = start + checked(index, shape[axis]) * strides[axis];
      for (const offset of after) out[at++] = middle + offset;
    }
  }
  return out;
}

/** Where every element of `gatherElements(data, indices)` comes from in data. */
function elementOffsets(
  shape: readonly number[],
  indices: ReferenceArray,
  axis: number,
): Int32Array {
  const strides = stridesOf(shape);
  const others = strides.map((stride, i) => (i === axis ? 0 : stride));
  return offsets(indices.shape, others).map(
    (offset, i) => offset + checked(indices.data[i], shape[axis]) * strides[axis],
  );
}

function addAt(base: ReferenceArray, to: Int32Array, updates: ReferenceArray): Float64Array {
  const out = base.data.slice();
  for (let i = 0; i < to.length; i++) out[to[i]] += updates.data[i];
  return out;
}

/** Writes `piece` into `out` so that it begins at `start` along the axis. */
function place(
  out: Float64Array,
  shape: readonly number[],
  piece: ReferenceArray,
  axis: number,
  start: number,
): void {
  const strides = stridesOf(shape);
  offsets(piece.shape, strides, start * strides[axis]).forEach((to, i) => {
    out[to] = piece.data[i];
  });
}

function cutAxis({ inputs: [x], attrs, shape, bindings }: KernelContext<'slice'>): Float64Array {
  const start = evaluateDim(attrs.start, bindings);
  if (start < 0 || shape[attrs.axis] < 0 || start + shape[attrs.axis] > x.shape[attrs.axis]) {
    throw new GlassboxError(
      `slice ${start}..${start + shape[attrs.axis]} is outside axis ${attrs.axis} of ${formatShape(x.shape)}`,
      { code: 'bad-slice', remedy: 'Feed arrays long enough for the slices of the program.' },
    );
  }
  const strides = stridesOf(x.shape);
  return pick(x.data, offsets(shape, strides, start * strides[attrs.axis]));
}

function normalize(
  { inputs: [x, scale, bias], shape }: KernelContext<OpKind>,
  normal: (line: Float64Array) => Float64Array,
): Float64Array {
  return lines({ ...x, shape }, lastAxis(x), (line) =>
    normal(line).map((value, i) => value * scale.data[i] + (bias?.data[i] ?? 0)),
  );
}

function attend({ inputs: [q, k, v, bias], attrs: { scale }, shape }: KernelContext<'attention'>) {
  const scores = [...q.shape.slice(0, 3), k.shape[2]];
  const product = { transposeA: false, transposeB: true, alpha: scale };
  const logits: ReferenceArray = { ...q, shape: scores, data: matmul(q, k, product, scores) };
  const from = offsets(scores, broadcastStrides(bias.shape, 4));
  const biased = { ...logits, data: logits.data.map((value, i) => value + bias.data[from[i]]) };
  const pattern = { ...logits, data: lines(biased, 3, softmaxLine) };
  return matmul(pattern, v, { transposeA: false, transposeB: false, alpha: 1 }, shape);
}

const truth = (f: (a: number, b: number) => boolean) => broadcast((a, b) => (f(a, b) ? 1 : 0));
const same: AnyKernel = ({ inputs: [x] }) => x.data;

/** How the reference evaluator computes every operation. */
export const referenceKernels: OpTable<{ [K in OpKind]: Kernel<K> }> = {
  input: ({ attrs, feeds }) => feeds[attrs.name].data,
  constant: ({ attrs }) => Float64Array.from(attrs.value.data as ArrayLike<number>, Number),
  dimension: ({ attrs, bindings }) => Float64Array.of(evaluateDim(attrs.dim, bindings)),
  iota: ({ shape: [size] }) => Float64Array.from({ length: size }, (_, i) => i),

  neg: unary((x) => -x),
  exp: unary(Math.exp),
  log: unary(Math.log),
  sqrt: unary(Math.sqrt),
  reciprocal: unary((x) => 1 / x),
  abs: unary(Math.abs),
  sign: unary(Math.sign),
  floor: unary(Math.floor),
  sin: unary(Math.sin),
  cos: unary(Math.cos),
  tanh: unary(Math.tanh),
  sigmoid: unary(sigmoid),
  erf: unary(erf),
  softplus: unary(softplus),
  relu: unary((x) => (x < 0 ? 0 : x)),
  silu: unary((x) => x * sigmoid(x)),
  gelu: ({ inputs: [x], attrs }) => x.data.map((value) => gelu(value, attrs.approximate)),
  not: unary((x) => 1 - x),
  cast: ({ inputs: [x], attrs: { dtype } }) => {
    if (dtype === 'bool') return x.data.map((value) => (value === 0 ? 0 : 1));
    return dtype === 'int64' ? x.data.map(Math.trunc) : x.data;
  },

  add: broadcast((a, b) => a + b),
  sub: broadcast((a, b) => a - b),
  mul: broadcast((a, b) => a * b),
  div: (context) =>
    context.inputs[0].dtype === 'int64'
      ? broadcast((a, b) => Math.trunc(a / b))(context)
      : broadcast((a, b) => a / b)(context),
  pow: broadcast((a, b) => a ** b),
  maximum: broadcast(Math.max),
  minimum: broadcast(Math.min),
  equal: truth((a, b) => a === b),
  less: truth((a, b) => a < b),
  greater: truth((a, b) => a > b),
  and: truth((a, b) => a !== 0 && b !== 0),
  or: truth((a, b) => a !== 0 || b !== 0),
  where: broadcast((condition, a, b) => (condition ? a : b)),

  reduceSum: reduce(0, (a, b) => a + b),
  reduceMean: reduce(
    0,
    (a, b) => a + b,
    (total, count) => total / count,
  ),
  reduceMax: reduce(-Infinity, Math.max),
  reduceMin: reduce(Infinity, Math.min),
  argmax: ({ inputs: [x], attrs: { axis } }) => lines(x, axis, (line) => [descending(line)[0]], 1),
  cumsum: ({ inputs: [x], attrs: { axis, exclusive, reverse } }) =>
    lines(x, axis, (line) => {
      const ordered = reverse ? line.toReversed() : line;
      let total = 0;
      const sums = ordered.map((value) => {
        total += value;
        return exclusive ? total - value : total;
      });
      return reverse ? sums.reverse() : sums;
    }),

  matmul: ({ inputs: [a, b], attrs, shape }) => matmul(a, b, attrs, shape),

  reshape: same,
  transpose: ({ inputs: [x], attrs: { perm }, shape }) => {
    const strides = stridesOf(x.shape);
    return pick(
      x.data,
      offsets(
        shape,
        perm.map((axis) => strides[axis]),
      ),
    );
  },
  expand: ({ inputs: [x], shape }) =>
    pick(x.data, offsets(shape, broadcastStrides(x.shape, shape.length))),
  slice: cutAxis,
  concat: ({ inputs, attrs: { axis }, shape }) => {
    const out = filled(shape, 0);
    let start = 0;
    for (const piece of inputs) {
      place(out, shape, piece, axis, start);
      start += piece.shape[axis];
    }
    return out;
  },
  pad: ({ inputs: [x], attrs, shape, bindings }) => {
    const out = filled(shape, attrs.value);
    place(out, shape, x, attrs.axis, evaluateDim(attrs.before, bindings));
    return out;
  },

  gather: ({ inputs: [data, indices], attrs: { axis } }) =>
    pick(data.data, gatherOffsets(data.shape, indices, axis)),
  scatterAdd: ({ inputs: [base, indices, updates], attrs: { axis } }) =>
    addAt(base, gatherOffsets(base.shape, indices, axis), updates),
  gatherElements: ({ inputs: [data, indices], attrs: { axis } }) =>
    pick(data.data, elementOffsets(data.shape, indices, axis)),
  scatterElementsAdd: ({ inputs: [base, indices, updates], attrs: { axis } }) =>
    addAt(base, elementOffsets(base.shape, indices, axis), updates),
  topKValues: ({ inputs: [x], attrs: { axis, k } }) =>
    lines(x, axis, (line) => descending(line).map((i) => line[i]), k),
  topKIndices: ({ inputs: [x], attrs: { axis, k } }) => lines(x, axis, descending, k),

  softmax: ({ inputs: [x], attrs: { axis } }) => lines(x, axis, softmaxLine),
  logSoftmax: ({ inputs: [x], attrs: { axis } }) => lines(x, axis, logSoftmaxLine),
  layerNorm: (context) =>
    normalize(context, (line) => {
      const mean = meanOf(line);
      const invStd = inverseStd(line, context.attrs.epsilon);
      return line.map((x) => (x - mean) * invStd);
    }),
  layerNormMean: ({ inputs: [x] }) => lines(x, lastAxis(x), (line) => [meanOf(line)], 1),
  layerNormInvStd: ({ inputs: [x], attrs: { epsilon } }) =>
    lines(x, lastAxis(x), (line) => [inverseStd(line, epsilon)], 1),
  rmsNorm: (context) =>
    normalize(context, (line) => {
      const factor = 1 / Math.sqrt(meanSquare(line) + context.attrs.epsilon);
      return line.map((x) => x * factor);
    }),
  rmsNormInvStd: ({ inputs: [x], attrs: { epsilon } }) =>
    lines(x, lastAxis(x), (line) => [1 / Math.sqrt(meanSquare(line) + epsilon)], 1),
  attention: attend,

  stopGradient: same,
  straightThrough: same,
};

/** Runs the kernel of an operation and checks that it filled its shape. */
export function runKernel<K extends OpKind>(op: K, context: KernelContext<K>): Float64Array {
  const data = (referenceKernels[op] as Kernel<K>)(context);
  if (data.length === elementCount(context.shape)) return data;
  throw new GlassboxError(
    `the reference kernel of ${op} gave ${data.length} elements for shape ${formatShape(context.shape)}`,
    { code: 'internal', remedy: 'Report this as a bug.', kind: 'failure' },
  );
}
