import { Rng } from '../../src/base/rng.ts';
import * as g from '../../src/graph/index.ts';

/** Draws the values of one input. */
type Values = (rng: Rng, count: number) => number[];

interface CaseInput {
  /** The declared shape, symbols allowed. */
  readonly shape: g.Shape;
  /** The shape that is fed; the declared shape when that has no symbols. */
  readonly size: readonly number[];
  readonly dtype: g.DType;
  readonly values: Values;
}

/** One use of one operation, for crossing every runtime and every gradient rule with. */
export interface OpCase {
  readonly name: string;
  readonly op: g.OpKind;
  readonly inputs: readonly CaseInput[];
  readonly build: (...inputs: g.Tensor[]) => g.Tensor;
  /** Whether the output has a gradient with respect to its float32 inputs. */
  readonly differentiable: boolean;
}

const each =
  (draw: (rng: Rng) => number): Values =>
  (rng, count) =>
    Array.from({ length: count }, () => draw(rng));

const normal = each((rng) => rng.normal());
const positive = each((rng) => 0.5 + 1.5 * rng.next());
const bits = each((rng) => rng.int(2));
const integers = (n: number) => each((rng) => rng.int(n));
const signed = (n: number) => each((rng) => rng.int(2 * n + 1) - n);
/** Values at least 0.1 apart and at least 0.05 from zero, so that no kink is near. */
const apart: Values = (rng, count) =>
  rng.shuffle(Array.from({ length: count }, (_, i) => 0.1 * (i - Math.floor(count / 2)) + 0.05));

function take(
  values: Values,
  shape: g.Shape,
  options: { size?: readonly number[]; dtype?: g.DType } = {},
): CaseInput {
  const size = options.size ?? (shape as readonly number[]);
  return { shape, size, dtype: options.dtype ?? 'float32', values };
}

const x = (shape: g.Shape, size?: readonly number[]) => take(normal, shape, { size });
const int = (n: number, shape: g.Shape, size?: readonly number[]) =>
  take(integers(n), shape, { size, dtype: 'int64' });
const bool = (shape: g.Shape, size?: readonly number[]) =>
  take(bits, shape, { size, dtype: 'bool' });

function make(
  op: g.OpKind,
  label: string,
  inputs: readonly CaseInput[],
  build: OpCase['build'],
  differentiable = true,
): OpCase {
  return { name: label === '' ? op : `${op}: ${label}`, op, inputs, build, differentiable };
}

/** A matrix, a scalar, an array without elements, and one with symbolic axes. */
function unary(
  op: g.OpKind,
  build: (x: g.Tensor) => g.Tensor,
  options: { values?: Values; differentiable?: boolean; suffix?: string } = {},
): OpCase[] {
  const { values = normal, differentiable = true, suffix = '' } = options;
  return [
    make(op, `matrix${suffix}`, [take(values, [3, 4])], build, differentiable),
    make(op, `scalar${suffix}`, [take(values, [])], build, differentiable),
    make(op, `no elements${suffix}`, [take(values, ['n', 3], { size: [0, 3] })], build, false),
    make(
      op,
      `symbolic${suffix}`,
      [take(values, ['b', 't'], { size: [2, 5] })],
      build,
      differentiable,
    ),
  ];
}

function binary(
  op: g.OpKind,
  build: (a: g.Tensor, b: g.Tensor) => g.Tensor,
  options: { left?: Values; right?: Values; differentiable?: boolean; dtype?: g.DType } = {},
): OpCase[] {
  const { left = normal, right = normal, differentiable = true, dtype } = options;
  const a = (shape: g.Shape, size?: number[]) => take(left, shape, { size, dtype });
  const b = (shape: g.Shape, size?: number[]) => take(right, shape, { size, dtype });
  const suffix = dtype ? ` ${dtype}` : '';
  const one = (label: string, first: CaseInput, second: CaseInput) =>
    make(op, label + suffix, [first, second], build, differentiable);
  return [
    one('equal shapes', a([3, 4]), b([3, 4])),
    one('row', a([3, 4]), b([4])),
    one('column against row', a([3, 1]), b([1, 4])),
    one('scalar on the left', a([]), b([2, 3])),
    one('missing and unit axes', a([2, 1, 3]), b([4, 1])),
    one('symbolic', a(['b', 't', 3], [2, 4, 3]), b(['t', 1], [4, 1])),
  ];
}

