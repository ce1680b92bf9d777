import { type Rate, wilson } from '../../../base/stats.ts';
import type { FeatureLabels, LabelledFeature } from './types.ts';

/** How well the features of a dictionary can be labelled. */
export interface LabelSummary {
  /** Features of the dictionary, and those that fired. */
  readonly features: number;
  readonly fired: number;
  /** Of those that fired: best concept reaches the bar; label is a concept, a set of tokens, neither. */
  readonly conceptReaches: Rate;
  readonly concept: Rate;
  readonly tokens: Rate;
  readonly weak: Rate;
  /** Different concepts among the labels. */
  readonly concepts: number;
  /** Quartiles of the label's F1 over features that fired: 25 %, 50 %, 75 %. */
  readonly quartiles: readonly [number, number, number];
  /** Features by the F1 of their label, ten bins from 0 to 1. */
  readonly histogram: readonly number[];
}

/** F1 of the label of a feature. */
function labelF1({ source, concept, tokens }: LabelledFeature): number {
  return (source === 'concept' ? concept?.f1 : tokens?.f1) ?? 0;
}

/** Counts labels by their source, with 95 % Wilson intervals over features. */
export function summariseLabels({ features, bar, labelled }: FeatureLabels): LabelSummary {
  const fired = labelled.length;
  const share = (holds: (one: LabelledFeature) => boolean) =>
    wilson(labelled.filter(holds).length, fired);
  const scores = labelled.map(labelF1).sort((a, b) => a - b);
  const at = (q: number) => scores[Math.round(q * (scores.length - 1))] ?? 0;
  const histogram = new Array<number>(10).fill(0);
  for (const f1 of scores) histogram[Math.min(9, Math.floor(10 * f1))]++;
  const used = labelled.flatMap(({ source, concept }) =>
    source === 'concept' && concept ? [concept.concept.id] : [],
  );
  return {
    features,
    fired,
    conceptReaches: share(({ concept }) => (concept?.f1 ?? 0) >= bar),
    concept: share(({ source }) => source === 'concept'),
    tokens: share(({ source }) => source === 'tokens'),
    weak: share(({ source }) => source === 'weak'),
    concepts: new Set(used).size,
    quartiles: [at(0.25), at(0.5), at(0.75)],
    histogram,
  };
}
