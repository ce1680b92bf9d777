import {
  add,
  cast,
  concat,
  cumsum,
  div,
  gather,
  greater,
  input,
  less,
  matmul,
  maximum,
  mean,
  min,
  mul,
  not,
  relu,
  reshape,
  slice,
  stopGradient,
  sub,
  sum,
  topK,
  where,
} from '../../../graph/build.ts';
import { grad } from '../../../graph/gradient.ts';
import type { Tensor } from '../../../graph/op.ts';
import { createProgram, type Program } from '../../../graph/program.ts';
import { keepTopK } from '../trace.ts';
import { biasOwner, type SparsityRule, taskTargets } from './rule.ts';
import {
  centred,
  constantPart,
  contributions,
  projection,
  type StepInputs,
  squaredError,
  totalVariance,
} from './trace.ts';

type TopKRule = Extract<SparsityRule, { readonly kind: 'topk' | 'batchtopk' }>;

/** The most features one row can have. */
export function rowLimit(rule: TopKRule, dDict: number): number {
  const limit = rule.kind === 'topk' ? rule.k : rule.k * (rule.rowLimit ?? 4);
  return Math.min(dDict, limit);
}

interface ChosenFeatures {
  /** Pre-activations `[rows, limit]`, largest first; gradients are taken here. */
  readonly pre: Tensor;
  readonly indices: Tensor;
  /** Activations of the chosen, `[rows, limit]`. */
  readonly acts: Tensor;
}

/** Ranks all features of a part and keeps the largest. */
function choose(inputs: StepInputs, part: number, rule: TopKRule): ChosenFeatures {
  const { rows, params, task } = inputs;
  const limit = rowLimit(rule, task.dDict);
  const raw = add(projection(inputs, part, { detach: true }), params[`${part}.b_enc`]);
  const { values: pre, indices } = topK(raw, limit);
  if (rule.kind === 'topk') return { pre, indices, acts: relu(pre) };
  const flat = reshape(pre, [rows * limit]);
  const count = Math.min(rule.k * rows, rows * limit);
  const smallest = slice(topK(flat, count).values, { axis: 0, start: count - 1, end: count });
  return { pre, indices, acts: where(not(less(pre, stopGradient(smallest))), relu(pre), 0) };
}

/** Activations once per nested prefix, `[rows, prefixes, limit]`, those outside a prefix zero. */
function nested(chosen: ChosenFeatures, prefixes: readonly number[]): Tensor {
  const [rows, limit] = chosen.acts.shape;
  const level = reshape(chosen.acts, [rows, 1, limit]);
  const index = reshape(chosen.indices, [rows, 1, limit]);
  return concat(
    prefixes.map((size, p) =>
      p === prefixes.length - 1 ? level : mul(level, cast(less(index, size), 'float32')),
    ),
    1,
  );
}

/** Names of a sparse step's outputs, besides `grad/NAME` of parameters with a dense gradient. */
export const sparseNames = {
  indices: (part: number) => `indices/${part}`,
  acts: (part: number) => `acts/${part}`,
  /** Gradient of the chosen pre-activations, `[rows, limit]`. */
  pre: (part: number) => `pre/${part}`,
  /** Gradient of a target's reconstruction, `[rows, prefixes, d_out]`, summed over the prefixes a feature is in. */
  target: (address: string) => `target/${address}`,
  /** What an encoder saw, `[rows, d_in]`. */
  read: (part: number, i: number) => `read/${part}.${i}`,
  aux: (name: string) => `aux/${name}`,
} as const;

