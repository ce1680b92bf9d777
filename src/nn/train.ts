import { setImmediate as nextTurn } from 'node:timers/promises';
import { GlassboxError } from '../base/error.ts';
import type { FileContent } from '../base/files.ts';
import type { Rng, RngState } from '../base/rng.ts';
import type { Feeds } from '../runtime/runtime.ts';
import { type Checkpoint, loadCheckpoint, saveCheckpoint } from './checkpoint.ts';
import {
  type BestOptions,
  bestCheckpoint,
  listCheckpoints,
  pruneCheckpoints,
  removeLeftovers,
} from './checkpoint-folder.ts';
import { countTokens, type DataSource } from './data.ts';
import type { TrainEvent, TrainListener } from './events.ts';
import { cloneParams, countParams, type Params } from './params.ts';
import type { Schedule } from './schedule.ts';
import { createTrainer, type Trainer, type TrainerOptions, type TrainerState } from './trainer.ts';

/** When and where a training run saves its state. */
export interface CheckpointOptions {
  /** Folder of the checkpoints; made when needed. */
  readonly folder: string;
  /** Updates between checkpoints; one is always made at the end and on interruption. */
  readonly every?: number;
  /** How many of the latest stay; 2 unless told. The best one stays beside them. */
  readonly keep?: number;
  readonly best?: BestOptions;
  /** Continue from the latest checkpoint. Without it, a folder that has one is refused. */
  readonly resume?: boolean;
  /** Writes one file; tests put failing disks here. */
  readonly write?: (path: string, content: FileContent) => Promise<void>;
}

/** When and how a training run is measured. */
export interface EvaluateOptions {
  /** Updates between evaluations; there is one at the end too. */
  readonly every: number;
  /** Measures a state; the arrays are views, valid until it returns. */
  readonly run: (state: TrainerState) => Promise<Readonly<Record<string, number>>>;
}

/** Settings of a whole training run. */
export interface TrainOptions extends TrainerOptions {
  readonly data: DataSource;
  readonly schedule: Schedule;
  /** Updates in all, those before a resume included. */
  readonly steps: number;
  readonly evaluate?: EvaluateOptions;
  readonly checkpoints?: CheckpointOptions;
  /** Generators the data or the caller draws from; their states are saved and restored. */
  readonly rngs?: Readonly<Record<string, Rng>>;
  /** JSON that must be equal on resume: corpus hash, model config, batch size. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Finishes the step at hand, checkpoints and stops when it aborts. See {@link interruptSignal}. */
  readonly signal?: AbortSignal;
  /** Tokens of a batch, for the speed; {@link countTokens} unless told. */
  readonly countTokens?: (feeds: Feeds) => number;
}

/** Where a training run ended. */
export interface TrainResult {
  /** Updates done. */
  readonly step: number;
  readonly interrupted: boolean;
  readonly params: Params;
  readonly ema?: Params;
}

/**
 * Trains, telling events as it goes; ask for the next event to go on. The generator's return value
 * (and {@link runTraining}'s) holds the trained parameters. A run that is stopped and resumed
 * gives the same bits as one that was not.
 *
 * @throws GlassboxError `not-finite` with step and parameter; `checkpoint-failed`; `bad-checkpoint`
 */
