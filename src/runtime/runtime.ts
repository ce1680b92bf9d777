import type { TensorData } from '../graph/op.ts';
import type { Program } from '../graph/program.ts';

/** Named arrays, as fed to and returned by a run. */
export type Feeds = Readonly<Record<string, TensorData>>;

/** How to compile a program. */
export interface CompileOptions {
  /**
   * Values for some of the program's inputs, built in at compile time. Faster to run (the runtime
   * packs them for its kernels), slower to compile, and they can no longer be fed.
   */
  readonly frozen?: Feeds;
}

/** What to compute in one run and where to put it. */
export interface RunOptions {
  /**
   * Arrays to write outputs into, by output name; their shapes must be exact. Outputs not named
   * here go to arrays the executable owns and REUSES: they are valid until its next run.
   */
  readonly into?: Feeds;
  /**
   * Return only these outputs (all by default), which saves the memory of the others. ONNX Runtime
   * computes them all the same: where time matters, make a program of the wanted outputs.
   */
  readonly outputs?: readonly string[];
}

/** A compiled program. */
export interface Executable {
  readonly program: Program;
  /** Feeds every input that is not frozen; returns the outputs. Runs of one executable are serialised. */
  run(feeds: Feeds, options?: RunOptions): Promise<Record<string, TensorData>>;
  /** Frees native memory. Using the executable afterwards is an error. */
  release(): Promise<void>;
}

/** Something that runs programs. Implementations: `node`, `web`, and the float64 `reference`. */
export interface Runtime {
  readonly name: string;
  compile(program: Program, options?: CompileOptions): Promise<Executable>;
}
