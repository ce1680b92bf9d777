import {
  abs,
  add,
  cast,
  div,
  exp,
  input,
  less,
  matmul,
  mul,
  relu,
  sqrt,
  square,
  stopGradient,
  straightThrough,
  sub,
  sum,
  tanh,
} from '../../../graph/build.ts';
import { grad } from '../../../graph/gradient.ts';
import type { Tensor } from '../../../graph/op.ts';
import { above } from '../trace.ts';
import { taskTargets } from './rule.ts';
import {
  constantPart,
  contributions,
  projection,
  type StepInputs,
  squaredError,
  totalVariance,
} from './trace.ts';

/** Weight of the sparsity penalty in this step, from 0 to 1 while it warms up. */
export const SPARSITY_WEIGHT = 'hyper/sparsity';

/** Activations of one part and what its rule adds to the loss. */
interface Features {
  readonly acts: Tensor;
  readonly penalty: Tensor;
  /** Reconstructs on its own (the gates of a gated dictionary). */
  readonly gates?: Tensor;
  /** Added at full weight from the start. */
  readonly extra?: Tensor;
}

/** Length of every decoder row over all writes, `[d_dict]`. */
function rowNorms({ task, params }: StepInputs, part: number): Tensor {
  const squares = task.parts[part].writes.map((_, j) =>
    sum(square(params[`${part}.W_dec.${j}`]), { axes: -1 }),
  );
  return sqrt(
    add(
      squares.reduce((a, b) => add(a, b)),
      1e-12,
    ),
  );
}

/** Crosscoders weigh each feature by the sum of its lengths instead (Lindsey et al. 2024). */
function penaltyNorms(inputs: StepInputs, part: number): Tensor {
  const { reads, writes } = inputs.task.parts[part];
  if (reads.length === 1) return rowNorms(inputs, part);
  return writes
    .map((_, j) => sqrt(add(sum(square(inputs.params[`${part}.W_dec.${j}`]), { axes: -1 }), 1e-12)))
    .reduce((a, b) => add(a, b));
}

function features(inputs: StepInputs, part: number): Features {
  const { task, rows, params } = inputs;
  const { rule } = task;
  const raw = projection(inputs, part, { detach: false });
  const param = (name: string) => params[`${part}.${name}`];
  const perRow = (x: Tensor) => mul(sum(x), 1 / rows);
  switch (rule.kind) {
    case 'standard': {
      const acts = relu(add(raw, param('b_enc')));
      const penalty = mul(perRow(mul(acts, penaltyNorms(inputs, part))), rule.coefficient);
      return { acts, penalty };
    }
    case 'gated': {
      const gate = add(raw, param('b_gate'));
      const magnitude = relu(add(mul(raw, exp(param('r_mag'))), param('b_mag')));
      const open = relu(gate);
      const penalty = mul(perRow(mul(open, penaltyNorms(inputs, part))), rule.coefficient);
      return { acts: mul(above(gate, 0), magnitude), penalty, gates: open };
    }
    case 'jumprelu': {
      const { bandwidth = 0.05, deadCoefficient = 3e-6, targetL0, tanhScale } = rule;
      const threshold = param('threshold');
      const pre = add(raw, param('b_enc'));
      const gate = above(pre, threshold);
      const offset = sub(pre, threshold);
      // The rectangle kernel: 1/ε where pre is within ε/2 of the threshold.
      const near = stopGradient(
        mul(cast(less(abs(offset), bandwidth / 2), 'float32'), 1 / bandwidth),
      );
      // d/dθ of pre · 1[pre > θ] is −θ K((pre − θ)/ε)/ε, and of 1[pre > θ] it is −K((pre − θ)/ε)/ε.
      const pull = mul(threshold, stopGradient(mul(mul(near, threshold), -1)));
      const acts = straightThrough(mul(pre, gate), add(mul(pre, stopGradient(gate)), pull));
      const counted = straightThrough(gate, mul(threshold, mul(near, -1)));
      const l0 = perRow(counted);
      const soft = () => perRow(tanh(mul(mul(acts, rowNorms(inputs, part)), tanhScale!)));
      const penalty =
        tanhScale !== undefined
          ? soft()
          : targetL0 === undefined
            ? l0
            : square(sub(div(l0, targetL0), 1));
      const dead = input(`deadFlags/${part}`, [task.dDict]);
      const norms = stopGradient(rowNorms(inputs, part));
      const short = mul(relu(sub(threshold, pre)), mul(dead, norms));
      return {
        acts,
        penalty: mul(penalty, rule.coefficient),
        extra: mul(perRow(short), deadCoefficient),
      };
    }
    default:
      throw new Error(`unreachable: ${rule.kind} is traced by sparseStep`);
  }
}

/** The traced parts of a step over all features: what to report, and the gradient of every parameter. */
export interface DenseStep {
  readonly outputs: Readonly<Record<string, Tensor>>;
  readonly gradients: Readonly<Record<string, Tensor>>;
}

/** The forward and backward pass of rules that look at every feature (L1, gated, JumpReLU). */
export function denseStep(inputs: StepInputs): DenseStep {
  const { task, rows, params, x } = inputs;
  const weight = input(SPARSITY_WEIGHT, []);
  const targets = taskTargets(task);
  const parts = task.parts.map((_, part) => features(inputs, part));
  const sums = contributions(task, (part, j) =>
    matmul(parts[part].acts, params[`${part}.W_dec.${j}`]),
  );
  const error = (target: string, sum: Tensor, constant: Tensor) =>
    squaredError(sub(add(sum, constant), x[target]), rows);
  const total = (terms: readonly Tensor[]) => terms.reduce((a, b) => add(a, b));
  const mse = total(
    targets.map((target) => error(target, sums.get(target)!, constantPart(inputs, target))),
  );
  const rowErrors = targets.map((target) => {
    const missed = sub(add(sums.get(target)!, constantPart(inputs, target)), x[target]);
    return sum(square(missed), { axes: -1 });
  });
  const penalty = total(parts.map((part) => part.penalty));
  let loss = add(mse, mul(penalty, weight));
  if (parts.some(({ gates }) => gates)) {
    // Gradients of this term may not move the decoder (Rajamanoharan et al. 2024a, eq. 8).
    const fromGates = contributions(task, (part, j) =>
      matmul(parts[part].gates!, stopGradient(params[`${part}.W_dec.${j}`])),
    );
    const gateError = targets.map((target) =>
      error(target, fromGates.get(target)!, stopGradient(constantPart(inputs, target))),
    );
    loss = add(loss, total(gateError));
  }
  for (const { extra } of parts) if (extra) loss = add(loss, extra);

  const names = Object.keys(params);
  const gradients = grad(
    loss,
    names.map((name) => params[name]),
  );
  const fired = parts.map(({ acts }) => sum(above(acts, 0), { axes: 0 }));
  const l0 = mul(total(fired.map((count) => sum(count))), 1 / rows);
  const variance = totalVariance(inputs);
  const outputs: Record<string, Tensor> = { loss, mse, variance, penalty, l0 };
  if ('resampleEvery' in task.rule) outputs.rowErrors = total(rowErrors);
  fired.forEach((count, part) => {
    outputs[`fired/${part}`] = count;
  });
  return {
    outputs,
    gradients: Object.fromEntries(names.map((name, i) => [name, gradients[i]])),
  };
}
