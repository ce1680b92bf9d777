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

/** One bar over several steps, so that the time left is that of the whole. */
export interface WholeProgress {
  /**
   * Begins the next step, which is `size` units of the whole however it counts itself. Returns the listener
   * to give it.
   */
  step(size: number): ProgressListener;
}

/** Reports steps of known sizes as one task of `total` units. */
export function wholeProgress(
  listener: ProgressListener | undefined,
  whole: { readonly label: string; readonly total: number; readonly unit: string },
): WholeProgress {
  let begun = 0;
  let told = 0;
  // A step that counts itself twice over does not go back.
  const tell = (done: number) => {
    told = Math.min(whole.total, Math.max(told, done));
    listener?.({ ...whole, done: told });
  };
  return {
    step(size) {
      const before = begun;
      begun += size;
      tell(before);
      return ({ done, total }) => {
        if (total) tell(before + Math.round((size * Math.min(done, total)) / total));
      };
    },
  };
}
