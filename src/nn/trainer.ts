import { GlassboxError } from '../base/error.ts';
import { formatShape } from '../graph/dim.ts';
import type { TensorData } from '../graph/op.ts';
import type { Executable, Feeds, Runtime } from '../runtime/runtime.ts';
import { selectInputs } from './feeds.ts';
import { nonFiniteError } from './non-finite.ts';
import { elementCount, type Params } from './params.ts';
import {
  accumulatorName,
  buildStep,
  emaName,
  GRADIENT_SCALE,
  NEXT,
  type StepOptions,
  slotName,
} from './step.ts';

/** Everything that training changes. */
export interface TrainerState {
  /** Updates done. */
  readonly step: number;
  readonly params: Params;
  /** Optimiser state as `slot/parameter`. */
  readonly optimiser: Params;
  /** Moving average of the weights, when kept. */
  readonly ema?: Params;
}

/** What one update measured. */
export interface StepResult {
  /** In the loss's unit (nats per token for language models), averaged over micro-batches. */
  readonly loss: number;
  /** Global L2 norm of the gradient before clipping. */
  readonly gradNorm: number;
  readonly metrics: Readonly<Record<string, number>>;
}

/** What a trainer is made from. */
export interface TrainerOptions extends Omit<StepOptions, 'params' | 'fixed'> {
  readonly runtime: Runtime;
  /** First values of the parameters; copied, so they stay as they are. */
  readonly params: Params;
  /** Parameters the loss reads that are never trained; not copied. */
  readonly fixed?: Params;
  /**
   * Memory for the state. Give `(bytes) => new SharedArrayBuffer(bytes)` with a runtime that works in
   * another thread; other memory is right there too, but copied at every step.
   */
  readonly allocate?: (bytes: number) => ArrayBufferLike;
}

/** One update at a time; {@link train} is the loop around it. */
export interface Trainer {
  /** Names of the trained parameters. */
  readonly trained: readonly string[];
  /**
   * One update from as many batches as `microBatches` says. When loss or gradient are not finite it
   * throws `not-finite`, naming step and parameter, and the state stays as before the step.
   */
  step(batches: readonly Feeds[], lr: number): Promise<StepResult>;
  /** The state now. A view: the arrays are overwritten two steps later; copy what you keep. */
  state(): TrainerState;
  /** Replaces the state; throws `bad-checkpoint` when names or shapes differ. */
  restore(state: TrainerState): void;
  release(): Promise<void>;
}

type Arrays = Record<string, TensorData>;

function scalar(value: number): TensorData {
  return { dtype: 'float32', shape: [], data: Float32Array.of(value) };
}

