import { GlassboxError } from '../base/error.ts';
import { add, concat, scalar, zeros } from './build.ts';
import { addDims, type Dim, formatShape, sameShape } from './dim.ts';
import { type GradRule, gradRules, materialise } from './gradient-rules.ts';
import type { OpKind, Tensor } from './op.ts';
import { topologicalOrder } from './program.ts';

function problem(message: string, remedy: string): GlassboxError {
  return new GlassboxError(message, { code: 'bad-gradient', remedy });
}

/** The nodes a cotangent may have to pass: those that depend on `wrt`. */
function dependents(outputs: readonly Tensor[], wrt: readonly Tensor[]): Set<Tensor> {
  const found = new Set(wrt);
  for (const node of topologicalOrder(outputs)) {
    if (node.dtype === 'float32' && node.inputs.some((input) => found.has(input))) found.add(node);
  }
  return found;
}

/**
 * Cotangents of slices that together tile the axis they were cut from, as one concatenation:
 * splitting a tensor and differentiating must not cost a padded copy per piece.
 */
function tile(node: Tensor, parts: readonly Tensor[]): Tensor | undefined {
  const pads = parts.filter((part): part is Tensor<'pad'> => part.op === 'pad');
  if (pads.length < 2 || pads.length < parts.length) return undefined;
  const { axis } = pads[0].attrs;
  const pieces: Tensor[] = [];
  let end: Dim = 0;
  while (pads.length > 0) {
    const next = pads.findIndex(({ attrs }) => {
      return attrs.axis === axis && attrs.before === end && attrs.value === 0;
    });
    if (next < 0) return undefined;
    const [piece] = pads.splice(next, 1)[0].inputs;
    pieces.push(piece);
    end = addDims(end, piece.shape[axis]);
  }
  return end === node.shape[axis] ? concat(pieces, axis) : undefined;
}

function total(node: Tensor, parts: readonly Tensor[]): Tensor {
  return tile(node, parts) ?? parts.reduce((a, b) => add(a, b));
}

/**
 * Vector-Jacobian product: for each tensor of `wrt`, Σ over the outputs of cotangent · ∂output/∂wrt,
 * as new nodes. Each cotangent has the shape of its output; each result has the shape of its `wrt`,
 * which may be any float32 node, inputs and intermediate values alike. A tensor the outputs do not
 * depend on gets zeros. The result can be differentiated again. Throws `bad-gradient`.
 */
export function vjp(
  outputs: readonly Tensor[],
  cotangents: readonly Tensor[],
  wrt: readonly Tensor[],
): Tensor[] {
  if (outputs.length !== cotangents.length) {
    throw problem(
      `${outputs.length} outputs but ${cotangents.length} cotangents`,
      'Give one cotangent per output.',
    );
  }
  for (const tensor of [...outputs, ...wrt]) {
    if (tensor.dtype === 'float32') continue;
    throw problem(
      `${tensor.op} ${formatShape(tensor.shape)} is ${tensor.dtype} and has no gradient`,
      'Differentiate float32 tensors with respect to float32 tensors.',
    );
  }
  const parts = new Map<Tensor, Tensor[]>();
  const receive = (node: Tensor, g: Tensor) => {
    const list = parts.get(node);
    if (list) list.push(g);
    else parts.set(node, [g]);
  };
  outputs.forEach((output, i) => {
    if (!sameShape(cotangents[i].shape, output.shape)) {
      throw problem(
        `the cotangent of ${output.op} ${formatShape(output.shape)} has shape ${formatShape(cotangents[i].shape)}`,
        'Give the cotangent the shape of its output.',
      );
    }
    receive(output, cotangents[i]);
  });
  const reached = dependents(outputs, wrt);
  const result = new Map<Tensor, Tensor>();
  const wanted = new Set(wrt);
  for (const node of topologicalOrder(outputs).reverse()) {
    const list = parts.get(node);
    if (!list || !reached.has(node)) continue;
    parts.delete(node);
    const g = total(node, list);
    if (wanted.has(node)) result.set(node, materialise(g, node.shape));
    if (!node.inputs.some((input) => reached.has(input))) continue;
    const flows = (gradRules[node.op] as GradRule<OpKind>)(node, g);
    node.inputs.forEach((input, i) => {
      const flow = flows[i];
      if (flow && reached.has(input)) receive(input, flow);
    });
  }
  return wrt.map((tensor) => result.get(tensor) ?? zeros(tensor.shape));
}

/**
 * The gradient of a scalar with respect to each tensor of `wrt` by reverse-mode differentiation;
 * see {@link vjp}. Throws `bad-gradient` when the loss is no float32 scalar.
 */
export function grad(loss: Tensor, wrt: readonly Tensor[]): Tensor[] {
  if (loss.shape.length !== 0) {
    throw problem(
      `the loss is ${loss.op} ${formatShape(loss.shape)}, not a scalar`,
      'Reduce it with sum or mean first.',
    );
  }
  return vjp([loss], [scalar(1)], wrt);
}
