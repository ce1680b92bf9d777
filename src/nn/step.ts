import { GlassboxError } from '../base/error.ts';
import {
  add,
  div,
  input,
  minimum,
  mul,
  sqrt,
  square,
  stopGradient,
  sub,
  sum,
} from '../graph/build.ts';
import type { Shape } from '../graph/dim.ts';
import { grad } from '../graph/gradient.ts';
import type { DType, Tensor } from '../graph/op.ts';
import { createProgram, type Program, topologicalOrder } from '../graph/program.ts';
import { type Optimiser, type ParamGroup, type ResolvedGroup, resolveGroup } from './optimiser.ts';
import { type ParamLookup, paramInputs } from './params.ts';

/** A traced loss with what else is worth knowing about the batch. */
export interface LossOutput {
  /** Scalar to minimise. */
  readonly loss: Tensor;
  /**
   * Scalar: how much this batch counts beside other micro-batches of one step, e.g. its number of
   * target tokens, so that the step equals one large batch. Equal weights by default.
   */
  readonly weight?: Tensor;
  /** Scalars to report. */
  readonly metrics?: Readonly<Record<string, Tensor>>;
}

/** What a batch is made of: input names with (symbolic) shapes and types. */
export type BatchSpec = Readonly<Record<string, { readonly shape: Shape; readonly dtype: DType }>>;

/** Traces the loss of a batch; called once per compile, never per step. */
export type LossFunction = (
  params: ParamLookup,
  batch: Readonly<Record<string, Tensor>>,
) => Tensor | LossOutput;

type Shapes = Readonly<Record<string, { readonly shape: readonly number[] }>>;

/** What a traced loss is made from. */
export interface LossGraphOptions {
  /** Parameters the loss may look up (values or specs); those not frozen by a group are trained. */
  readonly params: Shapes;
  /** Further parameters that are only read. */
  readonly fixed?: Shapes;
  readonly batch: BatchSpec;
  readonly loss: LossFunction;
}

/** What a traced training step is made from. */
export interface StepOptions extends LossGraphOptions {
  readonly optimiser: Optimiser;
  readonly groups?: readonly ParamGroup[];
  /** Largest global gradient norm; larger gradients are scaled down to it (Pascanu et al. 2013). */
  readonly clipNorm?: number;
  /** Batches per update. Default 1. */
  readonly microBatches?: number;
  /** Decay of a moving average of the weights, in [0, 1); none unless given. */
  readonly emaDecay?: number;
}

/** State inputs come back as outputs with this prefix. */
export const NEXT = 'next/';

/** The graphs of one training step. */
export interface StepGraphs {
  /** Names of trained parameters, in order. */
  readonly trained: readonly string[];
  /** Shapes of all state that a step replaces, by input name: parameters, slots, moving averages. */
  readonly state: Readonly<Record<string, readonly number[]>>;
  /** Forward, backward and update in one graph, or only the update when micro-batches accumulate. */
  readonly update: Program;
  /** Forward and backward of one micro-batch, added onto the accumulators. */
  readonly accumulate?: Program;
  /** The gradient of every trained parameter as outputs; compiled only to find a fault. */
  readonly gradients: () => Program;
  /** The numbers to feed for an update (counted from 1) at a learning rate, by input name. */
  scalars(update: number, lr: number): Record<string, number>;
}

export const slotName = (slot: string, name: string): string => `optimiser/${slot}/${name}`;
export const emaName = (name: string): string => `ema/${name}`;
export const accumulatorName = (name: string): string => `accumulated/${name}`;
/** Input of the update when accumulating: 1 / Σ weights. */
export const GRADIENT_SCALE = 'hyper/gradientScale';
const EMA_DECAY = 'hyper/emaDecay';

/** Traces the loss over fresh inputs. */
export function traceLoss(options: LossGraphOptions): LossOutput & { lookup: ParamLookup } {
  const all = { ...options.fixed, ...options.params };
  for (const name of Object.keys(options.batch)) {
    if (Object.hasOwn(all, name)) {
      throw new GlassboxError(`'${name}' names both a parameter and a batch input`, {
        code: 'bad-training-setup',
        remedy: 'Rename the batch input.',
        details: { name },
      });
    }
  }
  const lookup = paramInputs(all);
  const batch = Object.fromEntries(
    Object.entries(options.batch).map(([name, { shape, dtype }]) => [
      name,
      input(name, shape, dtype),
    ]),
  );
  const traced = options.loss(lookup, batch);
  const output = 'loss' in traced ? traced : { loss: traced };
  return { ...output, lookup };
}

function splitGroups(options: StepOptions): Map<string, ResolvedGroup> {
  const { groups = [], optimiser, params } = options;
  const out = new Map<string, ResolvedGroup>();
  for (const [name, { shape }] of Object.entries(params)) {
    const group = resolveGroup(name, shape, { groups, optimiser });
    if (!group.frozen) out.set(name, group);
  }
  return out;
}

function requireUsed(loss: Tensor, names: readonly string[]): void {
  const used = new Set(
    topologicalOrder([loss])
      .filter((node): node is Tensor<'input'> => node.op === 'input')
      .map((node) => node.attrs.name),
  );
  const unused = names.filter((name) => !used.has(name));
  if (names.length > 0 && unused.length === 0) return;
  const message =
    names.length === 0
      ? 'no parameter is to be trained'
      : `the loss does not depend on '${unused[0]}' (${unused.length} of ${names.length} parameters)`;
  throw new GlassboxError(message, {
    code: 'bad-training-setup',
    remedy: 'Pass only parameters the loss uses, or freeze the others with a group.',
    details: { unused },
  });
}