/** The forward and backward pass of a rule with top-k features, leaving rows to {@link addOuter}. */
export function sparseStep(
  inputs: StepInputs,
  options: {
    /** Dead features that the auxiliary loss looks at, 0 for none. */
    readonly deadSlots: number;
  },
): Program {
  const { task, rows, params, x } = inputs;
  const rule = task.rule as TopKRule;
  const prefixes = (rule.kind === 'batchtopk' ? rule.prefixes : undefined) ?? [task.dDict];
  const targets = taskTargets(task);
  const chosen = task.parts.map((_, part) => choose(inputs, part, rule));
  const levels = chosen.map((part) => nested(part, prefixes));
  const sums = contributions(task, (part, j) =>
    matmul(levels[part], gather(params[`${part}.W_dec.${j}`], chosen[part].indices)),
  );
  const errors = targets.map((target) => {
    const rest = sub(constantPart(inputs, target), x[target]);
    return add(sums.get(target)!, reshape(rest, [rows, 1, task.dOut]));
  });
  const total = errors.map((error) => squaredError(error, rows)).reduce((a, b) => add(a, b));
  const last = errors.map((error) =>
    reshape(slice(error, { axis: 1, start: prefixes.length - 1, end: prefixes.length }), [
      rows,
      task.dOut,
    ]),
  );
  const mse = last.map((error) => squaredError(error, rows)).reduce((a, b) => add(a, b));
  const aux = options.deadSlots > 0 ? auxiliary(inputs, last, options.deadSlots) : undefined;
  const loss = aux ? add(total, mul(aux.loss, rule.aux?.coefficient ?? 1 / 32)) : total;

  const owned = targets.map((target) => biasOwner(task, target));
  const dense = [...owned, ...(task.skip ? ['0.W_skip'] : [])];
  const wrt = [
    ...dense.map((name) => params[name]),
    ...targets.map((target) => sums.get(target)!),
    ...chosen.map(({ pre }) => pre),
    ...(aux?.wrt ?? []),
  ];
  const gradients = grad(loss, wrt);
  const take = (count: number) => gradients.splice(0, count);
  const outputs: Record<string, Tensor> = { loss, mse, variance: totalVariance(inputs) };
  take(dense.length).forEach((g, i) => {
    outputs[`grad/${dense[i]}`] = g;
  });
  take(targets.length).forEach((g, i) => {
    outputs[sparseNames.target(targets[i])] = cumsum(g, { axis: 1, reverse: true });
  });
  take(chosen.length).forEach((g, part) => {
    outputs[sparseNames.pre(part)] = g;
  });
  if (aux) {
    outputs['aux/loss'] = aux.loss;
    gradients.forEach((g, i) => {
      outputs[sparseNames.aux(aux.names[i])] = g;
    });
  }
  const positive = chosen.map(({ acts }) => cast(greater(acts, 0), 'float32'));
  outputs.l0 = mul(
    positive.map((part) => sum(part)).reduce((a, b) => add(a, b)),
    1 / rows,
  );
  chosen.forEach(({ acts, indices }, part) => {
    outputs[sparseNames.indices(part)] = indices;
    outputs[sparseNames.acts(part)] = acts;
    outputs[`smallest/${part}`] = min(where(greater(acts, 0), acts, 1e30));
    for (const i of task.parts[part].reads.keys()) {
      outputs[sparseNames.read(part, i)] = centred(inputs, part, i, { detach: true });
    }
  });
  return createProgram(outputs);
}

/**
 * Dead features, ranked among themselves, reconstruct what the others missed (Gao et al. 2024, appendix A.2). Only
 * their rows take part, so the cost follows their number.
 */
function auxiliary(inputs: StepInputs, errors: readonly Tensor[], slots: number) {
  const { task, rows, params } = inputs;
  const rule = task.rule as TopKRule;
  const k = Math.min(rule.aux?.k ?? Math.ceil(task.dIn / 2), slots);
  const names: string[] = [];
  const wrt: Tensor[] = [];
  const picked = (name: string, index: Tensor): Tensor => {
    const value = gather(params[name], index);
    names.push(name);
    wrt.push(value);
    return value;
  };
  const acts = task.parts.map(({ reads }, part) => {
    const index = input(`dead/${part}`, [slots], 'int64');
    const alive = input(`deadMask/${part}`, [slots]);
    const pre = reads
      .map((_, i) =>
        matmul(centred(inputs, part, i, { detach: true }), picked(`${part}.W_enc.${i}`, index), {
          transposeB: true,
        }),
      )
      .reduce((a, b) => add(a, b));
    // Slots that are not needed are filled with a feature whose activation is masked out.
    const value = mul(relu(add(pre, picked(`${part}.b_enc`, index))), alive);
    return { index, value: k < slots ? keepTopK(value, k) : value };
  });
  const guesses = contributions(task, (part, j) =>
    matmul(acts[part].value, picked(`${part}.W_dec.${j}`, acts[part].index)),
  );
  const parts = taskTargets(task).map((target, t) => {
    const missed = stopGradient(mul(errors[t], -1));
    const variance = squaredError(sub(missed, mean(missed, { axes: 0, keepDims: true })), rows);
    return { error: squaredError(sub(guesses.get(target)!, missed), rows), variance };
  });
  const sumOf = (key: 'error' | 'variance') =>
    parts.map((part) => part[key]).reduce((a, b) => add(a, b));
  return { loss: div(sumOf('error'), maximum(sumOf('variance'), 1e-12)), names, wrt };
}
