import { wilson } from '../../../base/stats.ts';
import { reaches } from './detect.ts';
import type { FeatureLabels, LabelledFeature, LabelSummary } from './types.ts';

/** Activations in the text for choosing below which a feature without a label says little about the dictionary. */
const RARE = 10;

/** Whether a feature fired too rarely for a label to be expected. */
export const tooRare = ({ fires }: LabelledFeature): boolean => fires < RARE;

/** F1 of the label of a feature. */
function labelF1({ source, concept, tokens }: LabelledFeature): number {
  return (source === 'concept' ? concept?.f1 : tokens?.f1) ?? 0;
}

/** Counts labels by their source, with 95 % Wilson intervals over features. */
export function summariseLabels(labels: FeatureLabels): LabelSummary {
  const { features, labelled } = labels;
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
    conceptReaches: share(({ concept }) => reaches(concept, labels)),
    concept: share(({ source }) => source === 'concept'),
    tokens: share(({ source }) => source === 'tokens'),
    narrow: share(({ source, tokens }) => source === 'tokens' && tokens?.within !== undefined),
    weak: share((one) => one.source === 'weak' && !tooRare(one)),
    rare: share((one) => one.source === 'weak' && tooRare(one)),
    concepts: new Set(used).size,
    quartiles: [at(0.25), at(0.5), at(0.75)],
    histogram,
  };
}
