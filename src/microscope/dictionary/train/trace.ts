import {
  add,
  input,
  matmul,
  mean,
  mul,
  square,
  stopGradient,
  sub,
  sum,
} from '../../../graph/build.ts';
import type { Tensor } from '../../../graph/op.ts';
import { biasOwner, type DictionaryTask, taskTargets } from './rule.ts';

/** Parameters of a task as inputs of a program, by `PART.NAME`. */
export type ParamInputs = Readonly<Record<string, Tensor>>;

/** What a traced step starts from. */
export interface StepInputs {
  readonly task: DictionaryTask;
  /** Rows per step. */
  readonly rows: number;
  readonly params: ParamInputs;
  /** Scaled activations `[rows, width]` by address. */
  readonly x: Readonly<Record<string, Tensor>>;
}

/** The name under which activations of an address are fed. */
export const feedName = (address: string): string => `x/${address}`;

/** Declares parameters and activations as program inputs. */
export function stepInputs(
  task: DictionaryTask,
  options: {
    readonly rows: number;
    readonly shapes: Readonly<Record<string, readonly number[]>>;
    readonly scales: Readonly<Record<string, number>>;
  },
): StepInputs {
  const { rows, shapes, scales } = options;
  const params = Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => [name, input(name, shape)]),
  );
  const width = new Map<string, number>();
  for (const { reads, writes } of task.parts) {
    for (const address of reads) width.set(address, task.dIn);
    for (const address of writes) width.set(address, task.dOut);
  }
  const x = Object.fromEntries(
    [...width].map(([address, size]) => {
      const raw = input(feedName(address), [rows, size]);
      return [address, scales[address] === 1 ? raw : mul(raw, scales[address])];
    }),
  );
  return { task, rows, params, x };
}

/**
 * x W_encᵀ over all addresses read by a part, `[rows, d_dict]`, without bias.
 *
 * @param options.detach hold the reconstruction bias constant, where its gradient is worked out apart
 */
export function projection(
  { task, params, x }: StepInputs,
  part: number,
  options: { readonly detach: boolean },
): Tensor {
  return task.parts[part].reads
    .map((_, i) =>
      matmul(centred({ task, params, x }, part, i, options), params[`${part}.W_enc.${i}`], {
        transposeB: true,
      }),
    )
    .reduce((a, b) => add(a, b));
}

/** What the i-th encoder of a part sees, `[rows, d_in]`. */
export function centred(
  { task, params, x }: Pick<StepInputs, 'task' | 'params' | 'x'>,
  part: number,
  i: number,
  options: { readonly detach: boolean },
): Tensor {
  const value = x[task.parts[part].reads[i]];
  if (!task.centreInput) return value;
  const bias = params[`${part}.b_dec.${i}`];
  return sub(value, options.detach ? stopGradient(bias) : bias);
}

/** The bias of a target. */
export function biasOf({ task, params }: StepInputs, target: string): Tensor {
  return params[biasOwner(task, target)];
}

/** Sums a part's contributions to every target. `decode(part, j)` is what a part writes to its j-th address. */
export function contributions(
  task: DictionaryTask,
  decode: (part: number, j: number) => Tensor,
): Map<string, Tensor> {
  const out = new Map<string, Tensor>();
  for (const target of taskTargets(task)) {
    const pieces = task.parts.flatMap(({ writes }, part) =>
      writes.flatMap((address, j) => (address === target ? [decode(part, j)] : [])),
    );
    out.set(
      target,
      pieces.reduce((a, b) => add(a, b)),
    );
  }
  return out;
}

/** Bias and skip path of a target, which every reconstruction has, `[rows, d_out]` or `[d_out]`. */
export function constantPart(inputs: StepInputs, target: string): Tensor {
  const bias = biasOf(inputs, target);
  if (!inputs.task.skip) return bias;
  const [{ reads }] = inputs.task.parts;
  return add(matmul(inputs.x[reads[0]], inputs.params['0.W_skip']), bias);
}

/** Squared error per row, averaged over rows. */
export function squaredError(error: Tensor, rows: number): Tensor {
  return mul(sum(square(error)), 1 / rows);
}

/** Squared deviation from the batch's mean per row, averaged over rows; the scale of a reconstruction error. */
export function totalVariance({ task, x, rows }: StepInputs): Tensor {
  return taskTargets(task)
    .map((target) => {
      const value = x[target];
      return squaredError(sub(value, mean(value, { axes: 0, keepDims: true })), rows);
    })
    .reduce((a, b) => add(a, b));
}
