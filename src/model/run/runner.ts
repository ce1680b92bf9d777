import type { TensorData } from '../../graph/op.ts';
import type { Program } from '../../graph/program.ts';
import type { Executable, Feeds, RunOptions, Runtime } from '../../runtime/runtime.ts';
import type { Parameters } from '../weights/checkpoint.ts';
import { joinLinear } from '../weights/layout.ts';

/**
 * How weights reach a program; results differ by rounding only.
 * - `fed`: as inputs, one copy in memory however many programs there are, quick to compile.
 * - `transposed`: as inputs, and for calls of 2 to 64 positions a second copy of the linear layers
 *   as `[out, in]`, shared by all programs: about 2.5 times as fast for those.
 * - `frozen`: built in, packed for the matrix kernels: the fastest for one position at a time, as in
 *   generation. A second copy per program, slow to compile.
 */
export type WeightMode = 'fed' | 'transposed' | 'frozen';

const TRANSPOSED = 'transposed/';

/** The input of a linear weight `[in, out]` as `[out, in]`. */
export function transposedName(name: string): string {
  return TRANSPOSED + name;
}

/** Programs kept per model and mode; the least recently used are released beyond this. */
const KEPT_PROGRAMS: { readonly [M in WeightMode]: number } = {
  fed: 32,
  transposed: 32,
  frozen: 4,
};

/** A compiled program. */
export interface Kept {
  readonly program: Program;
  readonly weights: WeightMode;
  readonly executable: Promise<Executable>;
  /** The weights it is fed at every run. */
  readonly fed: Feeds;
  /** Runs that are under way. */
  running: number;
  /** No longer kept: to be released after the runs that are under way. */
  dropped: boolean;
}

/** A runtime in another thread takes weights once, as memory that both threads see. */
interface Sharing {
  readonly share?: (feeds: Feeds) => Record<string, TensorData>;
}

/** Compiles and runs the programs of one model over its weights. */
export class Runner {
  readonly #runtime: Runtime;
  /** The weights, in memory that the runtime reads without copying. */
  readonly params: Parameters;
  readonly #kept = new Map<string, Kept>();
  readonly #transposed = new Map<string, TensorData>();

  constructor(runtime: Runtime, params: Parameters) {
    this.#runtime = runtime;
    this.params = this.#share(params);
  }

  #share(feeds: Feeds): Feeds {
    return (this.#runtime as Sharing).share?.(feeds) ?? feeds;
  }

  /** A zeroed float32 array that the runtime reads and writes without copying. */
  allocate(shape: readonly number[]): TensorData {
    const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
    return this.#share({ array: { dtype: 'float32', shape, data } }).array;
  }

  /** The program for a key, traced and compiled when it is new. Run it before waiting for anything. */
  program(key: string, weights: WeightMode, trace: () => Program): Kept {
    const fullKey = `${weights} ${key}`;
    let kept = this.#kept.get(fullKey);
    if (kept) this.#kept.delete(fullKey);
    else kept = this.#compile(fullKey, weights, trace());
    this.#kept.set(fullKey, kept);
    this.#evict(weights);
    return kept;
  }

  #compile(key: string, weights: WeightMode, program: Program): Kept {
    const own = this.#weightsOf(program);
    const frozen = weights === 'frozen' ? own : {};
    const executable = this.#runtime.compile(program, { frozen });
    executable.catch(() => this.#kept.delete(key));
    const fed = weights === 'frozen' ? {} : own;
    return { program, weights, executable, fed, running: 0, dropped: false };
  }

  #weightsOf(program: Program): Record<string, TensorData> {
    const own: Record<string, TensorData> = {};
    for (const { attrs } of program.inputs) {
      const { name } = attrs;
      if (name in this.params) own[name] = this.params[name];
      else if (name.startsWith(TRANSPOSED))
        own[name] = this.#transpose(name.slice(TRANSPOSED.length));
    }
    return own;
  }

  /** A linear weight as `[out, in]`, made once for all programs. */
  #transpose(name: string): TensorData {
    let found = this.#transposed.get(name);
    if (!found) {
      const { shape, data } = this.params[name];
      const [inWidth, out] = shape;
      found = this.allocate([out, inWidth]);
      const layout = { orientation: 'out_in', inWidth, parts: [out], groups: 1 } as const;
      (found.data as Float32Array).set(joinLinear([data as Float32Array], layout));
      this.#transposed.set(name, found);
    }
    return found;
  }

  /** Runs a kept program, feeding the weights where they are inputs. */
  async run(kept: Kept, feeds: Feeds, options?: RunOptions): Promise<Record<string, TensorData>> {
    kept.running++;
    try {
      const executable = await kept.executable;
      // An edit can cut the program off from some of what was prepared, e.g. from the tokens.
      const all: Record<string, TensorData> = { ...kept.fed };
      for (const { attrs } of kept.program.inputs) {
        if (attrs.name in feeds) all[attrs.name] = feeds[attrs.name];
      }
      return await executable.run(all, options);
    } finally {
      kept.running--;
      await this.#releaseIfDone(kept);
    }
  }

  async #releaseIfDone(kept: Kept): Promise<void> {
    if (kept.dropped && kept.running === 0) await (await kept.executable).release();
  }

  #evict(weights: WeightMode): void {
    const same = [...this.#kept].filter(([, kept]) => kept.weights === weights);
    for (const [key, kept] of same.slice(0, -KEPT_PROGRAMS[weights])) {
      this.#kept.delete(key);
      kept.dropped = true;
      this.#releaseIfDone(kept).catch(() => undefined);
    }
  }

  /** Releases every program once its runs are done. */
  async release(): Promise<void> {
    const all = [...this.#kept.values()];
    this.#kept.clear();
    for (const kept of all) kept.dropped = true;
    await Promise.all(all.map((kept) => this.#releaseIfDone(kept)));
  }
}
