import { setImmediate as nextTurn } from 'node:timers/promises';
import { GlassboxError } from '../../../base/error.ts';
import {
  listCheckpoints,
  loadCheckpoint,
  pruneCheckpoints,
  type Schedule,
  saveCheckpoint,
  warmupStableDecaySchedule,
} from '../../../nn/index.ts';
import type { Runtime } from '../../../runtime/runtime.ts';
import type { BatchSource, BufferState } from '../data/buffer.ts';
import type { Dictionary, DictionaryConfig } from '../types.ts';
import type { Arrays } from './params.ts';
import { type DictionaryTask, taskAddresses } from './rule.ts';
import {
  createDictionaryTrainer,
  type DictionaryStepReport,
  type DictionaryTrainer,
  inputScales,
} from './trainer.ts';

/** What dictionary training tells while it runs. */
export type DictionaryEvent =
  | {
      readonly type: 'started';
      /** Updates done before, more than 0 when resumed. */
      readonly step: number;
      readonly steps: number;
      readonly tasks: readonly string[];
    }
  | {
      readonly type: 'step';
      readonly step: number;
      readonly rowsPerSecond: number;
      readonly lr: number;
      readonly tasks: Readonly<Record<string, DictionaryStepReport>>;
    }
  | { readonly type: 'checkpoint'; readonly step: number; readonly path: string }
  | { readonly type: 'interrupted'; readonly step: number }
  | { readonly type: 'finished'; readonly step: number; readonly seconds: number };

/** Gets every event of a dictionary training, in order. */
export type DictionaryListener = (event: DictionaryEvent) => void;

/** What is trained together on one stream of activations, and how. */
export interface TrainDictionariesOptions {
  readonly tasks: readonly DictionaryTask[];
  readonly source: BatchSource;
  readonly runtime: Runtime;
  /** Rows per step. */
  readonly rows: number;
  readonly steps: number;
  readonly model: DictionaryConfig['model'];
  /** What `source` reads, as JSON; a checkpoint of other data is not continued. */
  readonly data?: unknown;
  /** Scale activations to a mean length of √width while training. On unless told. */
  readonly normalise?: boolean;
  /** Steps over which the rate rises; 5 % of all, at most 1000, unless told. */
  readonly warmup?: number;
  /** Share of the steps over which the rate falls to 0 at the end. Default .2. */
  readonly decay?: number;
  /** Steps over which the sparsity penalty of dense rules rises; 5 % of all unless told. */
  readonly sparsityWarmup?: number;
  readonly deadAfter?: number;
  /** Leave features out that are dead at the end. */
  readonly prune?: boolean;
  readonly checkpoints?: { readonly folder: string; readonly every: number };
  readonly signal?: AbortSignal;
  readonly listeners?: readonly DictionaryListener[];
}

/** Where a dictionary training ended. */
export interface TrainedDictionaries {
  readonly step: number;
  readonly interrupted: boolean;
  /** Per task, one dictionary per part. */
  readonly dictionaries: Readonly<Record<string, readonly Dictionary[]>>;
}

/**
 * Trains several dictionaries on one stream of activations in one pass. A run whose checkpoint folder holds a
 * checkpoint continues from the latest one and gives the same bits as one that was never stopped.
 *
 * @throws GlassboxError `bad-dictionary-task`, `not-finite`, `checkpoint-failed`, `bad-checkpoint`
 */
export async function trainDictionaries(
  options: TrainDictionariesOptions,
): Promise<TrainedDictionaries> {
  const { tasks, source, runtime, rows, steps, checkpoints, signal, listeners = [] } = options;
  const tell: DictionaryListener = (event) => {
    for (const listener of listeners) listener(event);
  };
  const started = performance.now();
  const statistics = await source.statistics();
  checkTasks(tasks, Object.keys(statistics));
  const scales =
    options.normalise === false
      ? Object.fromEntries(Object.keys(statistics).map((address) => [address, 1]))
      : inputScales(statistics);
  const trainers: DictionaryTrainer[] = [];
  try {
    for (const task of tasks) {
      const { deadAfter } = options;
      trainers.push(
        await createDictionaryTrainer({ task, runtime, rows, statistics, scales, deadAfter }),
      );
    }
    let step = checkpoints ? await resume(trainers, source, options) : 0;
    let saved = step;
    const shape = rateShape(options);
    tell({ type: 'started', step, steps, tasks: tasks.map(({ name }) => name) });
    while (step < steps && !signal?.aborted) {
      const begin = performance.now();
      const batch = await source.next();
      const factor = shape(step);
      const sparsity = Math.min(1, (step + 1) / Math.max(1, options.sparsityWarmup ?? steps / 20));
      const restarts = step < RESTARTED * steps;
      const reports: Record<string, DictionaryStepReport> = {};
      for (const trainer of trainers) {
        const { name, learningRate } = trainer.task;
        const lr = factor * learningRate;
        const own = Object.fromEntries(
          taskAddresses(trainer.task).map((address) => [address, batch[address]]),
        );
        reports[name] = await trainer.step(own, { lr, sparsity, restarts });
      }
      const seconds = (performance.now() - begin) / 1000;
      tell({ type: 'step', step, rowsPerSecond: rows / seconds, lr: factor, tasks: reports });
      step++;
      if (checkpoints && step % checkpoints.every === 0) await save();
      // Native runs do not give way by themselves; Ctrl-C gets its turn here.
      await nextTurn();
    }
    if (checkpoints && saved !== step) await save();
    const interrupted = step < steps;
    const seconds = (performance.now() - started) / 1000;
    tell(interrupted ? { type: 'interrupted', step } : { type: 'finished', step, seconds });
    const dictionaries = Object.fromEntries(
      trainers.map((trainer) => [trainer.task.name, trainer.dictionaries(options.model, options)]),
    );
    return { step, interrupted, dictionaries };

    async function save() {
      const { folder } = checkpoints!;
      const path = await saveCheckpoint(folder, {
        state: { step, ...collect(trainers) },
        meta: {
          config: configOf(options),
          rng: {},
          data: { buffer: source.state() },
          metrics: {},
        },
      });
      saved = step;
      await pruneCheckpoints(folder, { keep: 2 });
      tell({ type: 'checkpoint', step, path });
    }
  } finally {
    for (const trainer of trainers) await trainer.release();
  }
}

