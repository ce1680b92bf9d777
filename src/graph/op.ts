import type { Dim, Shape } from './dim.ts';

/** Element types. Compute is float32; int64 holds tokens and indices; bool holds masks. */
export type DType = 'float32' | 'int64' | 'bool';

/** The storage of each element type. A bool is one byte, 0 or 1. */
export type TypedData = Float32Array | BigInt64Array | Uint8Array;

/** A concrete array: what runtimes take and give. Row-major; `data.length` is the product of `shape`. */
export interface TensorData {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: TypedData;
}

interface None {
  readonly [key: string]: never;
}
interface Axis {
  readonly axis: number;
}
interface Reduce {
  readonly axes: readonly number[];
  readonly keepDims: boolean;
}
interface Epsilon {
  readonly epsilon: number;
}

/**
 * Every operation of the tracing language with its attributes. The set is closed: each table over
 * it (shape, gradient, batching, lowering, reference kernel) is total, so that an operation
 * without a rule does not compile. Axes are stored non-negative.
 */
export interface OpAttrs {
  // Leaves.
  input: { readonly name: string; readonly shape: Shape; readonly dtype: DType };
  constant: { readonly value: TensorData };
  /** The size of a dimension as an int64 scalar. */
  dimension: { readonly dim: Dim };
  /** int64 `[size]`: 0, 1, …, size − 1. */
  iota: { readonly size: Dim };

  // Elementwise, one input.
  neg: None;
  exp: None;
  log: None;
  sqrt: None;
  reciprocal: None;
  abs: None;
  sign: None;
  floor: None;
  sin: None;
  cos: None;
  tanh: None;
  sigmoid: None;
  erf: None;
  softplus: None;
  relu: None;
  silu: None;
  gelu: { readonly approximate: 'none' | 'tanh' };
  not: None;
  cast: { readonly dtype: DType };

  // Elementwise, two or three inputs, with broadcasting.
  add: None;
  sub: None;
  mul: None;
  div: None;
  pow: None;
  maximum: None;
  minimum: None;
  equal: None;
  less: None;
  greater: None;
  and: None;
  or: None;
  /** `where(condition, a, b)`. */
  where: None;

  // Reductions and scans.
  reduceSum: Reduce;
  reduceMean: Reduce;
  reduceMax: Reduce;
  reduceMin: Reduce;
  /** First index of the maximum along the axis, int64; the axis is removed. */
  argmax: Axis;
  cumsum: Axis & { readonly exclusive: boolean; readonly reverse: boolean };

  // Linear algebra.
  /** `alpha · op(a) @ op(b)`, batch dimensions broadcast; transposes apply to the last two axes. */
  matmul: { readonly transposeA: boolean; readonly transposeB: boolean; readonly alpha: number };

  // Layout.
  reshape: { readonly shape: Shape };
  transpose: { readonly perm: readonly number[] };
  /** Broadcast to a shape. */
  expand: { readonly shape: Shape };
  /** Elements `start <= i < end` along an axis. */
  slice: Axis & { readonly start: Dim; readonly end: Dim };
  concat: Axis;
  pad: Axis & { readonly before: Dim; readonly after: Dim; readonly value: number };

  // Indexing.
  /** `gather(data, indices)`: output shape = data[:axis] + indices.shape + data[axis+1:]. */
  gather: Axis;
  /** `scatterAdd(base, indices, updates)`: the adjoint of gather, added onto base. */
  scatterAdd: Axis;
  /** `gatherElements(data, indices)`: as torch.gather; ranks equal. */
  gatherElements: Axis;
  /** `scatterElementsAdd(base, indices, updates)`: the adjoint of gatherElements, added onto base. */
  scatterElementsAdd: Axis;
  topKValues: Axis & { readonly k: number };
  topKIndices: Axis & { readonly k: number };

  // Fused.
  softmax: Axis;
  logSoftmax: Axis;
  /** `layerNorm(x, scale, bias)` over the last axis. */
  layerNorm: Epsilon;
  /** Mean over the last axis of `layerNorm`'s x, kept as size 1. */
  layerNormMean: Epsilon;
  /** 1 / sqrt(variance + epsilon) over the last axis, kept as size 1. */
  layerNormInvStd: Epsilon;
  /** `rmsNorm(x, scale)` over the last axis. */
  rmsNorm: Epsilon;
  /** 1 / sqrt(mean(x²) + epsilon) over the last axis, kept as size 1. */
  rmsNormInvStd: Epsilon;
  /**
   * `attention(q, k, v, bias)`: softmax(scale · q kᵀ + bias) v with q `[batch, n_heads, pos, d_head]`,
   * k and v `[batch, n_heads, keys, d_head]`, bias broadcastable to `[batch, n_heads, pos, keys]`.
   */
  attention: { readonly scale: number };

  // Gradient control.
  stopGradient: None;
  /** `straightThrough(value, surrogate)`: the value forwards, the surrogate's gradient backwards. */
  straightThrough: None;
}

/** The name of an operation. */
export type OpKind = keyof OpAttrs;

/**
 * A traced tensor: an immutable node of the expression graph. `id` grows with creation, so inputs
 * always have smaller ids than the nodes that use them.
 */
export interface Tensor<K extends OpKind = OpKind> {
  readonly id: number;
  readonly op: K;
  readonly inputs: readonly Tensor[];
  readonly attrs: OpAttrs[K];
  readonly shape: Shape;
  readonly dtype: DType;
}

/** A table with one entry for every operation. */
export type OpTable<Rule extends { [K in OpKind]: unknown }> = { readonly [K in OpKind]: Rule[K] };
