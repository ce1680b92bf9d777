import { sameShape, sizeOf } from '../dim.ts';
import type { DType, OpAttrs, OpKind, Tensor } from '../op.ts';
import { type Emitter, float, int, ints, string } from './emitter.ts';
import {
  lowerAttention,
  lowerLayerNorm,
  lowerLayerStatistic,
  lowerRmsNorm,
  lowerRmsStatistic,
} from './fused.ts';

/** Emits the ONNX nodes of one operation and returns the name of its value. */
type Lowering<K extends OpKind> = (
  emitter: Emitter,
  node: Tensor<K>,
  inputs: readonly string[],
) => string;

export const MICROSOFT = 'com.microsoft';

/** `TensorProto.DataType`, for Cast. */
const elementTypes: { readonly [D in DType]: number } = { float32: 1, int64: 7, bool: 9 };

const direct =
  (op: string) =>
  (emitter: Emitter, _: Tensor, inputs: readonly string[]): string =>
    emitter.emit(op, inputs);

/** ONNX broadcasts by itself, so an expanded operand is only needed where nothing else has the full shape. */
function operands(emitter: Emitter, node: Tensor): string[] {
  const bare = node.inputs.map((input) => (input.op === 'expand' ? input.inputs[0] : input));
  const covers = (tensors: readonly Tensor[]) =>
    tensors.some((tensor) => sameShape(tensor.shape, node.shape));
  const chosen = [...node.inputs];
  for (const [i, tensor] of bare.entries()) {
    const others = chosen.filter((_, j) => j !== i);
    if (tensor !== chosen[i] && covers([tensor, ...others])) chosen[i] = tensor;
  }
  return chosen.map((tensor) => emitter.name(tensor));
}

const broadcasting =
  (op: string) =>
  (emitter: Emitter, node: Tensor): string =>
    emitter.emit(op, operands(emitter, node));

const reduction =
  (op: string) =>
  (
    emitter: Emitter,
    { attrs }: Tensor<'reduceSum' | 'reduceMean' | 'reduceMax' | 'reduceMin'>,
    [x]: readonly string[],
  ): string => {
    if (attrs.axes.length === 0) return x;
    const attributes = { keepdims: int(attrs.keepDims ? 1 : 0) };
    return emitter.emit(op, [x, emitter.vector(...attrs.axes)], { attributes });
  };

const alongAxis =
  (op: string) =>
  (emitter: Emitter, { attrs }: Tensor<'softmax' | 'logSoftmax'>, inputs: readonly string[]) =>
    emitter.emit(op, inputs, { attributes: { axis: int(attrs.axis) } });

const topK =
  (output: 0 | 1) =>
  (emitter: Emitter, { attrs }: Tensor<'topKValues' | 'topKIndices'>, [x]: readonly string[]) =>
    emitter.share(`topk ${x} ${attrs.axis} ${attrs.k}`, () =>
      emitter.emitAll('TopK', [x, emitter.vector(attrs.k)], {
        attributes: { axis: int(attrs.axis) },
        outputs: 2,
      }),
    )[output];

/** Adds `before` and `after` places to one axis as the paddings vector of an ONNX Pad. */
function paddings(emitter: Emitter, rank: number, { axis, before, after }: OpAttrs['pad']): string {
  const known = [emitter.staticSize(before), emitter.staticSize(after)];
  if (known[0] !== undefined && known[1] !== undefined) {
    const all = new Array<number>(2 * rank).fill(0);
    all[axis] = known[0];
    all[rank + axis] = known[1];
    return emitter.vector(...all);
  }
  const zeros = (count: number) =>
    count > 0 ? [emitter.vector(...new Array<number>(count).fill(0))] : [];
  return emitter.emit(
    'Concat',
    [
      ...zeros(axis),
      emitter.size(before),
      ...zeros(rank - 1),
      emitter.size(after),
      ...zeros(rank - 1 - axis),
    ],
    { attributes: { axis: int(0) } },
  );
}

