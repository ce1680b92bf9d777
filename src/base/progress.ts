/** One progress event of a long task. `total` is unknown for streams. */
export interface Progress {
  readonly label: string;
  readonly done: number;
  readonly total?: number;
  /** What is counted: tokens, steps, bytes, prompts. */
  readonly unit: string;
}

/** Long work reports to a listener; the CLI's bar, the page and the log are three of them. */
export type ProgressListener = (progress: Progress) => void;