/** Compiles the step and allocates its state: two sets of arrays that take turns as input and output. */
export async function createTrainer(options: TrainerOptions): Promise<Trainer> {
  const { runtime, microBatches = 1, allocate = (bytes) => new ArrayBuffer(bytes) } = options;
  const graphs = buildStep(options);
  const update = await runtime.compile(graphs.update);
  const accumulate = graphs.accumulate && (await runtime.compile(graphs.accumulate));

  const trained = new Set(graphs.trained);
  const untrained = { ...options.fixed, ...without(options.params, trained) };
  let current = stateArrays();
  let next = stateArrays();
  let sums = accumulate ? accumulators() : {};
  let nextSums = accumulate ? accumulators() : {};
  let done = 0;
  for (const name of trained) copyInto(current[name], options.params[name]);

  function zeros(shape: readonly number[]): TensorData {
    const memory = allocate(elementCount(shape) * Float32Array.BYTES_PER_ELEMENT);
    return { dtype: 'float32', shape, data: new Float32Array(memory) };
  }

  function stateArrays(): Arrays {
    return mapValues(graphs.state, zeros);
  }

  function accumulators(): Arrays {
    return Object.fromEntries(
      graphs.trained.map((name) => [accumulatorName(name), zeros(options.params[name].shape)]),
    );
  }

  async function runUpdate(feeds: Feeds): Promise<Record<string, TensorData>> {
    return update.run(selectInputs(graphs.update, feeds), { into: asOutputs(next) });
  }

  async function fused(batch: Feeds, scalars: Arrays): Promise<StepResult> {
    const out = await runUpdate({ ...untrained, ...current, ...scalars, ...batch });
    return readReport(out, out.gradNorm.data[0] as number);
  }

  async function accumulated(
    executable: Executable,
    batches: readonly Feeds[],
    scalars: Arrays,
  ): Promise<StepResult> {
    for (const { data } of Object.values(sums)) (data as Float32Array).fill(0);
    let totalWeight = 0;
    const totals: Record<string, number> = {};
    for (const batch of batches) {
      const feeds = { ...untrained, ...current, ...sums, ...batch };
      const out = await executable.run(selectInputs(executable.program, feeds), {
        into: asOutputs(nextSums),
      });
      [sums, nextSums] = [nextSums, sums];
      const weight = out.weight ? (out.weight.data[0] as number) : 1;
      totalWeight += weight;
      const { loss, metrics } = readReport(out, 0);
      for (const [name, value] of Object.entries({ loss, ...metrics })) {
        totals[name] = (totals[name] ?? 0) + weight * value;
      }
    }
    const scale = totalWeight > 0 ? 1 / totalWeight : 0;
    const gradientScale = { [GRADIENT_SCALE]: scalar(scale) };
    const out = await runUpdate({ ...current, ...sums, ...scalars, ...gradientScale });
    const { loss, ...metrics } = mapValues(totals, (total) => total * scale);
    return { loss, metrics, gradNorm: out.gradNorm.data[0] as number };
  }

  function view(): TrainerState {
    const params = mapValues(options.params, (value, name) => current[name] ?? value);
    const slots = options.optimiser.slots.flatMap((slot) =>
      graphs.trained.map((name) => [`${slot}/${name}`, current[slotName(slot, name)]] as const),
    );
    const ema = Object.fromEntries(graphs.trained.map((name) => [name, current[emaName(name)]]));
    return {
      step: done,
      params,
      optimiser: Object.fromEntries(slots),
      ...(options.emaDecay !== undefined && { ema: { ...params, ...ema } }),
    };
  }

  return {
    trained: graphs.trained,
    state: view,
    async step(batches, lr) {
      if (batches.length !== microBatches) {
        throw new GlassboxError(`${batches.length} batches for a step of ${microBatches}`, {
          code: 'bad-batch',
          remedy: 'Give as many batches as microBatches says.',
        });
      }
      const scalars = mapValues(graphs.scalars(done + 1, lr), scalar);
      const result = accumulate
        ? await accumulated(accumulate, batches, scalars)
        : await fused(batches[0], scalars);
      if (!Number.isFinite(result.loss) || !Number.isFinite(result.gradNorm)) {
        const program = graphs.gradients();
        const feeds = batches.map((batch) => ({ ...untrained, ...current, ...batch }));
        throw await nonFiniteError({ runtime, program, feeds, result, step: done });
      }
      [current, next] = [next, current];
      done++;
      return result;
    },
    restore(state) {
      const held = view();
      requireSameNames(held.params, state.params, 'parameters');
      requireSameNames(held.optimiser, state.optimiser, 'optimiser state');
      requireSameNames(held.ema ?? {}, state.ema ?? {}, 'moving averages');
      for (const name of trained) copyInto(current[name], state.params[name]);
      for (const [name, value] of Object.entries(state.optimiser)) {
        copyInto(current[`optimiser/${name}`], value);
      }
      for (const name of trained) if (state.ema) copyInto(current[emaName(name)], state.ema[name]);
      done = state.step;
    },
    async release() {
      await update.release();
      await accumulate?.release();
    },
  };
}

function readReport(out: Record<string, TensorData>, gradNorm: number): StepResult {
  const prefix = 'metrics/';
  const metrics = Object.entries(out)
    .filter(([name]) => name.startsWith(prefix))
    .map(([name, { data }]) => [name.slice(prefix.length), Number(data[0])] as const);
  return { loss: out.loss.data[0] as number, gradNorm, metrics: Object.fromEntries(metrics) };
}

function asOutputs(arrays: Arrays): Arrays {
  return Object.fromEntries(
    Object.entries(arrays).map(([name, value]) => [NEXT + name, value] as const),
  );
}

function copyInto(target: TensorData, source: TensorData): void {
  (target.data as Float32Array).set(source.data as Float32Array);
}

function without(params: Params, names: ReadonlySet<string>): Arrays {
  return Object.fromEntries(Object.entries(params).filter(([name]) => !names.has(name)));
}

function mapValues<T, U>(
  record: Readonly<Record<string, T>>,
  change: (value: T, name: string) => U,
): Record<string, U> {
  return Object.fromEntries(
    Object.entries(record).map(([name, value]) => [name, change(value, name)]),
  );
}

function requireSameNames(held: Params, given: Params, what: string): void {
  const names = new Set([...Object.keys(held), ...Object.keys(given)]);
  for (const name of names) {
    const [a, b] = [held[name], given[name]];
    if (a && b && formatShape(a.shape) === formatShape(b.shape)) continue;
    const expected = a ? formatShape(a.shape) : 'not present';
    const found = b ? formatShape(b.shape) : 'not present';
    throw new GlassboxError(`saved ${what}: '${name}' is ${found}, expected ${expected}`, {
      code: 'bad-checkpoint',
      remedy: 'Resume with the model and optimiser the checkpoint was made with.',
      details: { name },
    });
  }
}