type Reducer = (x: g.Tensor, options: g.ReduceOptions) => g.Tensor;

function reductions(op: g.OpKind, build: Reducer, values: Values = normal): OpCase[] {
  const cube = take(values, [2, 3, 4]);
  const symbolic = take(values, ['b', 't', 3], { size: [2, 5, 3] });
  return [
    make(op, 'all', [cube], (t) => build(t, {})),
    make(op, 'last', [cube], (t) => build(t, { axes: -1 })),
    make(op, 'first, kept', [cube], (t) => build(t, { axes: 0, keepDims: true })),
    make(op, 'outer two', [cube], (t) => build(t, { axes: [0, 2] })),
    make(op, 'symbolic', [symbolic], (t) => build(t, { axes: [0, 1] })),
    make(op, 'symbolic, kept', [symbolic], (t) => build(t, { axes: 1, keepDims: true })),
  ];
}

const matmulCases: OpCase[] = [
  make('matmul', 'matrices', [x([3, 4]), x([4, 5])], (a, b) => g.matmul(a, b)),
  make('matmul', 'transposed left', [x([4, 3]), x([4, 5])], (a, b) =>
    g.matmul(a, b, { transposeA: true }),
  ),
  make('matmul', 'transposed right, scaled', [x([3, 4]), x([5, 4])], (a, b) =>
    g.matmul(a, b, { transposeB: true, alpha: 0.5 }),
  ),
  make('matmul', 'both transposed', [x([4, 3]), x([5, 4])], (a, b) =>
    g.matmul(a, b, { transposeA: true, transposeB: true, alpha: -2 }),
  ),
  make('matmul', 'shared weight', [x(['b', 't', 4], [2, 3, 4]), x([4, 5])], (a, b) =>
    g.matmul(a, b),
  ),
  make('matmul', 'shared weight, transposed', [x(['b', 't', 4], [2, 3, 4]), x([5, 4])], (a, b) =>
    g.matmul(a, b, { transposeB: true, alpha: 3 }),
  ),
  make('matmul', 'shared weight, left transposed', [x([2, 4, 3]), x([4, 5])], (a, b) =>
    g.matmul(a, b, { transposeA: true }),
  ),
  make('matmul', 'shared left', [x([3, 4]), x([2, 4, 5])], (a, b) => g.matmul(a, b)),
  make('matmul', 'batches', [x([2, 3, 4, 2]), x([2, 3, 2, 5])], (a, b) => g.matmul(a, b)),
  make('matmul', 'batches, right transposed', [x([2, 3, 4, 2]), x([2, 3, 5, 2])], (a, b) =>
    g.matmul(a, b, { transposeB: true, alpha: 0.25 }),
  ),
  make('matmul', 'batches, left transposed', [x([2, 3, 2, 4]), x([2, 3, 2, 5])], (a, b) =>
    g.matmul(a, b, { transposeA: true }),
  ),
  make('matmul', 'broadcast batches', [x([2, 1, 3, 4]), x([5, 4, 2])], (a, b) => g.matmul(a, b)),
  make('matmul', 'one row', [x([1, 4]), x([4, 5])], (a, b) => g.matmul(a, b)),
  make('matmul', 'one column', [x([2, 3, 4]), x([4, 1])], (a, b) => g.matmul(a, b)),
];

