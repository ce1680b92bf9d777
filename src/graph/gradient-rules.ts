import {
  add,
  cast,
  cos,
  cumsum,
  dimension,
  div,
  equal,
  erf,
  exp,
  expand,
  gather,
  gatherElements,
  greater,
  layerNormInvStd,
  layerNormMean,
  log,
  matmul,
  mul,
  neg,
  pad,
  pow,
  reshape,
  rmsNormInvStd,
  scatterAdd,
  scatterElementsAdd,
  sigmoid,
  sign,
  sin,
  slice,
  softmax,
  square,
  sub,
  sum,
  topK,
  transpose,
  where,
  zeros,
} from './build.ts';
import {
  addDims,
  type Dim,
  multiplyDims,
  type Shape,
  sameShape,
  sizeOf,
  subtractDims,
} from './dim.ts';
import type { OpKind, OpTable, Tensor } from './op.ts';

/**
 * The cotangents of a node's inputs given the node and its own cotangent `g`; null where no
 * gradient flows. A cotangent has the rank of its tensor, and may have size 1 along an axis where
 * it is constant: what broadcasts later is not written out now.
 */
export type GradRule<K extends OpKind> = (node: Tensor<K>, g: Tensor) => readonly (Tensor | null)[];

/** The pattern of scaled dot-product attention from primitives, `[batch, n_heads, pos, keys]`. */
export function attentionPattern(q: Tensor, k: Tensor, bias: Tensor, scale: number): Tensor {
  return softmax(add(matmul(q, k, { transposeB: true, alpha: scale }), bias));
}

/** Writes out a cotangent that is constant along some axes. */
export function materialise(g: Tensor, shape: Shape): Tensor {
  return sameShape(g.shape, shape) ? g : expand(g, shape);
}

/** x divided by a dimension, which may be symbolic. */
function over(x: Tensor, size: Dim): Tensor {
  return typeof size === 'number' ? mul(x, 1 / size) : div(x, dimension(size));
}

/**
 * The adjoint of broadcasting `target` to `full`: sums `g` over the axes that were repeated. Along
 * an axis where `g` itself was not written out, the sum is a product with the axis size.
 */
function unbroadcast(g: Tensor, full: Shape, target: Shape): Tensor {
  const offset = full.length - target.length;
  const repeated = (i: number) => i < offset || (target[i - offset] === 1 && full[i] !== 1);
  const axes = full.flatMap((_, i) => (repeated(i) && g.shape[i] !== 1 ? [i] : []));
  const factor = full.reduce<Dim>(
    (product, dim, i) => (repeated(i) && g.shape[i] === 1 ? multiplyDims(product, dim) : product),
    1,
  );
  const shape = g.shape.slice(offset).map((dim, i) => (repeated(i + offset) ? 1 : dim));
  const total = axes.length === 0 ? g : sum(g, { axes, keepDims: axes.every((i) => i >= offset) });
  const shaped = sameShape(total.shape, shape) ? total : reshape(total, shape);
  return factor === 1 ? shaped : mul(shaped, dimension(factor));
}

/** Gives a rule its cotangent written out. */
const whole =
  <K extends OpKind>(rule: GradRule<K>): GradRule<K> =>
  (node, g) =>
    rule(node, materialise(g, node.shape));

/** A differentiable elementwise function of one input. */
const elementwise =
  <K extends OpKind>(derivative: (g: Tensor, x: Tensor, y: Tensor, node: Tensor<K>) => Tensor) =>
  (node: Tensor<K>, g: Tensor) => [derivative(g, node.inputs[0], node, node)];

/** An elementwise function of two broadcast inputs. */
const broadcasting =
  <K extends OpKind>(
    partials: (g: Tensor, a: Tensor, b: Tensor, y: Tensor) => readonly (Tensor | null)[],
  ): GradRule<K> =>
  (node, g) =>
    partials(g, node.inputs[0], node.inputs[1], node).map(
      (partial, i) => partial && unbroadcast(partial, node.shape, node.inputs[i].shape),
    );

/** No gradient: the value is discrete, constant, or piecewise constant. */
const none: GradRule<OpKind> = (node) => node.inputs.map(() => null);

type Reduction = 'reduceSum' | 'reduceMean' | 'reduceMax' | 'reduceMin';

/** Puts the axes of a reduction back, as size 1. */
function restoreAxes({ inputs, attrs }: Tensor<Reduction>, g: Tensor): Tensor {
  if (attrs.keepDims) return g;
  const dims = [...g.shape];
  return reshape(
    g,
    inputs[0].shape.map((_, i) => (attrs.axes.includes(i) ? 1 : dims.shift()!)),
  );
}

