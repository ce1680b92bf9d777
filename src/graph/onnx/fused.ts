import { sameShape } from '../dim.ts';
import type { Tensor } from '../op.ts';
import { type Emitter, float, int } from './emitter.ts';

type LayerStatistic = 'layerNormMean' | 'layerNormInvStd';

/** Which output of the ONNX operator carries which statistic; output 0 is the norm itself. */
const statisticOutputs: { readonly [S in LayerStatistic]: number } = {
  layerNormMean: 1,
  layerNormInvStd: 2,
};

function emitLayerNorm(
  emitter: Emitter,
  inputs: readonly string[],
  options: { epsilon: number; outputs: number },
): readonly string[] {
  return emitter.emitAll('LayerNormalization', inputs, {
    attributes: { axis: int(-1), epsilon: float(options.epsilon), stash_type: int(1) },
    outputs: options.outputs,
  });
}

const statisticsKey = (x: Tensor, epsilon: number): string =>
  `layer norm statistics ${x.id} ${epsilon}`;

/**
 * A layer norm. When the program also asks for the statistics of its input, they come out of the
 * same node, so that the backward pass and the `hook_scale` addresses cost no second pass over x.
 */
export function lowerLayerNorm(
  emitter: Emitter,
  node: Tensor<'layerNorm'>,
  inputs: readonly string[],
): string {
  const { epsilon } = node.attrs;
  const [x] = node.inputs;
  const wanted = emitter.graph.nodes.some(
    (other) =>
      Object.hasOwn(statisticOutputs, other.op) &&
      other.inputs[0] === x &&
      (other as Tensor<LayerStatistic>).attrs.epsilon === epsilon,
  );
  let own: readonly string[] | undefined;
  if (wanted) {
    emitter.share(statisticsKey(x, epsilon), () => {
      own = emitLayerNorm(emitter, inputs, { epsilon, outputs: 3 });
      return own;
    });
  }
  // Another norm of the same x, with another scale, may have taken the statistics along already.
  own ??= emitLayerNorm(emitter, inputs, { epsilon, outputs: 1 });
  return own[0];
}

/** A statistic of layer norm: an extra output of the norm of the same x, which may still be to come. */
export function lowerLayerStatistic(emitter: Emitter, node: Tensor<LayerStatistic>): string {
  const [x] = node.inputs;
  const { epsilon } = node.attrs;
  const names = emitter.share(statisticsKey(x, epsilon), () => {
    const host = emitter.graph.nodes.find(
      (other) =>
        other.op === 'layerNorm' &&
        other.inputs[0] === x &&
        (other as Tensor<'layerNorm'>).attrs.epsilon === epsilon &&
        other.inputs.every((input) => emitter.isLowered(input)),
    );
    if (!host) return statisticsAlone(emitter, x, epsilon);
    const inputs = host.inputs.map((input) => emitter.name(input));
    const outputs = emitLayerNorm(emitter, inputs, { epsilon, outputs: 3 });
    emitter.bind(host, outputs[0]);
    return outputs;
  });
  return names[statisticOutputs[node.op]];
}

function average(emitter: Emitter, value: string): string {
  return emitter.emit('ReduceMean', [value, emitter.vector(-1)], {
    attributes: { keepdims: int(1) },
  });
}

function inverseRoot(emitter: Emitter, variance: string, epsilon: number): string {
  const shifted = emitter.emit('Add', [variance, emitter.smallConstant([epsilon], [], 'float32')]);
  return emitter.emit('Reciprocal', [emitter.emit('Sqrt', [shifted])]);
}

/** Mean and inverse deviation of an x that no norm is taken of. */
function statisticsAlone(emitter: Emitter, x: Tensor, epsilon: number): readonly string[] {
  const name = emitter.name(x);
  const mean = average(emitter, name);
  const centred = emitter.emit('Sub', [name, mean]);
  const variance = average(emitter, emitter.emit('Mul', [centred, centred]));
  return ['', mean, inverseRoot(emitter, variance, epsilon)];
}

/** RMS norm: a contributed operator that ONNX Runtime keeps in the standard domain. */
export function lowerRmsNorm(
  emitter: Emitter,
  { attrs }: Tensor<'rmsNorm'>,
  inputs: readonly string[],
): string {
  return emitter.emit('SimplifiedLayerNormalization', inputs, {
    attributes: { axis: int(-1), epsilon: float(attrs.epsilon), stash_type: int(1) },
  });
}

/**
 * The norm's own second output is not used: on WebGPU it is wrong (onnxruntime-web 1.30), and on the
 * CPU these two passes cost no more than the norm itself.
 */
export function lowerRmsStatistic(
  emitter: Emitter,
  { attrs }: Tensor<'rmsNormInvStd'>,
  [x]: readonly string[],
): string {
  return inverseRoot(emitter, average(emitter, emitter.emit('Mul', [x, x])), attrs.epsilon);
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
