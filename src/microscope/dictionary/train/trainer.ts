import { GlassboxError } from '../../../base/error.ts';
import { input } from '../../../graph/build.ts';
import type { TensorData } from '../../../graph/op.ts';
import { createProgram } from '../../../graph/program.ts';
import { adam, type Optimiser } from '../../../nn/index.ts';
import type { Executable, Runtime } from '../../../runtime/runtime.ts';
import type { Dictionary, DictionaryConfig } from '../types.ts';
import { addOuter, addScales, type Chosen, countFirings } from './accumulate.ts';
import { denseStep, SPARSITY_WEIGHT } from './dense-step.ts';
import { foldedDictionaries } from './fold.ts';
import { createKernelMemory } from './kernel.ts';
import { type ActivationStatistics, type Arrays, array, initialParams } from './params.ts';
import { pruneDictionary } from './prune.ts';
import { resample } from './resample.ts';
import { revive } from './revive.ts';
import { type DictionaryTask, isTopK, taskAddresses, taskTargets } from './rule.ts';
import { sparseNames, sparseStep } from './sparse-step.ts';
import { feedName, stepInputs } from './trace.ts';
import { NEXT, slotName, traceUpdate, updateScalars } from './update.ts';

/** What the trainer of one dictionary is made from. */
export interface DictionaryTrainerOptions {
  readonly task: DictionaryTask;
  readonly runtime: Runtime;
  /** Rows per step. */
  readonly rows: number;
  /** Means and lengths of the activations, for the first biases. */
  readonly statistics: Readonly<Record<string, ActivationStatistics>>;
  /** What activations are multiplied by, by address; see {@link inputScales}. */
  readonly scales: Readonly<Record<string, number>>;
  /** Rows without firing after which a feature counts as dead. 10 million unless told. */
  readonly deadAfter?: number;
  /** Largest gradient norm. Default 1. */
  readonly clipNorm?: number;
  /** Adam with β .9 and .999 unless told. */
  readonly optimiser?: Optimiser;
}

/** What one step tells. Losses are in units of the scaled activations, summed over dimensions, per row. */
export interface DictionaryStepReport {
  readonly loss: number;
  readonly mse: number;
  /** 1 − Σ‖x − x̂‖² / Σ‖x − x̄‖² over the batch. */
  readonly explainedVariance: number;
  /** Features that fired per row (over all parts). */
  readonly l0: number;
  /** Features that have not fired for `deadAfter` rows. */
  readonly dead: number;
  readonly gradNorm: number;
}

/** Trains the dictionaries of one task, one batch of activations at a time. */
export interface DictionaryTrainer {
  readonly task: DictionaryTask;
  /**
   * One update.
   *
   * @param batch `[rows, width]` per address
   * @throws GlassboxError `not-finite`; the state stays as before the step
   */
  step(
    batch: Readonly<Record<string, Float32Array>>,
    options: {
      readonly lr: number;
      readonly sparsity?: number;
      /** Whether dead features may start anew after this step. Yes unless told. */
      readonly restarts?: boolean;
    },
  ): Promise<DictionaryStepReport>;
  /** Everything training changes; views, copy what you keep. */
  state(): { readonly step: number; readonly params: Arrays; readonly rest: Arrays };
  restore(state: { readonly step: number; readonly params: Arrays; readonly rest: Arrays }): void;
  /** The dictionaries as they are now, scaling folded in; with `prune`, without their dead features. */
  dictionaries(
    model: DictionaryConfig['model'],
    options?: { readonly prune?: boolean },
  ): Dictionary[];
  release(): Promise<void>;
}

/** Weight of the newest batch in the moving average of BatchTopK's threshold (SAELens). */
const THRESHOLD_RATE = 0.01;

/** The most dead features the auxiliary loss looks at in one step. */
const MOST_DEAD_SLOTS = 1024;