/** The gradient of an extremum goes to where it is reached, in equal parts to ties. */
const extremum: GradRule<'reduceMax' | 'reduceMin'> = (node, g) => {
  const [x] = node.inputs;
  const { axes } = node.attrs;
  const share = cast(equal(x, restoreAxes(node, node)), 'float32');
  const restored = restoreAxes(node, g);
  return [mul(share, div(restored, sum(share, { axes, keepDims: true })))];
};

const lastDim = (x: Tensor): Dim => x.shape[x.shape.length - 1];

/** scale / d as a column, so that a mean over the last axis weighted by scale is one product. */
const meanColumn = (x: Tensor, scale: Tensor): Tensor =>
  reshape(over(scale, lastDim(x)), [lastDim(x), 1]);

/** The value of a constant that holds one number. */
function constantValue(x: Tensor): number | undefined {
  if (x.op !== 'constant' || sizeOf(x.shape) !== 1) return undefined;
  return Number((x as Tensor<'constant'>).attrs.value.data[0]);
}

/** `x @ column` where x may be a single vector. */
function matmulRows(x: Tensor, column: Tensor): Tensor {
  if (x.shape.length > 1) return matmul(x, column);
  return reshape(matmul(reshape(x, [1, lastDim(x)]), column), [1]);
}

/**
 * The indices and updates of a cotangent that is zero but for entries picked along an axis, one
 * set of picks for every position of the other axes.
 */
function pickedEntries(g: Tensor, axis: number): { indices: Tensor; updates: Tensor } | undefined {
  if (g.op !== 'scatterElementsAdd') return undefined;
  const [base, indices, updates] = g.inputs;
  const blank = base.op === 'expand' && constantValue(base.inputs[0]) === 0;
  const others = updates.shape.every((dim, i) => i === axis || dim === g.shape[i]);
  const along = (g as Tensor<'scatterElementsAdd'>).attrs.axis === axis;
  return blank && others && along ? { indices, updates } : undefined;
}

/** Φ(x) + x φ(x), in half units: with z = x/√2, ½ (1 + erf z + z · 2/√π · exp(−z²)). */
function geluDerivative(x: Tensor): Tensor {
  const z = mul(x, Math.SQRT1_2);
  const bell = mul(z, exp(sub(Math.log(2 / Math.sqrt(Math.PI)), square(z))));
  return mul(add(add(erf(z), bell), 1), 0.5);
}

/**
 * With y = x s and s = sigmoid(u), u = x (c + c · 0.044715 x²), c = √(8/π): s + y (1 − s) u′. Few
 * passes over memory matter more here than anywhere else in a training step.
 */
function geluTanhDerivative(x: Tensor, y: Tensor): Tensor {
  const c = Math.sqrt(8 / Math.PI);
  const x2 = square(x);
  const s = sigmoid(mul(x, add(mul(x2, c * 0.044715), c)));
  const inner = mul(y, add(mul(x2, 3 * c * 0.044715), c));
  return add(mul(s, sub(1, inner)), inner);
}

/** Collapses all axes but the last. */
const rows = (x: Tensor): Tensor => reshape(x, [sizeOf(x.shape.slice(0, -1)), lastDim(x)]);