const layoutCases: OpCase[] = [
  make('reshape', 'merge axes', [x(['b', 't', 4], [2, 3, 4])], (t) => g.reshape(t, ['b*t', 4])),
  make('reshape', 'split axes', [x(['b', 't', 6], [2, 3, 6])], (t) =>
    g.reshape(t, ['b', 't', 2, 3]),
  ),
  make('reshape', 'split the product again', [x(['b', 't', 2], [2, 3, 2])], (t) =>
    g.reshape(g.mul(g.reshape(t, ['b*t', 2]), 2), ['b', 't', 2]),
  ),
  make('reshape', 'to a scalar and back', [x([1, 1])], (t) =>
    g.reshape(g.reshape(t, []), [1, 1, 1]),
  ),
  make('reshape', 'with an empty axis', [x(['n', 6], [0, 6])], (t) => g.reshape(t, ['n', 2, 3])),
  make('transpose', 'matrix', [x([3, 4])], (t) => g.transpose(t, [1, 0])),
  make('transpose', 'heads', [x(['b', 't', 2, 3], [2, 4, 2, 3])], (t) =>
    g.transpose(t, [0, 2, 1, 3]),
  ),
  make('transpose', 'rotation', [x([2, 3, 4])], (t) => g.transpose(t, [2, 0, 1])),
  make('expand', 'scalar', [x([])], (t) => g.expand(t, [2, 3])),
  make('expand', 'unit axes', [x([2, 1, 3])], (t) => g.expand(t, [4, 2, 5, 3])),
  make('expand', 'symbolic', [x(['b', 1], [2, 1]), x(['t'], [3])], (t, other) =>
    g.mul(g.expand(t, ['b', 't']), other),
  ),
  make('slice', 'middle', [x([5, 3])], (t) => g.slice(t, { axis: 0, start: 1, end: 4 })),
  make('slice', 'last of a symbolic axis', [x(['b', 't', 2], [2, 4, 2])], (t) =>
    g.slice(t, { axis: 1, start: g.fromEnd(t, 1, 1) }),
  ),
  make('slice', 'up to a symbol', [x([9, 2]), x(['t', 2], [4, 2])], (t, other) =>
    g.mul(g.slice(t, { axis: 0, end: 't' }), other),
  ),
  make('slice', 'thirds put together again', [x([2, 6])], (t) => {
    const [a, b, c] = g.split(t, 1, [2, 2, 2]);
    return g.add(g.mul(a, b), g.sin(c));
  }),
  make('slice', 'overlapping pieces', [x([2, 5])], (t) =>
    g.mul(g.slice(t, { axis: 1, end: 3 }), g.slice(t, { axis: 1, start: 2 })),
  ),
  make('concat', 'columns', [x([2, 3]), x([2, 1]), x([2, 2])], (...t) => g.concat(t, 1)),
  make('concat', 'symbolic', [x(['past', 3], [2, 3]), x(['pos', 3], [4, 3])], (...t) =>
    g.concat(t, 0),
  ),
  make('concat', 'onto nothing', [x(['past', 3], [0, 3]), x(['pos', 3], [4, 3])], (...t) =>
    g.concat(t, 0),
  ),
  make('concat', 'integers', [int(9, [2]), int(9, [3])], (...t) => g.concat(t, 0), false),
  make('pad', 'both sides', [x([2, 3])], (t) =>
    g.pad(t, { axis: 1, before: 1, after: 2, value: 0.5 }),
  ),
  make('pad', 'symbolic', [x(['t', 3], [4, 3]), x(['n'], [2])], (t, n) =>
    g.mul(g.pad(t, { axis: 0, before: 'n' }), g.sum(n)),
  ),
];

