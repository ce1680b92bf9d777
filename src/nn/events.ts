import type { ProgressListener } from '../base/progress.ts';

/** What training tells while it runs. Steps count from 0; `step` of a state is the updates done. */
export type TrainEvent =
  | {
      readonly type: 'started';
      /** Updates done before this run, more than 0 when resumed. */
      readonly step: number;
      /** Updates to be done in all. */
      readonly steps: number;
      /** Number of trained values. */
      readonly parameters: number;
      /** Checkpoint folder this run continues from. */
      readonly resumedFrom?: string;
    }
  | {
      readonly type: 'step';
      readonly step: number;
      /** Unit of the loss, nats per token for language models. */
      readonly loss: number;
      readonly lr: number;
      /** Global L2 norm before clipping. */
      readonly gradNorm: number;
      readonly tokensPerSecond: number;
      /** Wall-clock time of the step, data included. */
      readonly seconds: number;
      readonly metrics: Readonly<Record<string, number>>;
    }
  | {
      readonly type: 'eval';
      /** Updates done. */
      readonly step: number;
      readonly metrics: Readonly<Record<string, number>>;
    }
  | {
      readonly type: 'checkpoint';
      readonly step: number;
      readonly path: string;
      readonly best: boolean;
    }
  | { readonly type: 'interrupted'; readonly step: number }
  | { readonly type: 'finished'; readonly step: number; readonly seconds: number };

/** Gets every event of a training run, in order. */
export type TrainListener = (event: TrainEvent) => void;

/** Shows training as progress in steps. */
export function progressOf(listener: ProgressListener, label = 'training'): TrainListener {
  let total: number | undefined;
  return (event) => {
    if (event.type === 'started') total = event.steps;
    const done = event.type === 'step' ? event.step + 1 : event.step;
    if (event.type === 'started' || event.type === 'step' || event.type === 'finished') {
      listener({ label, done, unit: 'steps', ...(total !== undefined && { total }) });
    }
  };
}
