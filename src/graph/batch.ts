import { GlassboxError } from '../base/error.ts';
import {
  add,
  createNode,
  dimension,
  expand,
  gather,
  input,
  iota,
  layerNorm,
  matmul,
  mul,
  ones,
  reshape,
  rmsNorm,
  scatterAdd,
  transpose,
  zeros,
} from './build.ts';
import { type Dim, formatShape, multiplyDims, type Shape, sameShape } from './dim.ts';
import { vjp } from './gradient.ts';
import { attentionPattern } from './gradient-rules.ts';
import type { OpAttrs, OpKind, OpTable, Tensor } from './op.ts';
import { topologicalOrder } from './program.ts';

/** An input of a node that is being batched: `[k, ...shape]` where batched, `shape` where not. */
interface BatchInput {
  readonly tensor: Tensor;
  readonly batched: boolean;
}

/** The node over inputs of which some carry a leading axis of size `k`; so does the result. */
export type BatchRule<K extends OpKind> = (
  node: Tensor<K>,
  inputs: readonly BatchInput[],
  k: Dim,
) => Tensor;

/** A leaf depends on nothing, so nothing can give it the axis. */
const leaf: BatchRule<OpKind> = (node) => node;

/** Puts unit axes after the leading one, so that the rest lines up with a shape of `rank` axes. */
function align({ tensor, batched }: BatchInput, rank: number): Tensor {
  const missing = rank - (tensor.shape.length - 1);
  if (!batched || missing === 0) return tensor;
  const [k, ...rest] = tensor.shape;
  return reshape(tensor, [k, ...new Array<Dim>(missing).fill(1), ...rest]);
}

/** The tensor with the leading axis, repeated along it where it had none. */
function force({ tensor, batched }: BatchInput, k: Dim): Tensor {
  if (batched) return tensor;
  const uniform = tensor.op === 'expand' && tensor.inputs[0].shape.length === 0;
  return expand(uniform ? tensor.inputs[0] : tensor, [k, ...tensor.shape]);
}

/** Operations that broadcast their inputs: what is not batched stays as it is. */
const broadcast: BatchRule<OpKind> = (node, inputs) =>
  createNode(
    node.op,
    inputs.map((one) => align(one, node.shape.length)),
    node.attrs,
  );

type AxisKind = { [K in OpKind]: OpAttrs[K] extends { readonly axis: number } ? K : never }[OpKind];

/** Operations along one axis, which all inputs must carry at the same place. */
const alongAxis = <K extends AxisKind>(
  { op, attrs }: Tensor<K>,
  inputs: readonly BatchInput[],
  k: Dim,
): Tensor => {
  const shifted = { ...attrs, axis: (attrs as { axis: number }).axis + 1 };
  return createNode(
    op,
    inputs.map((one) => force(one, k)),
    shifted,
  );
};

type Reduction = 'reduceSum' | 'reduceMean' | 'reduceMax' | 'reduceMin';

const reduction = <K extends Reduction>({ op, attrs }: Tensor<K>, [x]: readonly BatchInput[]) =>
  createNode<Reduction>(op, [x.tensor], { ...attrs, axes: attrs.axes.map((axis) => axis + 1) });

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

/** `[k, ...shape]` with the axis of the unbatched shape brought to the second place. */
const axisSecond = (rank: number, axis: number): number[] => [
  0,
  axis + 1,
  ...range(1, axis + 1),
  ...range(axis + 2, rank + 1),
];

const inverse = (perm: readonly number[]) => perm.map((_, i) => perm.indexOf(i));

/**
 * Batched data read through batched indices: `[k, …, n, …]` becomes a table of k · n rows, and
 * indices count from the start of their own part of it.
 */
function table(data: Tensor, indices: Tensor, k: Dim, axis: number) {
  const moved = transpose(data, axisSecond(data.shape.length - 1, axis));
  const [, size, ...rest] = moved.shape;
  const start = mul(iota(k), dimension(size, 'int64'));
  const unit = indices.shape.slice(1).map(() => 1);
  return {
    moved: moved.shape,
    rows: reshape(moved, [multiplyDims(k, size), ...rest]),
    indices: add(indices, reshape(start, [k, ...unit])),
  };
}