const indexCases: OpCase[] = [
  make('gather', 'embedding', [x([7, 3]), int(7, ['b', 't'], [2, 4])], (d, i) => g.gather(d, i)),
  make('gather', 'columns', [x([3, 5]), int(5, [4])], (d, i) => g.gather(d, i, 1)),
  make('gather', 'one index removes the axis', [x([2, 4, 3]), int(4, [])], (d, i) =>
    g.gather(d, i, 1),
  ),
  make('gather', 'integers', [int(9, [6]), int(6, [2, 2])], (d, i) => g.gather(d, i), false),
  make('gather', 'booleans', [bool([6]), int(6, [3])], (d, i) => g.gather(d, i), false),
  make('scatterAdd', 'rows, repeated', [x([3, 2]), int(3, [2, 4]), x([2, 4, 2])], (b, i, u) =>
    g.scatterAdd(b, i, u),
  ),
  make('scatterAdd', 'columns', [x([2, 5, 3]), int(5, [4]), x([2, 4, 3])], (b, i, u) =>
    g.scatterAdd(b, i, u, 1),
  ),
  make('scatterAdd', 'one index', [x([4, 3]), int(3, []), x([4])], (b, i, u) =>
    g.scatterAdd(b, i, u, 1),
  ),
  make(
    'scatterAdd',
    'symbolic',
    [x(['v', 2], [5, 2]), int(5, ['t'], [6]), x(['t', 2], [6, 2])],
    (b, i, u) => g.scatterAdd(b, i, u),
  ),
  make('gatherElements', 'last axis', [x([3, 5]), int(5, [3, 2])], (d, i) =>
    g.gatherElements(d, i),
  ),
  make(
    'gatherElements',
    'picked log-probabilities',
    [x(['b', 't', 6], [2, 3, 6]), int(6, ['b', 't', 1], [2, 3, 1])],
    (d, i) => g.gatherElements(g.logSoftmax(d), i),
  ),
  make('gatherElements', 'first axis', [x([4, 3]), int(4, [2, 3])], (d, i) =>
    g.gatherElements(d, i, 0),
  ),
  make(
    'scatterElementsAdd',
    'last axis, repeated',
    [x([3, 4]), int(4, [3, 6]), x([3, 6])],
    (b, i, u) => g.scatterElementsAdd(b, i, u),
  ),
  make('scatterElementsAdd', 'first axis', [x([4, 3]), int(4, [2, 3]), x([2, 3])], (b, i, u) =>
    g.scatterElementsAdd(b, i, u, 0),
  ),
  make('topKValues', 'last axis', [take(apart, [3, 6])], (t) => g.topK(t, 2).values),
  make('topKValues', 'first axis', [take(apart, [5, 2])], (t) => g.topK(t, 3, { axis: 0 }).values),
  make('topKIndices', 'last axis', [take(apart, [3, 6])], (t) => g.topK(t, 4).indices, false),
  make(
    'topKIndices',
    'symbolic axis',
    [take(apart, ['t', 2], { size: [5, 2] })],
    (t) => g.topK(t, 1, { axis: 0 }).indices,
    false,
  ),
];

const causal = (q: g.Tensor, keys: g.Dim) =>
  g.where(
    g.greater(g.iota(keys), g.unsqueeze(g.iota(q.shape[2]), 1)),
    -1e9,
    g.zeros([q.shape[2], keys]),
  );

