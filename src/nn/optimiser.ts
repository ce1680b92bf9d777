import { GlassboxError } from '../base/error.ts';
import type { Tensor } from '../graph/op.ts';

/** What one parameter's update is made from; all tensors have the parameter's shape. */
export interface UpdateContext {
  readonly param: Tensor;
  readonly grad: Tensor;
  /** This parameter's state, by slot name. */
  readonly slots: Readonly<Record<string, Tensor>>;
  /** The scalars of the parameter's group, by the names that `scalars` gives. */
  readonly scalars: Readonly<Record<string, Tensor>>;
  readonly weightDecay: number;
}

/** What an optimiser computes the scalars of one update from. */
export interface ScalarContext {
  /** Number of this update, counted from 1. */
  readonly update: number;
  readonly lr: number;
  readonly weightDecay: number;
}

/**
 * An optimiser as data: names of the state it keeps per parameter, the numbers that change from step
 * to step (worked out in float64 and fed as inputs), and the update traced into the step's graph.
 */
export interface Optimiser {
  readonly name: string;
  /** Settings, JSON; kept in checkpoints and compared on resume. */
  readonly config: Readonly<Record<string, number | boolean>>;
  /** Decay used where no group says otherwise. */
  readonly weightDecay: number;
  readonly slots: readonly string[];
  scalars(context: ScalarContext): Record<string, number>;
  update(context: UpdateContext): { param: Tensor; slots: Record<string, Tensor> };
}

/** Settings for the parameters a predicate selects; the first group that matches wins. */
export interface ParamGroup {
  readonly match: (name: string, shape: readonly number[]) => boolean;
  readonly weightDecay?: number;
  /** Multiplies the scheduled learning rate. Default 1. */
  readonly lrScale?: number;
  /** Leave these parameters as they are: no gradient, no state. */
  readonly frozen?: boolean;
}

/** The usual group without decay: everything that is not a matrix (biases and norm scales). */
export const noDecayOnVectors: ParamGroup = {
  match: (_, shape) => shape.length < 2,
  weightDecay: 0,
};

/** A group without decay for names that match, e.g. `/embed/`. */
export function noDecayOn(pattern: RegExp): ParamGroup {
  return { match: (name) => pattern.test(name), weightDecay: 0 };
}

/** What a parameter's group comes down to. */
export interface ResolvedGroup {
  /** Equal settings share a key, and so their scalars. */
  readonly key: string;
  readonly weightDecay: number;
  readonly lrScale: number;
  readonly frozen: boolean;
}

export function resolveGroup(
  name: string,
  shape: readonly number[],
  options: { readonly groups: readonly ParamGroup[]; readonly optimiser: Optimiser },
): ResolvedGroup {
  const found = options.groups.find((group) => group.match(name, shape));
  const weightDecay = found?.weightDecay ?? options.optimiser.weightDecay;
  const lrScale = found?.lrScale ?? 1;
  return { key: `${lrScale}|${weightDecay}`, weightDecay, lrScale, frozen: found?.frozen ?? false };
}

/** Throws `bad-optimiser` unless low <= value < high. */
export function requireRange(
  value: number,
  range: { readonly name: string; readonly low: number; readonly high: number },
): void {
  if (value >= range.low && value < range.high) return;
  throw new GlassboxError(`${range.name} must be in [${range.low}, ${range.high}), got ${value}`, {
    code: 'bad-optimiser',
    remedy: `Give a ${range.name} in this range.`,
    details: { name: range.name, value },
  });
}
