import {
  add,
  div,
  input,
  matmul,
  maximum,
  minimum,
  mul,
  reshape,
  sqrt,
  square,
  sub,
  sum,
} from '../../../graph/build.ts';
import type { Tensor } from '../../../graph/op.ts';
import type { Optimiser } from '../../../nn/index.ts';
import { type DictionaryTask, isTopK } from './rule.ts';
import type { ParamInputs } from './trace.ts';

/** State inputs come back as outputs with this prefix. */
export const NEXT = 'next/';
export const slotName = (slot: string, name: string): string => `slot/${slot}/${name}`;
const scalarName = (name: string): string => `hyper/${name}`;

/** The numbers an update is fed at a learning rate. */
export function updateScalars(
  optimiser: Optimiser,
  context: { readonly update: number; readonly lr: number },
): Record<string, number> {
  const values = optimiser.scalars({ ...context, weightDecay: 0 });
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [scalarName(name), value]),
  );
}

/**
 * New parameters and optimiser state. Gradients are clipped to a global norm; decoder rows of top-k kinds keep
 * length 1, and the part of a gradient along its row, which would only change the length, is taken out first.
 */
export function traceUpdate(
  task: DictionaryTask,
  options: {
    readonly params: ParamInputs;
    readonly gradients: Readonly<Record<string, Tensor>>;
    readonly optimiser: Optimiser;
    readonly clipNorm: number;
  },
): Record<string, Tensor> {
  const { params, optimiser, clipNorm } = options;
  const gradients: Record<string, Tensor> = { ...options.gradients };
  if (isTopK(task.rule)) {
    addEncoderBias(task, params, gradients);
    eachDecoder(task, (names) => removeParallel(names, params, gradients));
  }
  const names = Object.keys(params);
  const norm = sqrt(names.map((name) => sum(square(gradients[name]))).reduce((a, b) => add(a, b)));
  const clip = minimum(div(clipNorm, add(norm, 1e-6)), 1);
  const scalars = Object.fromEntries(
    Object.keys(optimiser.scalars({ update: 1, lr: 0, weightDecay: 0 })).map((name) => [
      name,
      input(scalarName(name), []),
    ]),
  );
  const next: Record<string, Tensor> = {};
  const outputs: Record<string, Tensor> = { gradNorm: norm };
  for (const name of names) {
    const slots = Object.fromEntries(
      optimiser.slots.map((slot) => [slot, input(slotName(slot, name), params[name].shape)]),
    );
    const updated = optimiser.update({
      param: params[name],
      grad: mul(gradients[name], clip),
      slots,
      scalars,
      weightDecay: 0,
    });
    next[name] = updated.param;
    for (const slot of optimiser.slots) {
      outputs[NEXT + slotName(slot, name)] = updated.slots[slot];
    }
  }
  if (isTopK(task.rule)) eachDecoder(task, (decoders) => normalise(decoders, next));
  // A feature with a negative threshold would pass on negative activations.
  for (const name of names) {
    if (name.endsWith('.threshold')) next[name] = maximum(next[name], 0);
  }
  for (const name of names) outputs[NEXT + name] = next[name];
  return outputs;
}

/**
 * What the encoder adds to the gradient of the reconstruction bias where inputs are centred: every row of the
 * batch sees the same bias, so it is −W_encᵀ · Σ over rows of the pre-activation gradient, which is that of b_enc.
 */
function addEncoderBias(
  task: DictionaryTask,
  params: ParamInputs,
  gradients: Record<string, Tensor>,
): void {
  if (!task.centreInput) return;
  task.parts.forEach(({ reads }, part) => {
    const row = reshape(gradients[`${part}.b_enc`], [1, task.dDict]);
    for (const i of reads.keys()) {
      const name = `${part}.b_dec.${i}`;
      const through = reshape(matmul(row, params[`${part}.W_enc.${i}`]), [task.dIn]);
      gradients[name] = sub(gradients[name], through);
    }
  });
}

function eachDecoder(task: DictionaryTask, act: (names: readonly string[]) => void): void {
  task.parts.forEach(({ writes }, part) => {
    act(writes.map((_, j) => `${part}.W_dec.${j}`));
  });
}

const rowSum = (x: Tensor): Tensor => sum(x, { axes: -1, keepDims: true });
const total = (terms: readonly Tensor[]): Tensor => terms.reduce((a, b) => add(a, b));

/** g − (g · w) w for rows w of length 1, over all writes of a feature together. */
function removeParallel(
  names: readonly string[],
  params: ParamInputs,
  gradients: Record<string, Tensor>,
): void {
  const along = total(names.map((name) => rowSum(mul(gradients[name], params[name]))));
  for (const name of names) gradients[name] = sub(gradients[name], mul(params[name], along));
}

function normalise(names: readonly string[], next: Record<string, Tensor>): void {
  const length = sqrt(total(names.map((name) => rowSum(square(next[name])))));
  for (const name of names) next[name] = div(next[name], maximum(length, 1e-8));
}
