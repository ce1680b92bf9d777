/** How a figure is judged, with `bar` on the right-hand side. */
export type BenchRule = 'ratio >= bar' | 'ratio <= bar' | 'value <= bar';

/** One measured figure. */
export interface BenchResult {
  readonly name: string;
  /** Median over the repeats. */
  readonly value: number;
  readonly unit: 's' | 's/token' | 'bytes';
  /** The best possible value, from what the same machine did in the same run; see `about`. */
  readonly roofline: number;
  /**
   * For `ratio >= bar` the share of the roofline that was reached, roofline / value, as the median over
   * repeats that each have a roofline of their own; else value / roofline.
   */
  readonly ratio: number;
  readonly bar: number;
  readonly rule: BenchRule;
  readonly ok: boolean;
  /** Repeats behind the median. */
  readonly n: number;
  readonly min: number;
  readonly max: number;
  /** What was run and what the roofline is. */
  readonly about: string;
}

/** Where and when figures were measured. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly platform: string;
  readonly node: string;
  readonly onnxruntime: string;
  /** Threads per run; null leaves the choice to ONNX Runtime. */
  readonly threads: number | null;
  /** What the figures count: time on the wall, or processor time of all threads together. */
  readonly clock: 'wall' | 'processor';
  readonly date: string;
  /** Load average over one minute: other work on the machine disturbs the figures. */
  readonly loadBefore: number;
  readonly loadAfter: number;
  /** Medians of the rooflines over the whole run. */
  readonly matmulGflops: number;
  readonly readGBps: number;
}

/** What `glassbox bench` prints. */
export interface BenchReport {
  readonly machine: Machine;
  readonly sizes: 'full' | 'tiny';
  readonly benches: readonly BenchResult[];
}