export async function* train(options: TrainOptions): AsyncGenerator<TrainEvent, TrainResult> {
  const { steps, schedule, data, signal, evaluate, checkpoints, microBatches = 1 } = options;
  const tokensOf = options.countTokens ?? countTokens;
  const started = performance.now();
  const trainer = await createTrainer(options);
  try {
    const resumedFrom = checkpoints && (await resume(trainer, options, checkpoints));
    let { step } = trainer.state();
    let metrics: Readonly<Record<string, number>> = {};
    let savedAt = resumedFrom === undefined ? -1 : step;
    const parameters = countParams(
      Object.fromEntries(trainer.trained.map((name) => [name, options.params[name]])),
    );
    yield { type: 'started', step, steps, parameters, ...(resumedFrom && { resumedFrom }) };

    while (step < steps && !signal?.aborted) {
      const begin = performance.now();
      const batches: Feeds[] = [];
      for (let i = 0; i < microBatches; i++)
        batches.push(await data.batch(step * microBatches + i));
      const lr = schedule(step);
      const result = await trainer.step(batches, lr);
      const seconds = (performance.now() - begin) / 1000;
      const tokens = batches.reduce((total, batch) => total + tokensOf(batch), 0);
      yield { type: 'step', step, lr, seconds, tokensPerSecond: tokens / seconds, ...result };
      step++;
      const last = step === steps;
      if (evaluate && (step % evaluate.every === 0 || last)) {
        metrics = await evaluate.run(trainer.state());
        yield { type: 'eval', step, metrics };
      }
      if (checkpoints && (step % (checkpoints.every ?? steps) === 0 || last)) {
        yield await save();
      }
      // Native runs do not give way by themselves; Ctrl-C and other listeners get their turn here.
      await nextTurn();
    }

    const interrupted = step < steps;
    if (checkpoints && savedAt !== step) yield await save();
    yield interrupted
      ? { type: 'interrupted', step }
      : { type: 'finished', step, seconds: (performance.now() - started) / 1000 };
    const { params, ema } = trainer.state();
    return {
      step,
      interrupted,
      params: cloneParams(params),
      ...(ema && { ema: cloneParams(ema) }),
    };

    async function save(): Promise<TrainEvent> {
      const { folder, keep = 2, best, write } = checkpoints!;
      const checkpoint: Checkpoint = {
        state: trainer.state(),
        meta: {
          config: configOf(options),
          rng: Object.fromEntries(
            Object.entries(options.rngs ?? {}).map(([name, rng]) => [name, rng.state]),
          ),
          data: data.state?.(),
          metrics,
        },
      };
      const path = await saveCheckpoint(folder, checkpoint, { ...(write && { write }) });
      savedAt = step;
      const isBest = best !== undefined && (await bestCheckpoint(folder, best))?.step === step;
      await pruneCheckpoints(folder, { keep, ...(best && { best }) });
      return { type: 'checkpoint', step, path, best: isBest };
    }
  } finally {
    await trainer.release();
  }
}

/** Runs a training to its end, telling every event to all listeners. */
export async function runTraining(
  options: TrainOptions,
  ...listeners: readonly TrainListener[]
): Promise<TrainResult> {
  const events = train(options);
  for (;;) {
    const { done, value } = await events.next();
    if (done) return value;
    for (const listener of listeners) listener(value);
  }
}

/** What a resumed run must have in common with the one it continues. */
function configOf(options: TrainOptions): Record<string, unknown> {
  const { optimiser, microBatches = 1, clipNorm = null, emaDecay = null } = options;
  return {
    optimiser: optimiser.name,
    optimiserConfig: { ...optimiser.config, weightDecay: optimiser.weightDecay },
    microBatches,
    clipNorm,
    emaDecay,
    ...options.config,
  };
}

/** Continues from the latest checkpoint, if there is one; returns its path. */
async function resume(
  trainer: Trainer,
  options: TrainOptions,
  { folder, resume: wanted = false }: CheckpointOptions,
): Promise<string | undefined> {
  await removeLeftovers(folder);
  const latest = (await listCheckpoints(folder)).at(-1);
  if (!latest) return undefined;
  if (!wanted) {
    throw new GlassboxError(`${folder} already holds a checkpoint of step ${latest.step}`, {
      code: 'checkpoints-exist',
      remedy: 'Resume, or choose another folder.',
      details: { folder, step: latest.step },
    });
  }
  const { state, meta } = await loadCheckpoint(latest.path);
  requireSameConfig(meta.config, configOf(options), latest.path);
  for (const [name, rng] of Object.entries(options.rngs ?? {})) {
    const saved = meta.rng[name];
    if (saved?.length !== 4) throw mismatch(latest.path, `rng '${name}'`, 'it is not there');
    rng.state = saved as RngState;
  }
  trainer.restore(state);
  if (meta.data !== undefined) options.data.restore?.(meta.data);
  return latest.path;
}

function requireSameConfig(
  saved: Readonly<Record<string, unknown>>,
  given: Readonly<Record<string, unknown>>,
  path: string,
): void {
  for (const key of new Set([...Object.keys(saved), ...Object.keys(given)])) {
    const [was, is] = [JSON.stringify(saved[key]), JSON.stringify(given[key])];
    if (was !== is) throw mismatch(path, key, `${was} then, ${is} now`);
  }
}

function mismatch(path: string, key: string, difference: string): GlassboxError {
  return new GlassboxError(`${path} was made with another ${key}: ${difference}`, {
    code: 'checkpoint-mismatch',
    remedy: 'Resume with the settings of the checkpoint, or start in another folder.',
    details: { path, key },
  });
}