const fusedCases: OpCase[] = [
  make('softmax', 'last', [x(['b', 5], [3, 5])], (t) => g.softmax(t)),
  make('softmax', 'first', [x([4, 3])], (t) => g.softmax(t, 0)),
  make('softmax', 'middle', [x([2, 4, 3])], (t) => g.softmax(t, 1)),
  make('softmax', 'masked', [x([4, 4])], (t) =>
    g.softmax(g.where(g.greater(g.iota(4), g.unsqueeze(g.iota(4), 1)), -1e9, t)),
  ),
  make('logSoftmax', 'last', [x(['b', 5], [3, 5])], (t) => g.logSoftmax(t)),
  make('logSoftmax', 'first', [x([4, 3])], (t) => g.logSoftmax(t, 0)),
  make('layerNorm', 'batch', [x(['b', 't', 6], [2, 3, 6]), x([6]), x([6])], (t, s, b) =>
    g.layerNorm(t, s, b, 1e-5),
  ),
  make('layerNorm', 'vector', [x([5]), x([5]), x([5])], (t, s, b) => g.layerNorm(t, s, b, 1e-2)),
  make('layerNormMean', '', [x([2, 3, 4])], (t) => g.layerNormMean(t, 1e-5)),
  make('layerNormMean', 'beside its norm', [x([3, 4]), x([4]), x([4])], (t, s, b) =>
    g.sub(g.layerNorm(t, s, b, 1e-5), g.layerNormMean(t, 1e-5)),
  ),
  make('layerNormInvStd', '', [x(['b', 4], [3, 4])], (t) => g.layerNormInvStd(t, 1e-3)),
  make('layerNormInvStd', 'beside its norm', [x([3, 4]), x([4]), x([4])], (t, s, b) =>
    g.mul(g.layerNorm(t, s, b, 1e-5), g.layerNormInvStd(t, 1e-5)),
  ),
  make('rmsNorm', 'batch', [x(['b', 't', 6], [2, 3, 6]), x([6])], (t, s) => g.rmsNorm(t, s, 1e-6)),
  make('rmsNorm', 'heads', [x([2, 2, 3, 4]), x([4])], (t, s) => g.rmsNorm(t, s, 1e-5)),
  make('rmsNorm', 'vector', [x([5]), x([5])], (t, s) => g.rmsNorm(t, s, 1e-2)),
  make('rmsNormInvStd', '', [x(['b', 4], [3, 4])], (t) => g.rmsNormInvStd(t, 1e-3)),
  make('rmsNormInvStd', 'beside its norm', [x([3, 4]), x([4])], (t, s) =>
    g.mul(g.rmsNorm(t, s, 1e-5), g.rmsNormInvStd(t, 1e-5)),
  ),
  make(
    'attention',
    'with a bias',
    [x([2, 2, 3, 4]), x([2, 2, 5, 4]), x([2, 2, 5, 3]), x([1, 2, 3, 5])],
    (q, k, v, b) => g.attention(q, k, v, b, 0.5),
  ),
  make(
    'attention',
    'causal, symbolic',
    [0, 1, 2].map(() => x(['b', 2, 't', 4], [2, 2, 5, 4])),
    (q, k, v) => g.attention(q, k, v, causal(q, k.shape[2]), 0.5),
  ),
  make('attention', 'scalar bias', [x([1, 1, 2, 3]), x([1, 1, 4, 3]), x([1, 1, 4, 3])], (q, k, v) =>
    g.attention(q, k, v, g.zeros([1]), 1),
  ),
];

const castCases: OpCase[] = [
  make(
    'cast',
    'float32 to int64',
    [
      take(
        each((rng) => 4 * rng.normal()),
        [3, 4],
      ),
    ],
    (t) => g.cast(t, 'int64'),
    false,
  ),
  make('cast', 'float32 to bool', [take(signed(1), [3, 4])], (t) => g.cast(t, 'bool'), false),
  make('cast', 'int64 to float32', [int(50, [3, 4])], (t) => g.cast(t, 'float32'), false),
  make('cast', 'int64 to bool', [int(2, [5])], (t) => g.cast(t, 'bool'), false),
  make('cast', 'bool to float32', [bool([5])], (t) => g.cast(t, 'float32'), false),
  make('cast', 'bool to int64', [bool([5])], (t) => g.cast(t, 'int64'), false),
];