/** How gradients flow back through every operation. */
export const gradRules: OpTable<{ [K in OpKind]: GradRule<K> }> = {
  input: none,
  constant: none,
  dimension: none,
  iota: none,

  neg: elementwise((g) => neg(g)),
  exp: elementwise((g, _, y) => mul(g, y)),
  log: elementwise((g, x) => div(g, x)),
  // 1 / (2 y)
  sqrt: elementwise((g, _, y) => div(mul(g, 0.5), y)),
  // −y²
  reciprocal: elementwise((g, _, y) => neg(mul(g, square(y)))),
  abs: elementwise((g, x) => mul(g, sign(x))),
  sign: none,
  floor: none,
  sin: elementwise((g, x) => mul(g, cos(x))),
  cos: elementwise((g, x) => neg(mul(g, sin(x)))),
  // 1 − y²
  tanh: elementwise((g, _, y) => mul(g, sub(1, square(y)))),
  // y (1 − y)
  sigmoid: elementwise((g, _, y) => mul(g, mul(y, sub(1, y)))),
  // 2/√π · exp(−x²) = exp(log(2/√π) − x²)
  erf: elementwise((g, x) => mul(g, exp(sub(Math.log(2 / Math.sqrt(Math.PI)), square(x))))),
  softplus: elementwise((g, x) => mul(g, sigmoid(x))),
  // The sign of the result is 1 where it passes and 0 elsewhere.
  relu: elementwise((g, _, y) => mul(g, sign(y))),
  // With s = sigmoid(x): s + x s (1 − s) = s (1 − y) + y
  silu: elementwise((g, x, y) => mul(g, add(mul(sigmoid(x), sub(1, y)), y))),
  gelu: elementwise((g, x, y, { attrs }) =>
    mul(g, attrs.approximate === 'tanh' ? geluTanhDerivative(x, y) : geluDerivative(x)),
  ),
  not: none,
  cast: (node, g) => [node.inputs[0].dtype === 'float32' ? g : null],

  add: broadcasting((g) => [g, g]),
  sub: broadcasting((g) => [g, neg(g)]),
  mul: broadcasting((g, a, b) => (a === b ? [mul(mul(g, 2), a), null] : [mul(g, b), mul(g, a)])),
  // d/db a/b = −y / b
  div: broadcasting((g, _, b, y) => {
    const da = div(g, b);
    return [da, neg(mul(da, y))];
  }),
  // b a^(b − 1) and y log a, the latter taken as 0 where a is not positive
  pow: broadcasting((g, a, b, y) => {
    const exponent = constantValue(b);
    const lowered = exponent === 2 ? a : pow(a, exponent === undefined ? sub(b, 1) : exponent - 1);
    const logarithm = log(where(greater(a, 0), a, 1));
    return [mul(mul(g, b), lowered), mul(g, mul(y, logarithm))];
  }),
  // sign(a − b) is 1, 0 or −1: all of the gradient, half of it at a tie, or none.
  maximum: broadcasting((g, a, b) => {
    const half = mul(sign(sub(a, b)), 0.5);
    return [mul(g, add(half, 0.5)), mul(g, sub(0.5, half))];
  }),
  minimum: broadcasting((g, a, b) => {
    const half = mul(sign(sub(a, b)), 0.5);
    return [mul(g, sub(0.5, half)), mul(g, add(half, 0.5))];
  }),
  equal: none,
  less: none,
  greater: none,
  and: none,
  or: none,
  where: (node, g) => {
    const [condition, a, b] = node.inputs;
    const full = materialise(g, node.shape);
    return [
      null,
      unbroadcast(where(condition, full, 0), node.shape, a.shape),
      unbroadcast(where(condition, 0, full), node.shape, b.shape),
    ];
  },

  reduceSum: (node, g) => [restoreAxes(node, g)],
  reduceMean: (node, g) => {
    const size = sizeOf(node.attrs.axes.map((axis) => node.inputs[0].shape[axis]));
    return [restoreAxes(node, over(g, size))];
  },
  reduceMax: extremum as GradRule<'reduceMax'>,
  reduceMin: extremum as GradRule<'reduceMin'>,
  argmax: none,
  cumsum: whole(({ attrs }, g) => [cumsum(g, { ...attrs, reverse: !attrs.reverse })]),

  // y = α A B: dA = α g Bᵀ and dB = α Aᵀ g, with the transposes moved into the products.
  matmul: whole((node, g) => {
    const [a, b] = node.inputs;
    const { transposeA, transposeB, alpha } = node.attrs;
    const da = transposeA
      ? matmul(b, g, { transposeA: transposeB, transposeB: true, alpha })
      : matmul(g, b, { transposeB: !transposeB, alpha });
    // A matrix shared by all batches gets its gradient from one product over all rows at once.
    const shared = b.shape.length === 2 && a.shape.length > 2 && !transposeA;
    const [left, right] = shared ? [rows(a), rows(g)] : [a, g];
    const db = transposeB
      ? matmul(right, left, { transposeA: true, transposeB: transposeA, alpha })
      : matmul(left, right, { transposeA: !transposeA, alpha });
    return [unbroadcast(da, da.shape, a.shape), unbroadcast(db, db.shape, b.shape)];
  }),

  reshape: (node, g) => {
    const { shape } = node.inputs[0];
    if (g.shape.every((dim) => dim === 1))
      return [
        reshape(
          g,
          shape.map(() => 1),
        ),
      ];
    return [reshape(materialise(g, node.shape), shape)];
  },
  transpose: ({ attrs }, g) => [
    transpose(
      g,
      attrs.perm.map((_, i) => attrs.perm.indexOf(i)),
    ),
  ],
  expand: (node, g) => [unbroadcast(g, node.shape, node.inputs[0].shape)],
  slice: whole(({ inputs: [x], attrs: { axis, start, end } }, g) => [
    pad(g, { axis, before: start, after: subtractDims(x.shape[axis], end) }),
  ]),
  concat: whole(({ inputs, attrs: { axis } }, g) => {
    let start: Dim = 0;
    return inputs.map((piece) => {
      const end = addDims(start, piece.shape[axis]);
      const part = slice(g, { axis, start, end });
      start = end;
      return part;
    });
  }),
  pad: whole(({ inputs: [x], attrs: { axis, before } }, g) => [
    slice(g, { axis, start: before, end: addDims(before, x.shape[axis]) }),
  ]),

  gather: whole(({ inputs: [data, indices], attrs: { axis } }, g) => [
    scatterAdd(zeros(data.shape), indices, g, axis),
    null,
  ]),
  scatterAdd: whole(({ inputs: [, indices], attrs: { axis } }, g) => [
    g,
    null,
    gather(g, indices, axis),
  ]),
  gatherElements: whole(({ inputs: [data, indices], attrs: { axis } }, g) => [
    scatterElementsAdd(zeros(data.shape), indices, g, axis),
    null,
  ]),
  scatterElementsAdd: whole(({ inputs: [, indices], attrs: { axis } }, g) => [
    g,
    null,
    gatherElements(g, indices, axis),
  ]),
  topKValues: whole(({ inputs: [x], attrs: { axis, k } }, g) => [
    scatterElementsAdd(zeros(x.shape), topK(x, k, { axis }).indices, g, axis),
  ]),
  topKIndices: none,

  // y (g − Σ g y)
  softmax: (y, g) => [mul(y, sub(g, sum(mul(g, y), { axes: y.attrs.axis, keepDims: true })))],
  // g − exp(y) Σ g. A cotangent that only marks a few entries is added onto the dense part, so
  // that the loss of a large vocabulary makes one dense array and not two.
  logSoftmax: whole((y, g) => {
    const { axis } = y.attrs;
    const picked = pickedEntries(g, axis);
    const total = sum(picked?.updates ?? g, { axes: axis, keepDims: true });
    const dense = mul(exp(y), neg(total));
    return [
      picked ? scatterElementsAdd(dense, picked.indices, picked.updates, axis) : add(dense, g),
    ];
  }),
  // With x̂ = (x − μ) r and h = g · scale: dx = r (h − mean(h) − x̂ mean(h x̂)).
  layerNorm: whole(({ inputs: [x, scale, bias], attrs: { epsilon } }, g) => {
    const r = layerNormInvStd(x, epsilon);
    const normalized = mul(sub(x, layerNormMean(x, epsilon)), r);
    const gx = mul(g, normalized);
    const column = meanColumn(x, scale);
    const along = add(mul(normalized, matmulRows(gx, column)), matmulRows(g, column));
    return [
      mul(sub(mul(g, scale), along), r),
      unbroadcast(gx, x.shape, scale.shape),
      unbroadcast(g, x.shape, bias.shape),
    ];
  }),
  // 1 / d
  layerNormMean: ({ inputs: [x] }, g) => [over(g, lastDim(x))],
  // −r³ (x − μ) / d
  layerNormInvStd: (r, g) => {
    const [x] = r.inputs;
    const cubed = mul(r, square(r));
    const factor = over(neg(mul(g, cubed)), lastDim(x));
    return [mul(sub(x, layerNormMean(x, r.attrs.epsilon)), factor)];
  },
  // With x̂ = x r and h = g · scale: dx = r (h − x̂ mean(h x̂)).
  rmsNorm: whole(({ inputs: [x, scale], attrs: { epsilon } }, g) => {
    const r = rmsNormInvStd(x, epsilon);
    const normalized = mul(x, r);
    const gx = mul(g, normalized);
    const along = mul(normalized, matmulRows(gx, meanColumn(x, scale)));
    return [mul(sub(mul(g, scale), along), r), unbroadcast(gx, x.shape, scale.shape)];
  }),
  // −r³ x / d
  rmsNormInvStd: (r, g) => {
    const [x] = r.inputs;
    return [mul(x, over(neg(mul(g, mul(r, square(r)))), lastDim(x)))];
  },
  // With pattern P: dS = P (g vᵀ − Σ g y), the row sums being those of dP · P without its d_head
  // fold repetition (Dao et al. 2022, appendix B).
  attention: whole((y, g) => {
    const [q, k, v, bias] = y.inputs;
    const { scale } = y.attrs;
    const pattern = attentionPattern(q, k, bias, scale);
    const rowSums = sum(mul(g, y), { axes: -1, keepDims: true });
    const scores = mul(pattern, sub(matmul(g, v, { transposeB: true }), rowSums));
    return [
      matmul(scores, k, { alpha: scale }),
      matmul(scores, q, { transposeA: true, alpha: scale }),
      matmul(pattern, g, { transposeA: true }),
      unbroadcast(scores, scores.shape, bias.shape),
    ];
  }),

  stopGradient: none,
  straightThrough: (_, g) => [null, g],
};
