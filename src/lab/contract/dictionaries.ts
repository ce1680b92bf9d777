/** The contract of dictionaries beside each other, and of their trainings. */
import { z } from 'zod';
import { model, type Sourced } from './base.ts';
import type { DictionaryKind } from './graph.ts';

export const compareDictionariesSchema = z.strictObject({ model });
export type CompareDictionariesRequest = z.input<typeof compareDictionariesSchema>;

/** A figure with its spread over trainings that differ in their seed; one seed has no deviation. */
export interface SpreadView {
  readonly value: number;
  readonly n: number;
  readonly mean: number;
  readonly deviation: number | null;
  readonly min: number;
  readonly max: number;
}

/** A share of features with its 95 % interval. */
export interface ShareView {
  readonly n: number;
  readonly rate: number;
  readonly low: number;
  readonly high: number;
}

/** How the features of a dictionary, or random directions in their place, could be labelled. */
export interface LabelShareView {
  /** Features that fired. */
  readonly fired: number;
  readonly concept: ShareView;
  readonly tokens: ShareView;
  readonly weak: ShareView;
  /** Of the label's F1 over features that fired: 25 %, 50 %, 75 %. */
  readonly quartiles: readonly [number, number, number];
  /** Features by the F1 of their label, equal bins from 0 to 1. */
  readonly histogram: readonly number[];
}

export interface ComparedDictionaryView {
  readonly name: string;
  readonly kind: DictionaryKind;
  readonly layer: number | null;
  readonly activation: string;
  readonly features: number;
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  /** Null where the dictionary's folder has no `metrics.json`. */
  readonly figures: Readonly<
    Record<'l0' | 'explainedVariance' | 'ceRecovered' | 'klRecovered' | 'dead', SpreadView>
  > | null;
  /** Tokens that the figures were measured on, and their text. */
  readonly tokens: number | null;
  readonly measuredOn: string | null;
  readonly trainedOn: string | null;
  /** Null without a harvest. Edges are log10 of the share of tokens. */
  readonly density: {
    readonly edges: readonly number[];
    readonly counts: readonly number[];
    readonly silent: number;
    readonly tokens: number;
  } | null;
  /** Null without labels. */
  readonly labels: {
    readonly own: LabelShareView;
    readonly random: LabelShareView | null;
    readonly tokens: number;
  } | null;
}

export interface ComparedSetView {
  readonly name: string;
  readonly measuredOn: string | null;
  readonly tokens: number;
  readonly ceRecovered: number;
  readonly klRecovered: number;
  readonly l0: readonly number[];
  /** Over prompts; null where no graphs were made. */
  readonly replacement: Omit<SpreadView, 'value'> | null;
  readonly completeness: Omit<SpreadView, 'value'> | null;
}

export interface CompareDictionariesResponse extends Sourced {
  readonly dictionaries: readonly ComparedDictionaryView[];
  readonly sets: readonly ComparedSetView[];
}

/** A dictionary training whose events the lab can read. */
export interface RunListing {
  /** Names it in requests. */
  readonly name: string;
  readonly state: 'running' | 'interrupted' | 'finished';
  readonly step: number;
  readonly steps: number;
  readonly rowsPerSecond: number | null;
  /** Milliseconds since 1970 of the newest event. */
  readonly updated: number;
  /** Dictionaries trained, seeds taken together. */
  readonly dictionaries: readonly string[];
}

/** Mean over seeds with the smallest and the largest; arrays have one entry per step of the run. */
export interface TrainingCurveView {
  readonly mean: readonly number[];
  readonly low: readonly number[];
  readonly high: readonly number[];
}

/** The course of one dictionary's training. */
export interface TrainingCurvesView {
  readonly name: string;
  readonly seeds: number;
  readonly loss: TrainingCurveView;
  readonly l0: TrainingCurveView;
  readonly explainedVariance: TrainingCurveView;
  /** Features that have not fired for long. */
  readonly dead: TrainingCurveView;
}

export interface RunsResponse {
  readonly runs: readonly RunListing[];
  /** Milliseconds since 1970 at the lab, to tell how old an event is. */
  readonly now: number;
}

export interface RunResponse extends RunListing {
  readonly now: number;
  /** Updates done at each point of the curves; long runs are thinned to equal stretches, averaged. */
  readonly at: readonly number[];
  readonly curves: readonly TrainingCurvesView[];
}

export interface DictionaryPosts {
  '/api/compare-dictionaries': {
    request: CompareDictionariesRequest;
    response: CompareDictionariesResponse;
  };
}
