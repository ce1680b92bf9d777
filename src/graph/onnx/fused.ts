import { sameShape } from '../dim.ts';
import type { Tensor } from '../op.ts';
import { type Emitter, float, int } from './emitter.ts';

type NormOp = 'layerNorm' | 'rmsNorm';
type StatisticOp = 'layerNormMean' | 'layerNormInvStd' | 'rmsNormInvStd';

interface NormKind {
  readonly op: string;
  /** Which output carries which statistic. */
  readonly outputs: { readonly mean?: number; readonly invStd: number };
  readonly affine: number;
}

const kinds: { readonly [K in NormOp]: NormKind } = {
  layerNorm: { op: 'LayerNormalization', outputs: { mean: 1, invStd: 2 }, affine: 2 },
  // A contributed operator that ONNX Runtime keeps in the standard domain.
  rmsNorm: { op: 'SimplifiedLayerNormalization', outputs: { invStd: 1 }, affine: 1 },
};

const normOf: { readonly [K in StatisticOp]: NormOp } = {
  layerNormMean: 'layerNorm',
  layerNormInvStd: 'layerNorm',
  rmsNormInvStd: 'rmsNorm',
};

function emitNorm(
  emitter: Emitter,
  kind: NormOp,
  inputs: readonly string[],
  epsilon: number,
  withStatistics: boolean,
): readonly string[] {
  const { op, outputs } = kinds[kind];
  return emitter.emitAll(op, inputs, {
    attributes: { axis: int(-1), epsilon: float(epsilon), stash_type: int(1) },
    outputs: withStatistics ? Math.max(outputs.mean ?? 0, outputs.invStd) + 1 : 1,
  });
}

const statisticsKey = (kind: NormOp, x: Tensor, epsilon: number): string =>
  `${kind} statistics ${x.id} ${epsilon}`;

/**
 * A norm. When the program also asks for the statistics of its input, they come out of the same
 * node, so that the backward pass and the `hook_scale` addresses cost no second pass over x.
 */
export function lowerNorm(
  emitter: Emitter,
  node: Tensor<NormOp>,
  inputs: readonly string[],
): string {
  const { op, attrs } = node;
  const [x] = node.inputs;
  const wanted = emitter.graph.nodes.some(
    (other) =>
      (other.op === `${op}Mean` || other.op === `${op}InvStd`) &&
      other.inputs[0] === x &&
      (other as Tensor<StatisticOp>).attrs.epsilon === attrs.epsilon,
  );
  if (!wanted) return emitNorm(emitter, op, inputs, attrs.epsilon, false)[0];
  let value: string | undefined;
  emitter.share(statisticsKey(op, x, attrs.epsilon), () => {
    const outputs = emitNorm(emitter, op, inputs, attrs.epsilon, true);
    value = outputs[0];
    return outputs;
  });
  return value ?? emitNorm(emitter, op, inputs, attrs.epsilon, false)[0];
}

/** A statistic of a norm: an extra output of the norm of the same x, which may still be to come. */
export function lowerNormStatistic(
  emitter: Emitter,
  node: Tensor<StatisticOp>,
  statistic: 'mean' | 'invStd',
): string {
  const kind = normOf[node.op];
  const [x] = node.inputs;
  const { epsilon } = node.attrs;
  const names = emitter.share(statisticsKey(kind, x, epsilon), () => {
    const host = emitter.graph.nodes.find(
      (other) =>
        other.op === kind &&
        other.inputs[0] === x &&
        (other as Tensor<NormOp>).attrs.epsilon === epsilon &&
        other.inputs.every((input) => emitter.isLowered(input)),
    );
    if (host) {
      const names = emitNorm(
        emitter,
        kind,
        host.inputs.map((input) => emitter.name(input)),
        epsilon,
        true,
      );
      emitter.bind(host, names[0]);
      return names;
    }
    const width = emitter.staticSize(x.shape.at(-1)!);
    return width === undefined
      ? primitiveStatistics(emitter, kind, x, epsilon)
      : unitNorm(emitter, kind, x, epsilon, width);
  });
  return names[kinds[kind].outputs[statistic]!];
}

/** The statistics from a norm whose own value nobody looks at. */
function unitNorm(
  emitter: Emitter,
  kind: NormOp,
  x: Tensor,
  epsilon: number,
  width: number,
): readonly string[] {
  const fill = (value: number) =>
    emitter.share(`fill ${value} ${width}`, () => [
      emitter.constant({
        dtype: 'float32',
        shape: [width],
        data: new Float32Array(width).fill(value),
      }),
    ])[0];
  const inputs = [emitter.name(x), fill(1)];
  if (kinds[kind].affine === 2) inputs.push(fill(0));
  return emitNorm(emitter, kind, inputs, epsilon, true);
}

function primitiveStatistics(
  emitter: Emitter,
  kind: NormOp,
  x: Tensor,
  epsilon: number,
): readonly string[] {
  const axis = emitter.vector(-1);
  const average = (value: string) =>
    emitter.emit('ReduceMean', [value, axis], { attributes: { keepdims: int(1) } });
  const name = emitter.name(x);
  const mean = kind === 'layerNorm' ? average(name) : undefined;
  const centred = mean === undefined ? name : emitter.emit('Sub', [name, mean]);
  const variance = average(emitter.emit('Mul', [centred, centred]));
  const shifted = emitter.emit('Add', [variance, emitter.smallConstant([epsilon], [], 'float32')]);
  const invStd = emitter.emit('Reciprocal', [emitter.emit('Sqrt', [shifted])]);
  return mean === undefined ? ['', invStd] : ['', mean, invStd];
}

/**
 * softmax(scale · q kᵀ + bias) v as the operator of operator set 23, whose kernel works head by head
 * and so keeps the scores in cache.
 */
export function lowerAttention(
  emitter: Emitter,
  node: Tensor<'attention'>,
  [q, k, v, bias]: readonly string[],
): string {
  const [qTensor, kTensor, , biasTensor] = node.inputs;
  const given = biasTensor.shape;
  // ONNX Runtime broadcasts the bias over batch and heads, but not over positions and keys.
  const target = [...given.slice(0, -2), qTensor.shape[2], kTensor.shape[2]];
  const full = sameShape(given, target)
    ? bias
    : emitter.emit('Expand', [bias, emitter.expandTarget(given, target)]);
  return emitter.emit('Attention', [q, k, v, full], {
    attributes: { scale: float(node.attrs.scale) },
  });
}