/** Compiles the step of a task and allocates its state. */
export async function createDictionaryTrainer(
  options: DictionaryTrainerOptions,
): Promise<DictionaryTrainer> {
  const { task, runtime, rows, scales, deadAfter = 10_000_000, clipNorm = 1 } = options;
  const optimiser = options.optimiser ?? adam();
  const sparse = isTopK(task.rule);
  const unaided = 'aux' in task.rule && task.rule.aux?.coefficient === 0;
  const zeros = (shape: readonly number[]): TensorData =>
    array(new Float32Array(shape.reduce((a, b) => a * b, 1)), shape);

  const first = initialParams(task, options.statistics, scales);
  const shapes = Object.fromEntries(
    Object.entries(first).map(([name, value]) => [name, value.shape]),
  );
  const slotNames = Object.keys(first).flatMap((name) =>
    optimiser.slots.map((slot) => [slotName(slot, name), name] as const),
  );
  const allocate = (): Arrays =>
    Object.fromEntries([
      ...Object.keys(first).map((name) => [name, zeros(shapes[name])] as const),
      ...slotNames.map(([slot, name]) => [slot, zeros(shapes[name])] as const),
    ]);
  let current = allocate();
  let next = allocate();
  for (const [name, { data }] of Object.entries(first)) {
    (current[name].data as Float32Array).set(data as Float32Array);
  }
  /** Rows since each feature last fired, and the threshold of each part. */
  const rest: Arrays = {};
  task.parts.forEach((_, part) => {
    rest[`idle/${part}`] = zeros([task.dDict]);
    if (task.rule.kind === 'batchtopk') rest[`fixed/${part}`] = zeros([1]);
  });
  let done = 0;

  const inputs = () => stepInputs(task, { rows, shapes, scales });
  const update = await runtime.compile(updateProgram());
  const forward = new Map<number, Promise<Executable>>();
  const sizes = Object.values(first).map(({ data }) => data.length);
  const prefixCount = 'prefixes' in task.rule ? (task.rule.prefixes?.length ?? 1) : 1;
  const staged = rows * Math.max(task.dIn, task.dOut * prefixCount);
  const kernel = await createKernelMemory(
    sparse ? sizes.reduce((sum, size) => sum + size + 16, staged) : 0,
  );
  const gradients: Arrays = sparse
    ? Object.fromEntries(
        Object.entries(first).map(([name, { data, shape }]) => [
          name,
          array(kernel.allocate(data.length), shape),
        ]),
      )
    : {};
  const staging = kernel.allocate(sparse ? staged : 0);
  /** Copies rows to where the kernel can read them. */
  const stage = (data: Float32Array): Float32Array => {
    staging.set(data);
    return staging;
  };
  const partOf = prefixOf(task);

  function updateProgram() {
    if (!sparse) {
      const traced = inputs();
      const { outputs, gradients: dense } = denseStep(traced);
      const updated = traceUpdate(task, {
        params: traced.params,
        gradients: dense,
        optimiser,
        clipNorm,
      });
      return createProgram({ ...outputs, ...updated });
    }
    const { params } = inputs();
    const fed = Object.fromEntries(
      Object.keys(params).map((name) => [name, input(`grad/${name}`, shapes[name])]),
    );
    return createProgram(traceUpdate(task, { params, gradients: fed, optimiser, clipNorm }));
  }

  function forwardWith(deadSlots: number): Promise<Executable> {
    let made = forward.get(deadSlots);
    if (!made)
      forward.set(deadSlots, (made = runtime.compile(sparseStep(inputs(), { deadSlots }))));
    return made;
  }

  const deadOf = (part: number): number[] => {
    const idle = rest[`idle/${part}`].data as Float32Array;
    const out: number[] = [];
    idle.forEach((count, feature) => {
      if (count >= deadAfter) out.push(feature);
    });
    return out;
  };

  function age(part: number, fired: Float32Array): void {
    const idle = rest[`idle/${part}`].data as Float32Array;
    for (let i = 0; i < idle.length; i++) idle[i] = fired[i] > 0 ? 0 : idle[i] + rows;
  }

  /** Runs a program over the inputs it has. */
  function run(executable: Executable, feeds: Arrays, into?: Arrays) {
    const own = Object.fromEntries(
      executable.program.inputs.map(({ attrs }) => [attrs.name, feeds[attrs.name]]),
    );
    return executable.run(own, into ? { into } : {});
  }

  function nextArrays(): Arrays {
    return Object.fromEntries(Object.entries(next).map(([name, value]) => [NEXT + name, value]));
  }

  const number = (value: TensorData | undefined) => Number(value?.data[0] ?? 0);

  async function sparseUpdate(batch: Arrays, scalars: Arrays) {
    const dead = task.parts.map((_, part) => deadOf(part));
    const most = Math.max(...dead.map((list) => list.length));
    const slots =
      most === 0 || unaided ? 0 : Math.min(MOST_DEAD_SLOTS, 2 ** Math.ceil(Math.log2(most)));
    const feeds: Arrays = { ...current, ...batch };
    if (slots > 0) {
      dead.forEach((list, part) => {
        // More dead features than slots take turns.
        const start = list.length > slots ? (done * slots) % list.length : 0;
        const chosen = Array.from(
          { length: slots },
          (_, i) => list[(start + i) % list.length] ?? 0,
        );
        const mask = chosen.map((_, i) => (i < list.length ? 1 : 0));
        feeds[`dead/${part}`] = {
          dtype: 'int64',
          shape: [slots],
          data: BigInt64Array.from(chosen, BigInt),
        };
        feeds[`deadMask/${part}`] = array(Float32Array.from(mask), [slots]);
      });
    }
    const out = await run(await forwardWith(slots), feeds);
    const fired = collectGradients(out, feeds);
    const named = Object.fromEntries(
      Object.entries(gradients).map(([name, value]) => [`grad/${name}`, value]),
    );
    const updated = await run(update, { ...current, ...named, ...scalars }, nextArrays());
    return { out, gradNorm: number(updated.gradNorm), fired };
  }

  /** Turns what a sparse step gives into gradients of whole parameters; returns firings per part. */
  function collectGradients(out: Arrays, feeds: Arrays): Float32Array[] {
    const data = (name: string) => out[name].data as Float32Array;
    for (const [name, value] of Object.entries(gradients)) {
      const whole = out[`grad/${name}`];
      if (whole) (value.data as Float32Array).set(whole.data as Float32Array);
      else (value.data as Float32Array).fill(0);
    }
    return task.parts.map(({ reads, writes }, part) => {
      const indices = out[sparseNames.indices(part)];
      const chosen: Chosen = {
        rows,
        k: indices.shape[1],
        indices: indices.data as BigInt64Array,
      };
      const grad = (name: string) => gradients[`${part}.${name}`].data as Float32Array;
      writes.forEach((address, j) => {
        const target = out[sparseNames.target(address)];
        addOuter(grad(`W_dec.${j}`), chosen, {
          scales: data(sparseNames.acts(part)),
          rows: stage(target.data as Float32Array),
          width: task.dOut,
          parts: target.shape[1],
          partOf,
          kernel,
        });
      });
      reads.forEach((_, i) => {
        addOuter(grad(`W_enc.${i}`), chosen, {
          scales: data(sparseNames.pre(part)),
          rows: stage(data(sparseNames.read(part, i))),
          width: task.dIn,
          kernel,
        });
      });
      addScales(grad('b_enc'), chosen, data(sparseNames.pre(part)));
      addAuxiliary(part, out, feeds);
      const fired = new Float32Array(task.dDict);
      countFirings(fired, chosen, data(sparseNames.acts(part)));
      return fired;
    });
  }

  function addAuxiliary(part: number, out: Arrays, feeds: Arrays): void {
    const index = feeds[`dead/${part}`]?.data as BigInt64Array | undefined;
    if (!index) return;
    const mask = feeds[`deadMask/${part}`].data as Float32Array;
    for (const [name, value] of Object.entries(gradients)) {
      const rowsOf = out[sparseNames.aux(name)];
      if (!rowsOf || !name.startsWith(`${part}.`)) continue;
      const width = rowsOf.data.length / index.length;
      const [from, to] = [rowsOf.data as Float32Array, value.data as Float32Array];
      index.forEach((feature, slot) => {
        if (mask[slot] === 0) return;
        const start = Number(feature) * width;
        for (let d = 0; d < width; d++) to[start + d] += from[slot * width + d];
      });
    }
  }

  /** Gives dead features a new start from the batch at hand. */
  function restart(feeds: Arrays, out: Arrays): void {
    task.parts.forEach((_, part) => {
      const idle = rest[`idle/${part}`].data as Float32Array;
      const { slots } = optimiser;
      const batch = Object.fromEntries(
        taskAddresses(task).map((address) => [address, feeds[feedName(address)]]),
      );
      const common = { task, part, features: deadOf(part), params: current, slots, step: done };
      const errors = sparse ? errorsOf(out) : {};
      const restarted = sparse
        ? revive({ ...common, batch, statistics: options.statistics, scales, errors })
        : resample({ ...common, batch, rowErrors: out.rowErrors.data as Float32Array });
      for (const feature of restarted) idle[feature] = 0;
    });
  }

  /** x − x̂ of every address written, from the gradient of its reconstruction, 2 (x̂ − x) / rows. */
  function errorsOf(out: Arrays): Record<string, Float32Array> {
    return Object.fromEntries(
      taskTargets(task).map((address) => {
        const { data, shape } = out[sparseNames.target(address)];
        const [, prefixes, width] = shape;
        const error = new Float32Array(rows * width);
        for (let row = 0; row < rows; row++) {
          // The last prefix is the whole dictionary.
          const from = (row * prefixes + prefixes - 1) * width;
          for (let d = 0; d < width; d++) {
            error[row * width + d] = (-Number(data[from + d]) * rows) / 2;
          }
        }
        return [address, error];
      }),
    );
  }

  async function denseUpdate(batch: Arrays, scalars: Arrays, sparsity: number) {
    const feeds: Arrays = {
      ...current,
      ...batch,
      ...scalars,
      [SPARSITY_WEIGHT]: array(Float32Array.of(sparsity), []),
    };
    task.parts.forEach((_, part) => {
      const flags = new Float32Array(task.dDict);
      for (const feature of deadOf(part)) flags[feature] = 1;
      feeds[`deadFlags/${part}`] = array(flags, [task.dDict]);
    });
    const out = await run(update, feeds, nextArrays());
    const fired = task.parts.map((_, part) => out[`fired/${part}`].data as Float32Array);
    return { out, gradNorm: number(out.gradNorm), fired };
  }

  return {
    task,
    async step(batch, { lr, sparsity = 1, restarts = true }) {
      const feeds: Arrays = Object.fromEntries(
        Object.entries(batch).map(([address, data]) => [
          feedName(address),
          array(data, [rows, data.length / rows]),
        ]),
      );
      const scalars = Object.fromEntries(
        Object.entries(updateScalars(optimiser, { update: done + 1, lr })).map(([name, value]) => [
          name,
          array(Float32Array.of(value), []),
        ]),
      );
      const { out, gradNorm, fired } = sparse
        ? await sparseUpdate(feeds, scalars)
        : await denseUpdate(feeds, scalars, sparsity);
      const loss = number(out.loss);
      if (!Number.isFinite(loss) || !Number.isFinite(gradNorm)) throw nonFinite(task, done);
      [current, next] = [next, current];
      fired.forEach((counts, part) => {
        age(part, counts);
        if (task.rule.kind === 'batchtopk') {
          follow(rest[`fixed/${part}`].data as Float32Array, number(out[`smallest/${part}`]));
        }
      });
      done++;
      const dead = task.parts.reduce((sum, _, part) => sum + deadOf(part).length, 0);
      const { rule } = task;
      const every = 'resampleEvery' in rule && rule.resampleEvery;
      if (restarts && every && done % every === 0) restart(feeds, out);
      const [mse, variance] = [number(out.mse), number(out.variance)];
      const explainedVariance = 1 - mse / variance;
      return { loss, mse, explainedVariance, l0: number(out.l0), dead, gradNorm };
    },
    state() {
      const params = Object.fromEntries(Object.keys(first).map((name) => [name, current[name]]));
      const slots = Object.fromEntries(slotNames.map(([slot]) => [slot, current[slot]]));
      return { step: done, params, rest: { ...slots, ...rest } };
    },
    restore(state) {
      const held = { ...current, ...rest };
      const given = { ...state.params, ...state.rest };
      for (const [name, value] of Object.entries(held)) {
        const saved = given[name];
        if (saved?.data.length !== value.data.length) {
          throw new GlassboxError(`the checkpoint does not fit '${task.name}': ${name} differs`, {
            code: 'bad-checkpoint',
            remedy: 'Resume with the configuration the checkpoint was made with.',
            details: { task: task.name, name },
          });
        }
        (value.data as Float32Array).set(saved.data as Float32Array);
      }
      done = state.step;
    },
    dictionaries(model, { prune = false } = {}) {
      const thresholds = task.parts.map((_, part) => number(rest[`fixed/${part}`]));
      const whole = foldedDictionaries(task, current, { scales, thresholds, model });
      if (!prune) return whole;
      return whole.map((dictionary, part) => {
        const dead = new Set(deadOf(part));
        const all = Array.from({ length: task.dDict }, (_, feature) => feature);
        return pruneDictionary(
          dictionary,
          all.filter((feature) => !dead.has(feature)),
        );
      });
    },
    async release() {
      await update.release();
      for (const made of forward.values()) await (await made).release();
    },
  };
}