/**
 * ScatterND with `reduction: add` divides the updates between threads and loses some when indices
 * repeat (onnxruntime 18048), so the sequential ScatterElements does this work, with the indices
 * spread over the trailing axes.
 */
function lowerScatterAdd(
  emitter: Emitter,
  node: Tensor<'scatterAdd'>,
  [base, indices, updates]: readonly string[],
): string {
  const { axis } = node.attrs;
  const [baseTensor, indexTensor, updateTensor] = node.inputs;
  const lead = baseTensor.shape.slice(0, axis);
  const trail = baseTensor.shape.slice(axis + 1);
  // Several index axes become one, in the indices and in the updates alike.
  const count = sizeOf(indexTensor.shape);
  const flatShape = [...lead, count, ...trail];
  const flatUpdates =
    indexTensor.shape.length === 1
      ? updates
      : emitter.reshape(updates, updateTensor.shape, flatShape);
  const column = [...lead.map(() => 1), count, ...trail.map(() => 1)];
  const placed =
    column.length === 1 && indexTensor.shape.length === 1
      ? indices
      : emitter.reshape(indices, indexTensor.shape, column);
  const spread = emitter.emit('Expand', [placed, emitter.expandTarget(column, flatShape)]);
  return emitter.emit('ScatterElements', [base, spread, flatUpdates], {
    attributes: { axis: int(axis), reduction: string('add') },
  });
}