/** From `[k, ...indices, ...before, ...after]` to `[k, ...before, ...indices, ...after]`. */
function indicesBehind(rank: number, indexRank: number, axis: number): number[] {
  const before = range(1 + indexRank, 1 + indexRank + axis);
  return [0, ...before, ...range(1, 1 + indexRank), ...range(1 + indexRank + axis, rank)];
}

const batchGather: BatchRule<'gather'> = ({ attrs: { axis }, shape }, [data, indices], k) => {
  if (!indices.batched) return gather(data.tensor, indices.tensor, axis + 1);
  if (!data.batched) {
    const rank = shape.length + 1;
    const out = gather(data.tensor, indices.tensor, axis);
    return transpose(out, [axis, ...range(0, axis), ...range(axis + 1, rank)]);
  }
  const flat = table(data.tensor, indices.tensor, k, axis);
  const picked = gather(flat.rows, flat.indices, 0);
  const indexRank = indices.tensor.shape.length - 1;
  return transpose(picked, indicesBehind(picked.shape.length, indexRank, axis));
};

const batchScatterAdd: BatchRule<'scatterAdd'> = (node, [base, indices, updates], k) => {
  const { axis } = node.attrs;
  const all = [force(base, k), force(updates, k)];
  if (!indices.batched) return scatterAdd(all[0], indices.tensor, all[1], axis + 1);
  const flat = table(all[0], indices.tensor, k, axis);
  const indexRank = indices.tensor.shape.length - 1;
  const order = indicesBehind(all[1].shape.length, indexRank, axis);
  const sums = scatterAdd(flat.rows, flat.indices, transpose(all[1], inverse(order)), 0);
  return transpose(reshape(sums, flat.moved), inverse(axisSecond(node.shape.length, axis)));
};

/** How every operation carries an extra leading axis. */
export const batchRules: OpTable<{ [K in OpKind]: BatchRule<K> }> = {
  input: leaf,
  constant: leaf,
  dimension: leaf,
  iota: leaf,

  neg: broadcast,
  exp: broadcast,
  log: broadcast,
  sqrt: broadcast,
  reciprocal: broadcast,
  abs: broadcast,
  sign: broadcast,
  floor: broadcast,
  sin: broadcast,
  cos: broadcast,
  tanh: broadcast,
  sigmoid: broadcast,
  erf: broadcast,
  softplus: broadcast,
  relu: broadcast,
  silu: broadcast,
  gelu: broadcast,
  not: broadcast,
  cast: broadcast,

  add: broadcast,
  sub: broadcast,
  mul: broadcast,
  div: broadcast,
  pow: broadcast,
  maximum: broadcast,
  minimum: broadcast,
  equal: broadcast,
  less: broadcast,
  greater: broadcast,
  and: broadcast,
  or: broadcast,
  where: broadcast,

  reduceSum: reduction,
  reduceMean: reduction,
  reduceMax: reduction,
  reduceMin: reduction,
  argmax: alongAxis,
  cumsum: alongAxis,

  // A shared matrix broadcasts over the new axis, so one product serves all of the batch.
  matmul: broadcast,

  reshape: ({ attrs }, [x], k) => reshape(x.tensor, [k, ...attrs.shape]),
  transpose: ({ attrs }, [x]) => transpose(x.tensor, [0, ...attrs.perm.map((axis) => axis + 1)]),
  expand: ({ attrs }, [x], k) => expand(align(x, attrs.shape.length), [k, ...attrs.shape]),
  slice: alongAxis,
  concat: alongAxis,
  pad: alongAxis,

  gather: batchGather,
  scatterAdd: batchScatterAdd,
  gatherElements: alongAxis,
  scatterElementsAdd: alongAxis,
  topKValues: alongAxis,
  topKIndices: alongAxis,

  softmax: alongAxis,
  logSoftmax: alongAxis,
  layerNorm: ({ attrs: { epsilon }, shape }, [x, scale, bias]) => {
    if (!scale.batched && !bias.batched) {
      return layerNorm(x.tensor, scale.tensor, bias.tensor, epsilon);
    }
    const last = shape.slice(-1);
    const normalized = layerNorm(x.tensor, ones(last), zeros(last), epsilon);
    return add(mul(normalized, align(scale, shape.length)), align(bias, shape.length));
  },
  layerNormMean: broadcast,
  layerNormInvStd: broadcast,
  rmsNorm: ({ attrs: { epsilon }, shape }, [x, scale]) => {
    if (!scale.batched) return rmsNorm(x.tensor, scale.tensor, epsilon);
    const normalized = rmsNorm(x.tensor, ones(shape.slice(-1)), epsilon);
    return mul(normalized, align(scale, shape.length));
  },
  rmsNormInvStd: broadcast,
  attention: ({ attrs: { scale } }, inputs) => {
    const [q, k, v, bias] = inputs.map((one) => align(one, 4));
    return matmul(attentionPattern(q, k, bias, scale), v);
  },

  stopGradient: broadcast,
  straightThrough: ({ op, attrs }, inputs, k) =>
    createNode(
      op,
      inputs.map((one) => force(one, k)),
      attrs,
    ),
};