/** Share of the steps in which dead features may start anew; what starts later has no time to learn. */
const RESTARTED = 0.7;

/** The learning rate as a share of its peak. */
function rateShape(options: TrainDictionariesOptions): Schedule {
  const { steps, decay = 0.2 } = options;
  const warmup = options.warmup ?? Math.min(1000, Math.floor(steps / 20));
  const fall = Math.min(steps - warmup, Math.floor(decay * steps));
  const schedule = warmupStableDecaySchedule({ peak: 1, total: steps, warmup, decay: fall });
  // Step 0 of a warm-up has rate 0 there; a first step that moves nothing would be a wasted batch.
  return (step) => (step < warmup ? (step + 1) / warmup : schedule(step));
}

function checkTasks(tasks: readonly DictionaryTask[], available: readonly string[]): void {
  const problem = (message: string, remedy: string): never => {
    throw new GlassboxError(message, { code: 'bad-dictionary-task', remedy });
  };
  if (tasks.length === 0) problem('there is no dictionary to train', 'Name at least one.');
  const names = new Set<string>();
  for (const task of tasks) {
    const { name, rule, dDict } = task;
    if (names.has(name)) problem(`two dictionaries are named '${name}'`, 'Rename one of them.');
    names.add(name);
    for (const address of taskAddresses(task)) {
      if (!available.includes(address)) {
        problem(`'${name}' needs '${address}', which is not read`, 'Add it to what is read.');
      }
    }
    if ('k' in rule && !(rule.k >= 1 && rule.k <= dDict)) {
      problem(`'${name}': k ${rule.k} is outside 1 to ${dDict}`, 'Choose a smaller k.');
    }
    if ('tanhScale' in rule && rule.tanhScale !== undefined && rule.targetL0 !== undefined) {
      problem(
        `'${name}' has both tanhScale and targetL0`,
        'A tanh penalty has no target; give one of them.',
      );
    }
    const prefixes = 'prefixes' in rule ? rule.prefixes : undefined;
    const growing = prefixes?.every((size, i) => size > (prefixes[i - 1] ?? 0));
    if (prefixes && (!growing || prefixes.at(-1) !== dDict)) {
      problem(
        `'${name}': prefixes ${prefixes.join(', ')} do not grow to the width ${dDict}`,
        'Give increasing sizes that end with the number of features.',
      );
    }
  }
}

function collect(trainers: readonly DictionaryTrainer[]): { params: Arrays; optimiser: Arrays } {
  const out = { params: {} as Arrays, optimiser: {} as Arrays };
  for (const trainer of trainers) {
    const { params, rest } = trainer.state();
    const { name } = trainer.task;
    for (const [key, value] of Object.entries(params)) out.params[`${name}/${key}`] = value;
    for (const [key, value] of Object.entries(rest)) out.optimiser[`${name}/${key}`] = value;
  }
  return out;
}

/** What a resumed run must have in common with the one it continues. */
function configOf(options: TrainDictionariesOptions): Record<string, unknown> {
  const { tasks, rows, steps, normalise = true, model } = options;
  const { data = null, deadAfter = null } = options;
  const { warmup = null, decay = null, sparsityWarmup = null } = options;
  const shape = { warmup, decay, sparsityWarmup };
  return { tasks, rows, steps, normalise, model, data, deadAfter, ...shape };
}

/** Settings of a checkpoint that a run does not share; older checkpoints say less. */
function differences(saved: unknown, options: TrainDictionariesOptions): string[] {
  const own = configOf(options);
  return Object.entries(saved as Record<string, unknown>).flatMap(([name, value]) =>
    JSON.stringify(value) === JSON.stringify(own[name]) ? [] : [name],
  );
}

/** Continues from the latest checkpoint; returns the updates done. */
async function resume(
  trainers: readonly DictionaryTrainer[],
  source: BatchSource,
  options: TrainDictionariesOptions,
): Promise<number> {
  const latest = (await listCheckpoints(options.checkpoints!.folder)).at(-1);
  if (!latest) return 0;
  const { state, meta } = await loadCheckpoint(latest.path);
  const different = differences(meta.config, options);
  if (different.length > 0) {
    throw new GlassboxError(
      `${latest.path} was made with another configuration: ${different.join(', ')} differ`,
      {
        code: 'checkpoint-mismatch',
        remedy: 'Resume with the settings of the checkpoint, or start in another folder.',
        details: { path: latest.path, different },
      },
    );
  }
  const own = (arrays: Readonly<Arrays>, name: string): Arrays =>
    Object.fromEntries(
      Object.entries(arrays).flatMap(([key, value]) =>
        key.startsWith(`${name}/`) ? [[key.slice(name.length + 1), value]] : [],
      ),
    );
  for (const trainer of trainers) {
    const { name } = trainer.task;
    const params = own(state.params, name);
    trainer.restore({ step: state.step, params, rest: own(state.optimiser, name) });
  }
  source.restore((meta.data as { buffer: BufferState }).buffer);
  return state.step;
}