/** How every operation is written in ONNX. */
export const lowerings: { readonly [K in OpKind]: Lowering<K> } = {
  input: (emitter, node) => emitter.name(node),
  constant: (emitter, { attrs }) =>
    attrs.value.data.length <= 16 && attrs.value.dtype !== 'float32'
      ? emitter.smallConstant(
          Array.from(attrs.value.data as ArrayLike<number | bigint>, Number),
          attrs.value.shape,
          attrs.value.dtype,
        )
      : emitter.constant(attrs.value),
  dimension: (emitter, { attrs }) => emitter.scalarSize(attrs.dim),
  iota: (emitter, { attrs }) =>
    emitter.emit('Range', [
      emitter.smallConstant([0], [], 'int64'),
      emitter.scalarSize(attrs.size),
      emitter.smallConstant([1], [], 'int64'),
    ]),

  neg: direct('Neg'),
  exp: direct('Exp'),
  log: direct('Log'),
  sqrt: direct('Sqrt'),
  reciprocal: direct('Reciprocal'),
  abs: direct('Abs'),
  sign: direct('Sign'),
  floor: direct('Floor'),
  sin: direct('Sin'),
  cos: direct('Cos'),
  tanh: direct('Tanh'),
  sigmoid: direct('Sigmoid'),
  erf: direct('Erf'),
  softplus: direct('Softplus'),
  relu: direct('Relu'),
  silu: (emitter, _, inputs) =>
    emitter.emit('QuickGelu', inputs, { domain: MICROSOFT, attributes: { alpha: float(1) } }),
  gelu: (emitter, { attrs }, inputs) =>
    emitter.emit('Gelu', inputs, { attributes: { approximate: string(attrs.approximate) } }),
  not: direct('Not'),
  cast: (emitter, { attrs }, inputs) =>
    emitter.emit('Cast', inputs, { attributes: { to: int(elementTypes[attrs.dtype]) } }),

  add: broadcasting('Add'),
  sub: broadcasting('Sub'),
  mul: broadcasting('Mul'),
  div: broadcasting('Div'),
  pow: broadcasting('Pow'),
  maximum: broadcasting('Max'),
  minimum: broadcasting('Min'),
  equal: broadcasting('Equal'),
  less: broadcasting('Less'),
  greater: broadcasting('Greater'),
  and: broadcasting('And'),
  or: broadcasting('Or'),
  where: (emitter, node) => {
    const [condition, a, b] = operands(emitter, node);
    if (node.dtype !== 'bool') return emitter.emit('Where', [condition, a, b]);
    // ONNX Runtime has no Where for booleans on the CPU.
    const otherwise = emitter.emit('And', [emitter.emit('Not', [condition]), b]);
    return emitter.emit('Or', [emitter.emit('And', [condition, a]), otherwise]);
  },

  reduceSum: reduction('ReduceSum'),
  reduceMean: reduction('ReduceMean'),
  reduceMax: reduction('ReduceMax'),
  reduceMin: reduction('ReduceMin'),
  argmax: (emitter, { attrs }, inputs) =>
    emitter.emit('ArgMax', inputs, { attributes: { axis: int(attrs.axis), keepdims: int(0) } }),
  cumsum: (emitter, { attrs }, [x]) =>
    emitter.emit('CumSum', [x, emitter.smallConstant([attrs.axis], [], 'int64')], {
      attributes: {
        exclusive: int(attrs.exclusive ? 1 : 0),
        reverse: int(attrs.reverse ? 1 : 0),
      },
    }),

  matmul: (emitter, { attrs }, inputs) => {
    const { transposeA, transposeB, alpha } = attrs;
    if (!transposeA && !transposeB && alpha === 1) return emitter.emit('MatMul', inputs);
    return emitter.emit('FusedMatMul', inputs, {
      domain: MICROSOFT,
      attributes: {
        transA: int(transposeA ? 1 : 0),
        transB: int(transposeB ? 1 : 0),
        alpha: float(alpha),
      },
    });
  },

  reshape: (emitter, { inputs: [from], attrs }, [x]) => emitter.reshape(x, from.shape, attrs.shape),
  transpose: (emitter, { attrs }, inputs) =>
    emitter.emit('Transpose', inputs, { attributes: { perm: ints(attrs.perm) } }),
  expand: (emitter, { inputs: [from], shape }, [x]) =>
    sameShape(from.shape, shape)
      ? x
      : emitter.emit('Expand', [x, emitter.expandTarget(from.shape, shape)]),
  slice: (emitter, { inputs: [from], attrs }, [x]) =>
    emitter.emit('Slice', [
      x,
      emitter.size(attrs.start),
      emitter.bound(attrs.end, from.shape[attrs.axis]),
      emitter.vector(attrs.axis),
    ]),
  concat: (emitter, { attrs }, inputs) =>
    emitter.emit('Concat', inputs, { attributes: { axis: int(attrs.axis) } }),
  pad: (emitter, { attrs, shape, dtype }, [x]) =>
    emitter.emit('Pad', [
      x,
      paddings(emitter, shape.length, attrs),
      emitter.smallConstant([attrs.value], [], dtype),
    ]),

  gather: (emitter, { attrs }, inputs) =>
    emitter.emit('Gather', inputs, { attributes: { axis: int(attrs.axis) } }),
  scatterAdd: lowerScatterAdd,
  gatherElements: (emitter, { attrs }, inputs) =>
    emitter.emit('GatherElements', inputs, { attributes: { axis: int(attrs.axis) } }),
  scatterElementsAdd: (emitter, { attrs }, inputs) =>
    emitter.emit('ScatterElements', inputs, {
      attributes: { axis: int(attrs.axis), reduction: string('add') },
    }),
  topKValues: topK(0),
  topKIndices: topK(1),

  softmax: alongAxis('Softmax'),
  logSoftmax: alongAxis('LogSoftmax'),
  layerNorm: lowerLayerNorm,
  layerNormMean: lowerLayerStatistic,
  layerNormInvStd: lowerLayerStatistic,
  rmsNorm: lowerRmsNorm,
  rmsNormInvStd: lowerRmsStatistic,
  attention: lowerAttention,

  stopGradient: (_, __, [x]) => x,
  straightThrough: (_, __, [value]) => value,
};
