import type { TensorSource } from '../../src/base/safetensors/index.ts';

/** Seconds of one run. */
export interface Times {
  readonly wall: number;
  /** Processor time of the whole process, user and system. */
  readonly cpu: number;
}

/** How one figure of both sides compares. */
export interface Agreement {
  readonly what: string;
  readonly difference: number;
  /** Above this the sides do not agree; null for what is only told. */
  readonly limit: number | null;
}

/** What a bench is given. */
export interface BenchContext {
  /** Where the inputs of both sides go. */
  readonly folder: string;
  readonly threads: number;
  readonly tiny: boolean;
  /** Run the whole of what is otherwise sampled. */
  readonly full: boolean;
}

/** A bench whose inputs are written and whose model is loaded. */
export interface Prepared {
  /** Goes to the peers as `settings.json`. */
  readonly settings: object;
  /** One run of ours. What it tells beside the time is printed. */
  run(): Promise<string>;
  /** Compares our last run with what a peer saved of its last. */
  compare(peer: string, saved: TensorSource): Promise<readonly Agreement[]>;
  release(): Promise<void>;
}

/** The same work done by us and by others. */
export interface Bench {
  readonly about: string;
  /** theirs / ours that we mean to reach. */
  readonly bar: number;
  /** Names that `scripts/reference/peers.py` knows. */
  readonly peers: readonly string[];
  prepare(context: BenchContext): Promise<Prepared>;
}