const leafCases: OpCase[] = [
  make('input', '', [x([2, 3])], (t) => t),
  make('input', 'integers', [int(9, [4])], (t) => t, false),
  make('input', 'booleans', [bool([4])], (t) => t, false),
  make('constant', 'float32', [x([3])], (t) =>
    g.add(t, g.constant(g.tensorData([1.5, -2, 1e-8], [3]))),
  ),
  make(
    'constant',
    'int64',
    [int(9, [2])],
    (t) => g.add(t, g.constant(g.tensorData([2 ** 40, -7], [2], 'int64'))),
    false,
  ),
  make(
    'constant',
    'bool',
    [bool([2])],
    (t) => g.and(t, g.constant(g.tensorData([1, 0], [2], 'bool'))),
    false,
  ),
  make('dimension', 'of a product', [x(['b', 't'], [3, 4])], (t) =>
    g.div(g.sum(t), g.dimension('b*t')),
  ),
  make('dimension', 'of a sum', [x(['b'], [3]), x(['t'], [4])], (a, b) =>
    g.mul(g.add(g.sum(a), g.sum(b)), g.dimension('2*b+t')),
  ),
  make('iota', '', [int(5, [4])], (t) => g.add(t, g.iota(4)), false),
  make('iota', 'symbolic', [x(['a'], [3]), x(['b'], [2])], (a, b) =>
    g.mul(g.cast(g.iota('a+b'), 'float32'), g.concat([a, b], 0)),
  ),
];

const scanCases: OpCase[] = [
  make('argmax', 'last', [take(apart, [3, 5])], (t) => g.argmax(t), false),
  make('argmax', 'first', [take(apart, [4, 3])], (t) => g.argmax(t, { axis: 0 }), false),
  make('argmax', 'ties', [take(integers(2), [6, 5])], (t) => g.argmax(t), false),
  make('cumsum', 'plain', [x([3, 5])], (t) => g.cumsum(t)),
  make('cumsum', 'exclusive', [x([4, 3])], (t) => g.cumsum(t, { axis: 0, exclusive: true })),
  make('cumsum', 'reversed', [x(['t', 2], [4, 2])], (t) => g.cumsum(t, { axis: 0, reverse: true })),
  make('cumsum', 'exclusive, reversed', [x([2, 4])], (t) =>
    g.cumsum(t, { exclusive: true, reverse: true }),
  ),
  make('cumsum', 'integers', [int(9, [2, 4])], (t) => g.cumsum(t), false),
];

const powCases: OpCase[] = [
  ...binary('pow', g.pow, { left: positive }),
  make('pow', 'square', [x([3, 4])], (t) => g.pow(t, 2)),
  make('pow', 'cube', [x([3, 4])], (t) => g.pow(t, 3)),
  make('pow', 'inverse root', [take(positive, [3, 4])], (t) => g.pow(t, -0.5)),
];