function wrongBatch(original: Tensor, batched: Tensor, k: Dim): GlassboxError {
  const expected: Shape = [k, ...original.shape];
  return new GlassboxError(
    `the batch for ${original.op} ${formatShape(original.shape)} is ${batched.dtype} ${formatShape(batched.shape)}, expected ${original.dtype} ${formatShape(expected)}`,
    {
      code: 'bad-batch',
      remedy: 'Stack the values along one new leading axis of the same size everywhere.',
    },
  );
}

/**
 * Recomputes outputs for many values of some nodes at once. Each replacement has the shape of its
 * node with one extra leading axis `k`, the same for all; everything that depends on a replaced node
 * is rebuilt with that axis, everything else is shared and computed once. Returns each output as
 * `[k, ...shape]`. Throws `bad-batch` when a replacement does not fit.
 */
export function batchOver(
  outputs: readonly Tensor[],
  replacements: ReadonlyMap<Tensor, Tensor>,
): Tensor[] {
  const [first] = replacements.values();
  if (!first) {
    throw new GlassboxError('no node is replaced by a batch', {
      code: 'bad-batch',
      remedy: 'Give a batch of values for at least one node.',
    });
  }
  const k = first.shape[0] ?? 1;
  for (const [original, batched] of replacements) {
    const fits = sameShape(batched.shape, [k, ...original.shape]);
    if (!fits || batched.dtype !== original.dtype) throw wrongBatch(original, batched, k);
  }
  const done = new Map(replacements);
  for (const node of topologicalOrder(outputs)) {
    if (done.has(node) || !node.inputs.some((one) => done.has(one))) continue;
    const inputs = node.inputs.map((one) => ({
      tensor: done.get(one) ?? one,
      batched: done.has(one),
    }));
    done.set(node, (batchRules[node.op] as BatchRule<OpKind>)(node, inputs, k));
  }
  return outputs.map((output) => done.get(output) ?? expand(output, [k, ...output.shape]));
}

/**
 * Many vector-Jacobian products of the same outputs in one backward pass: as {@link vjp} for each
 * entry of the leading axis. Each cotangent is `[k, ...output.shape]` and each result
 * `[k, ...wrt.shape]`. The forward values are computed once, and a product with a shared matrix
 * stays one product. Throws `bad-gradient` or `bad-batch`.
 */
export function batchedVjp(
  outputs: readonly Tensor[],
  cotangents: readonly Tensor[],
  wrt: readonly Tensor[],
): Tensor[] {
  const single = outputs.map((output, i) => input(`cotangent ${i}`, output.shape));
  const grads = vjp(outputs, single.slice(0, cotangents.length), wrt);
  return batchOver(grads, new Map(single.map((one, i) => [one, cotangents[i]])));
}