/** Moves a threshold towards the smallest activation of a batch; the first one is taken as it is. */
function follow(threshold: Float32Array, smallest: number): void {
  // Nothing fired: there is no smallest activation.
  if (smallest >= 1e30) return;
  threshold[0] =
    threshold[0] === 0 ? smallest : threshold[0] + THRESHOLD_RATE * (smallest - threshold[0]);
}

/** Which nested prefix is the first to hold each feature; undefined without prefixes. */
function prefixOf(task: DictionaryTask): Uint8Array | undefined {
  const prefixes = task.rule.kind === 'batchtopk' ? task.rule.prefixes : undefined;
  if (!prefixes) return undefined;
  return Uint8Array.from({ length: task.dDict }, (_, feature) =>
    prefixes.findIndex((size) => feature < size),
  );
}

function nonFinite(task: DictionaryTask, step: number): GlassboxError {
  return new GlassboxError(`'${task.name}': loss or gradient is not finite at step ${step}`, {
    code: 'not-finite',
    remedy: 'Lower the learning rate, or check the activations for NaN.',
    kind: 'failure',
    details: { task: task.name, step, targets: taskTargets(task) },
  });
}

/**
 * What activations of each address are multiplied by so that their mean length is √width
 * (`expected_average_only_in` of SAELens).
 */
export function inputScales(
  statistics: Readonly<Record<string, ActivationStatistics>>,
): Record<string, number> {
  return Object.fromEntries(
    Object.entries(statistics).map(([address, { mean, meanNorm }]) => [
      address,
      meanNorm > 0 ? Math.sqrt(mean.length) / meanNorm : 1,
    ]),
  );
}