/** Every operation of the language, at least once. */
export const opCases: readonly OpCase[] = [
  ...leafCases,
  ...unary('neg', g.neg),
  make('neg', 'integers', [take(signed(9), [4], { dtype: 'int64' })], g.neg, false),
  ...unary('exp', g.exp),
  ...unary('log', g.log, { values: positive }),
  ...unary('sqrt', g.sqrt, { values: positive }),
  ...unary('reciprocal', g.reciprocal, { values: positive }),
  ...unary('abs', g.abs, { values: apart }),
  make('abs', 'integers', [take(signed(9), [6], { dtype: 'int64' })], g.abs, false),
  ...unary('sign', g.sign, { values: apart, differentiable: false }),
  make('sign', 'zeros', [take(signed(1), [9])], g.sign, false),
  make('sign', 'integers', [take(signed(2), [9], { dtype: 'int64' })], g.sign, false),
  ...unary('floor', g.floor, { values: apart, differentiable: false }),
  ...unary('sin', g.sin),
  ...unary('cos', g.cos),
  ...unary('tanh', g.tanh),
  ...unary('sigmoid', g.sigmoid),
  ...unary('erf', g.erf),
  ...unary('softplus', g.softplus),
  make('softplus', 'far out', [take(signed(60), [16])], g.softplus),
  ...unary('relu', g.relu, { values: apart }),
  ...unary('silu', g.silu),
  ...unary('gelu', (t) => g.gelu(t)),
  ...unary('gelu', (t) => g.gelu(t, { approximate: 'tanh' }), { suffix: ', tanh' }),
  make('not', '', [bool([3, 4])], g.not, false),
  ...castCases,
  ...binary('add', g.add),
  ...binary('add', g.add, {
    left: signed(9),
    right: signed(9),
    differentiable: false,
    dtype: 'int64',
  }),
  ...binary('sub', g.sub),
  ...binary('sub', g.sub, {
    left: signed(9),
    right: signed(9),
    differentiable: false,
    dtype: 'int64',
  }),
  ...binary('mul', g.mul),
  make('mul', 'square', [x([3, 4])], g.square),
  ...binary('mul', g.mul, {
    left: signed(9),
    right: signed(9),
    differentiable: false,
    dtype: 'int64',
  }),
  ...binary('div', g.div, { right: positive }),
  ...binary('div', g.div, {
    left: integers(50),
    right: each((rng) => 1 + rng.int(5)),
    differentiable: false,
    dtype: 'int64',
  }),
  ...powCases,
  ...binary('maximum', g.maximum),
  ...binary('minimum', g.minimum),
  ...binary('maximum', g.maximum, {
    left: signed(3),
    right: signed(3),
    differentiable: false,
    dtype: 'int64',
  }),
  ...binary('equal', g.equal, { left: signed(1), right: signed(1), differentiable: false }),
  ...binary('equal', g.equal, {
    left: signed(1),
    right: signed(1),
    differentiable: false,
    dtype: 'int64',
  }),
  ...binary('equal', g.equal, { left: bits, right: bits, differentiable: false, dtype: 'bool' }),
  ...binary('less', g.less, { left: signed(1), right: signed(1), differentiable: false }),
  ...binary('less', g.less, {
    left: signed(1),
    right: signed(1),
    differentiable: false,
    dtype: 'int64',
  }),
  ...binary('greater', g.greater, { left: signed(1), right: signed(1), differentiable: false }),
  ...binary('greater', g.greater, {
    left: signed(1),
    right: signed(1),
    differentiable: false,
    dtype: 'int64',
  }),
  ...binary('and', g.and, { left: bits, right: bits, differentiable: false, dtype: 'bool' }),
  ...binary('or', g.or, { left: bits, right: bits, differentiable: false, dtype: 'bool' }),
  make('where', 'equal shapes', [bool([3, 4]), x([3, 4]), x([3, 4])], g.where),
  make('where', 'all broadcast', [bool([3, 1]), x([4]), x([2, 1, 1])], g.where),
  make('where', 'scalar branch', [bool([3, 4]), x([3, 4])], (c, a) => g.where(c, a, -2)),
  make('where', 'integers', [bool([4]), int(9, [4]), int(9, [4])], g.where, false),
  ...reductions('reduceSum', g.sum),
  make('reduceSum', 'integers', [int(9, [3, 4])], (t) => g.sum(t, { axes: 0 }), false),
  make('reduceSum', 'of nothing', [x(['n', 3], [0, 3])], (t) => g.sum(t, { axes: 0 })),
  ...reductions('reduceMean', g.mean),
  ...reductions('reduceMax', g.max, apart),
  make('reduceMax', 'integers', [int(9, [3, 4])], (t) => g.max(t, { axes: 0 }), false),
  ...reductions('reduceMin', g.min, apart),
  ...scanCases,
  ...matmulCases,
  ...layoutCases,
  ...indexCases,
  ...fusedCases,
  make('stopGradient', '', [x([3])], g.stopGradient, false),
  make('straightThrough', '', [x([3]), x([3])], g.straightThrough, false),
];

/** The inputs of a case as graph nodes named `x0`, `x1`, …. */
export function caseInputs(opCase: OpCase): g.Tensor<'input'>[] {
  return opCase.inputs.map(({ shape, dtype }, i) => g.input(`x${i}`, shape, dtype));
}

/** Values for the inputs of a case, by input name. */
export function caseFeeds(opCase: OpCase, seed: number): Record<string, g.TensorData> {
  const rng = new Rng(seed);
  return Object.fromEntries(
    opCase.inputs.map(({ size, dtype, values }, i) => {
      const count = size.reduce((a, b) => a * b, 1);
      return [`x${i}`, g.tensorData(values(rng, count), size, dtype)];
    }),
  );
}