/** Traces one training step; throws `bad-training-setup` when names clash or nothing is trained. */
export function buildStep(options: StepOptions): StepGraphs {
  const { optimiser, clipNorm, microBatches = 1, emaDecay } = options;
  const groups = splitGroups(options);
  const trained = [...groups.keys()];
  const { loss, weight, metrics = {}, lookup } = traceLoss(options);
  requireUsed(loss, trained);
  const wrt = trained.map(lookup);
  const scaled = weight && microBatches > 1 ? mul(loss, stopGradient(weight)) : loss;
  const gradients = grad(scaled, wrt);
  const report = { loss, ...(weight && { weight }), ...prefixed('metrics/', metrics) };

  if (microBatches === 1) {
    const { outputs, state } = traceUpdate(gradients);
    return finish(createProgram({ ...report, ...outputs }), state);
  }
  const sums = trained.map((name, i) => input(accumulatorName(name), wrt[i].shape));
  const added = Object.fromEntries(
    trained.map((name, i) => [NEXT + accumulatorName(name), add(sums[i], gradients[i])]),
  );
  const scale = input(GRADIENT_SCALE, []);
  const { outputs, state } = traceUpdate(sums, scale);
  return finish(createProgram(outputs), state, createProgram({ ...report, ...added }));

  function finish(update: Program, state: StepGraphs['state'], accumulate?: Program): StepGraphs {
    return {
      trained,
      state,
      update,
      accumulate,
      gradients: () => createProgram(Object.fromEntries(trained.map((n, i) => [n, gradients[i]]))),
      scalars: (count, lr) => scalarValues({ groups: groups.values(), options, count, lr }),
    };
  }

  function traceUpdate(raw: readonly Tensor[], scale?: Tensor) {
    const state: Record<string, readonly number[]> = {};
    const outputs: Record<string, Tensor> = {};
    const keep = (name: string, tensor: Tensor, next: Tensor) => {
      state[name] = tensor.shape as readonly number[];
      outputs[NEXT + name] = next;
    };
    const unscaledNorm = sqrt(raw.map((g) => sum(square(g))).reduce((a, b) => add(a, b)));
    const norm = scale ? mul(unscaledNorm, scale) : unscaledNorm;
    outputs.gradNorm = norm;
    // One factor for clipping and averaging: each gradient is touched at most once more.
    const clip = clipNorm === undefined ? undefined : minimum(div(clipNorm, add(norm, 1e-6)), 1);
    const factor = clip && scale ? mul(clip, scale) : (clip ?? scale);
    const inputs = scalarInputs(groups.values(), options);
    trained.forEach((name, i) => {
      const group = groups.get(name)!;
      const slots = Object.fromEntries(
        optimiser.slots.map((slot) => [slot, input(slotName(slot, name), wrt[i].shape)]),
      );
      const updated = optimiser.update({
        param: wrt[i],
        grad: factor ? mul(raw[i], factor) : raw[i],
        slots,
        scalars: inputs.byGroup.get(group.key)!,
        weightDecay: group.weightDecay,
      });
      keep(name, wrt[i], updated.param);
      for (const slot of optimiser.slots) {
        keep(slotName(slot, name), slots[slot], updated.slots[slot]);
      }
      if (emaDecay !== undefined) {
        const average = input(emaName(name), wrt[i].shape);
        // Written from the new value outwards: with decay 0 (the first update) it is exactly that value.
        const next = add(updated.param, mul(sub(average, updated.param), inputs.emaDecay));
        keep(emaName(name), average, next);
      }
    });
    return { outputs, state };
  }
}

function prefixed(prefix: string, values: Readonly<Record<string, Tensor>>) {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [prefix + name, value]));
}

const scalarName = (key: string, name: string): string => `hyper/${key}/${name}`;

function scalarInputs(groups: Iterable<ResolvedGroup>, { optimiser }: StepOptions) {
  const byGroup = new Map<string, Record<string, Tensor>>();
  for (const { key, weightDecay } of groups) {
    if (byGroup.has(key)) continue;
    const names = Object.keys(optimiser.scalars({ update: 1, lr: 0, weightDecay }));
    const entries = names.map((name) => [name, input(scalarName(key, name), [])] as const);
    byGroup.set(key, Object.fromEntries(entries));
  }
  return { byGroup, emaDecay: input(EMA_DECAY, []) };
}

function scalarValues(context: {
  readonly groups: Iterable<ResolvedGroup>;
  readonly options: StepOptions;
  readonly count: number;
  readonly lr: number;
}): Record<string, number> {
  const { optimiser, emaDecay } = context.options;
  const out: Record<string, number> = {};
  for (const { key, lrScale, weightDecay } of context.groups) {
    const lr = context.lr * lrScale;
    const values = optimiser.scalars({ update: context.count, lr, weightDecay });
    for (const [name, value] of Object.entries(values)) out[scalarName(key, name)] = value;
  }
  // The average starts as a copy of the first updated weights.
  if (emaDecay !== undefined) out[EMA_DECAY] = context.count === 1 ? 0 : emaDecay;
  return out;
}
