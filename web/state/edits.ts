import type { EditSpec } from '../../src/microscope/edit-spec.ts';

/** An intervention of the stack. One that is off stays in the list but is not applied. */
export type StackedEdit = EditSpec & { readonly off?: true };

/** A dose-response sweep over the strength of one edit of the stack. */
export interface SweepSettings {
  /** Index of the edit in the stack. */
  readonly edit: number;
  readonly from: number;
  readonly to: number;
  readonly steps: number;
  /** Number of random directions of the same length that run alongside. */
  readonly baselines: number;
}
