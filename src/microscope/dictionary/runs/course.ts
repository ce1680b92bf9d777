import type { DictionaryEvent } from '../train/train.ts';

/** What is told of a dictionary at every step. */
export const RUN_METRICS = ['loss', 'l0', 'explainedVariance', 'dead'] as const;
/** One of {@link RUN_METRICS}. */
export type RunMetric = (typeof RUN_METRICS)[number];

/** A stretch of steps: sums over its steps, by task and metric. */
interface Stretch {
  /** Updates done at its end. */
  end: number;
  steps: number;
  sums: Float64Array;
}

/** A metric over the stretches of a run: its mean over seeds, with the smallest and the largest of them. */
export interface RunCurve {
  readonly mean: readonly number[];
  readonly low: readonly number[];
  readonly high: readonly number[];
}

/** The course of one dictionary, seeds taken together. */
export interface DictionaryCourse extends Readonly<Record<RunMetric, RunCurve>> {
  readonly name: string;
  readonly seeds: number;
}

/** How far a run has come. */
export interface RunState {
  readonly state: 'running' | 'interrupted' | 'finished';
  readonly step: number;
  readonly steps: number;
  readonly rowsPerSecond: number | null;
  readonly dictionaries: readonly string[];
}

const baseName = (task: string): string => task.split('@')[0];

/**
 * The course of a dictionary training, gathered event by event in bounded memory: when there are more than `most`
 * stretches, neighbours are taken together.
 */
export class RunCourse {
  readonly #most: number;
  #tasks: readonly string[] = [];
  #stretches: Stretch[] = [];
  /** Steps per stretch. */
  #stride = 1;
  #state: RunState['state'] = 'running';
  #step = 0;
  #steps = 0;
  #rate: number | null = null;

  constructor(options: { readonly most?: number } = {}) {
    this.#most = options.most ?? 240;
  }

  add(event: DictionaryEvent): void {
    switch (event.type) {
      case 'started':
        this.#start(event);
        break;
      case 'step':
        this.#add(event);
        break;
      case 'interrupted':
      case 'finished':
        this.#state = event.type;
    }
  }

  #start({ step, steps, tasks }: Extract<DictionaryEvent, { type: 'started' }>): void {
    if (tasks.join('\n') !== this.#tasks.join('\n')) {
      this.#tasks = tasks;
      this.#stretches = [];
      this.#stride = 1;
    }
    // Steps after the checkpoint that a run goes on from are done again.
    this.#stretches = this.#stretches.filter(({ end }) => end <= step);
    this.#state = 'running';
    this.#step = step;
    this.#steps = steps;
  }

  #add({ step, rowsPerSecond, tasks }: Extract<DictionaryEvent, { type: 'step' }>): void {
    this.#state = 'running';
    this.#step = step + 1;
    this.#rate = rowsPerSecond;
    let last = this.#stretches.at(-1);
    if (!last || last.steps >= this.#stride) {
      const size = this.#tasks.length * RUN_METRICS.length;
      last = { end: 0, steps: 0, sums: new Float64Array(size) };
      this.#stretches.push(last);
    }
    last.end = step + 1;
    last.steps++;
    for (const [t, task] of this.#tasks.entries()) {
      RUN_METRICS.forEach((metric, m) => {
        // JSON has no NaN: what was not a number is null there.
        last.sums[t * RUN_METRICS.length + m] += tasks[task]?.[metric] ?? Number.NaN;
      });
    }
    if (this.#stretches.length > this.#most) this.#thin();
  }

  #thin(): void {
    this.#stride *= 2;
    const all = this.#stretches;
    this.#stretches = [];
    for (let i = 0; i < all.length; i += 2) {
      const [first, second] = [all[i], all[i + 1]];
      if (!second) {
        this.#stretches.push(first);
        continue;
      }
      this.#stretches.push({
        end: second.end,
        steps: first.steps + second.steps,
        sums: first.sums.map((sum, j) => sum + second.sums[j]),
      });
    }
  }

  get state(): RunState {
    return {
      state: this.#state,
      step: this.#step,
      steps: this.#steps,
      rowsPerSecond: this.#rate,
      dictionaries: [...new Set(this.#tasks.map(baseName))],
    };
  }

  /** Updates done at the end of every stretch. */
  get at(): number[] {
    return this.#stretches.map(({ end }) => end);
  }

  curves(): DictionaryCourse[] {
    return this.state.dictionaries.map((name) => {
      const own = [...this.#tasks.keys()].filter((t) => baseName(this.#tasks[t]) === name);
      const metrics = RUN_METRICS.map((metric, m): [RunMetric, RunCurve] => {
        const [mean, low, high]: [number[], number[], number[]] = [[], [], []];
        for (const { sums, steps } of this.#stretches) {
          const values = own.map((t) => sums[t * RUN_METRICS.length + m] / steps);
          mean.push(values.reduce((a, b) => a + b, 0) / values.length);
          low.push(Math.min(...values));
          high.push(Math.max(...values));
        }
        return [metric, { mean, low, high }];
      });
      const course = Object.fromEntries(metrics) as Record<RunMetric, RunCurve>;
      return { name, seeds: own.length, ...course };
    });
  }
}
