/** Speed and memory as shares of what the machine can do, measured in the same run. */
import { GlassboxError, nearestNames } from '../base/error.ts';
import type { ProgressListener } from '../base/progress.ts';
import { randomModel } from '../model/random.ts';
import { nodeRuntime } from '../runtime/index.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { type ClockKind, createClock } from './clock.ts';
import { compile, runOverhead } from './compile.ts';
import { decode } from './decode.ts';
import { cachedLong, forwardLong, forwardShort, type Subject } from './forward.ts';
import { describeMachine, load } from './machine.ts';
import type { Settings } from './measure.ts';
import { peakMemory } from './memory.ts';
import { createRooflines } from './roofline.ts';
import { fullSizes, type Sizes, tinySizes } from './sizes.ts';
import { trainStep } from './train.ts';
import type { BenchReport, BenchResult } from './types.ts';

export type { BenchReport, BenchResult, BenchRule, Machine } from './types.ts';

export interface BenchOptions {
  /** Which benches to run; all unless told. */
  readonly names?: readonly string[];
  /** Small shapes that take a second, to see that everything works. */
  readonly tiny?: boolean;
  /** Samples per figure, 9 unless told. */
  readonly repeats?: number;
  /** Threads per run; ONNX Runtime's choice unless told. */
  readonly threads?: number;
  /**
   * `wall` unless told. `processor`, together with one thread, gives figures on a machine that has other
   * work: waiting for a core does not count.
   */
  readonly clock?: ClockKind;
  readonly progress?: ProgressListener;
  readonly signal?: AbortSignal;
}

interface Given {
  readonly sizes: Sizes;
  readonly settings: Settings;
  readonly runtime: Runtime;
  readonly threads: number | undefined;
  /** The large model, made when the first bench asks for it. */
  readonly subject: () => Subject;
}

const benches: Readonly<Record<string, (given: Given) => Promise<BenchResult>>> = {
  forward512: ({ subject, settings }) => forwardLong(subject(), settings),
  cached512: ({ subject, settings }) => cachedLong(subject(), settings),
  forward16: ({ subject, settings }) => forwardShort(subject(), settings),
  decode256: ({ subject, settings }) => decode(subject(), settings),
  train: ({ runtime, sizes, settings }) => trainStep(runtime, sizes, settings),
  'compile-fed': ({ subject, settings, threads }) =>
    compile(subject(), settings, { name: 'compile-fed', frozen: false, bar: 0.2, threads }),
  'compile-frozen': ({ subject, settings, threads }) =>
    compile(subject(), settings, { name: 'compile-frozen', frozen: true, bar: 1.5, threads }),
  overhead: ({ subject, settings, threads }) => runOverhead(subject(), settings, threads),
  memory512: ({ sizes, settings, threads }) => peakMemory(sizes, settings, threads),
};

/** The names of all benches, in the order they run. */
export const benchNames: readonly string[] = Object.keys(benches);

function checkNames(names: readonly string[]): void {
  for (const name of names) {
    if (Object.hasOwn(benches, name)) continue;
    throw new GlassboxError(`there is no bench '${name}'`, {
      code: 'unknown-bench',
      remedy: `Nearest names: ${nearestNames(name, benchNames).join(', ')}.`,
      details: { name, benches: benchNames },
    });
  }
}

/**
 * Measures speed and memory, every figure beside a roofline of the same run.
 *
 * @throws GlassboxError `unknown-bench`, `bench-failed`, `cancelled`
 */
export async function runBenches(options: BenchOptions = {}): Promise<BenchReport> {
  const {
    names = benchNames,
    tiny = false,
    repeats = 9,
    threads,
    clock = 'wall',
    signal,
  } = options;
  checkNames(names);
  const loadBefore = load();
  const sizes = tiny ? tinySizes : fullSizes;
  const runtime = nodeRuntime({ threads });
  const rooflines = await createRooflines(runtime, sizes, createClock(clock));
  const progress = options.progress ?? (() => undefined);
  const settings: Settings = {
    rooflines,
    repeats,
    progress,
    signal,
    clock: createClock(clock),
  };
  let made: Subject | undefined;
  const subject = () => (made ??= { model: randomModel(sizes.model, 0, { runtime }), sizes });
  const results: BenchResult[] = [];
  try {
    for (const name of names) {
      results.push(await benches[name]({ sizes, settings, runtime, threads, subject }));
      // A bench leaves its programs behind, some with a copy of all weights.
      await made?.model.release();
    }
    if (rooflines.samples.length === 0) await rooflines.sample();
  } catch (error) {
    if (!signal?.aborted) throw error;
    throw new GlassboxError('the benches were stopped', {
      code: 'cancelled',
      remedy: 'Run them again; name one to run it alone.',
      kind: 'failure',
      cause: error,
    });
  } finally {
    await made?.model.release();
    await rooflines.release();
  }
  const machine = describeMachine({ threads, clock, loadBefore, rates: rooflines.samples });
  return { machine, sizes: sizes.name, benches: results };
}
