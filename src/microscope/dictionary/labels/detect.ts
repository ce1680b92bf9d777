import { addWeighted, documentWeights, percentileInterval, REPLICATES } from './intervals.ts';
import type { FeatureEvents, TextColumns } from './scan.ts';
import type { DetectionScore } from './types.ts';

/** A concept with the threshold at which a feature detects it best. */
export interface Chosen {
  readonly concept: number;
  /** The feature counts as firing from this activation on. */
  readonly threshold: number;
  /** F1 on the text that the choice was made on. */
  readonly f1: number;
}

/** Tokens at which each concept holds, in all. */
export function conceptCounts(text: TextColumns, concepts: number): Uint32Array {
  const counts = new Uint32Array(concepts);
  for (const concept of text.held) counts[concept]++;
  return counts;
}

/**
 * Finds for a feature the concepts that it detects best, each at its best threshold. Walking down from the largest
 * activation, F1 can only rise at tokens where the concept holds, so one pass over the feature's own activations
 * tries every threshold for every concept.
 */
export function createChooser(
  text: TextColumns,
  concepts: number,
  options: { readonly accepts: (concept: number) => boolean },
): (events: FeatureEvents, feature: number, count: number) => Chosen[] {
  const totals = conceptCounts(text, concepts);
  const hits = new Uint32Array(concepts);
  const best = new Float64Array(concepts);
  const thresholds = new Float64Array(concepts);
  const changed = new Set<number>();
  return ({ start, token, value }, feature, count) => {
    const touched: number[] = [];
    const [first, end] = [start[feature], start[feature + 1]];
    for (let i = first; i < end; ) {
      // Equal activations cannot be told apart by a threshold.
      const level = value[i];
      changed.clear();
      for (; i < end && value[i] === level; i++) {
        for (let h = text.heldStart[token[i]]; h < text.heldStart[token[i] + 1]; h++) {
          const concept = text.held[h];
          if (hits[concept] === 0) touched.push(concept);
          hits[concept]++;
          changed.add(concept);
        }
      }
      for (const concept of changed) {
        const f1 = (2 * hits[concept]) / (i - first + totals[concept]);
        if (f1 <= best[concept]) continue;
        best[concept] = f1;
        thresholds[concept] = level;
      }
    }
    const chosen = touched
      .filter(options.accepts)
      .map((concept) => ({ concept, threshold: thresholds[concept], f1: best[concept] }))
      .sort((a, b) => b.f1 - a.f1 || a.concept - b.concept)
      .slice(0, count);
    for (const concept of touched) hits[concept] = best[concept] = thresholds[concept] = 0;
    return chosen;
  };
}

/** The tokens at which each concept holds. */
export function conceptTokens(text: TextColumns, concepts: number): number[][] {
  const tokens = Array.from({ length: concepts }, (): number[] => []);
  for (let i = 0; i < text.tokens; i++) {
    for (let h = text.heldStart[i]; h < text.heldStart[i + 1]; h++) tokens[text.held[h]].push(i);
  }
  return tokens;
}

/** Where something holds in a text: by token, and how often per document. */
export interface Truths {
  readonly holds: Uint8Array;
  readonly positives: number;
  /** Positives in every resampling. */
  readonly weighted: Float64Array;
}

/** Scores detectors on one text. */
export interface Scorer {
  /** What holds at some tokens, given once each, for {@link score}. */
  truths(tokens: Iterable<number>): Truths;
  /** How well a feature that fires from a threshold on detects where something holds. */
  score(
    events: FeatureEvents,
    feature: number,
    detector: { readonly truths: Truths; readonly threshold: number },
  ): DetectionScore;
}

export function createScorer(text: TextColumns): Scorer {
  const weights = documentWeights(text.documents);
  const hit = new Float64Array(REPLICATES);
  const fired = new Float64Array(REPLICATES);
  const ratio = new Float64Array(REPLICATES);
  return {
    truths(tokens) {
      const all = new Uint8Array(text.tokens);
      const perDocument = new Map<number, number>();
      let positives = 0;
      for (const i of tokens) {
        all[i] = 1;
        positives++;
        perDocument.set(text.document[i], (perDocument.get(text.document[i]) ?? 0) + 1);
      }
      const weighted = new Float64Array(REPLICATES);
      for (const [document, count] of perDocument) addWeighted(weighted, weights, document, count);
      return { holds: all, positives, weighted };
    },
    score({ start, token, value }, feature, { truths, threshold }) {
      const [first, end] = [start[feature], start[feature + 1]];
      const fires = new Map<number, number>();
      const hits = new Map<number, number>();
      let [tp, count] = [0, 0];
      for (let i = first; i < end && value[i] >= threshold; i++) {
        const document = text.document[token[i]];
        fires.set(document, (fires.get(document) ?? 0) + 1);
        count++;
        if (!truths.holds[token[i]]) continue;
        hits.set(document, (hits.get(document) ?? 0) + 1);
        tp++;
      }
      hit.fill(0);
      fired.fill(0);
      for (const [document, n] of fires) addWeighted(fired, weights, document, n);
      for (const [document, n] of hits) addWeighted(hit, weights, document, n);
      for (let b = 0; b < REPLICATES; b++) {
        ratio[b] = (2 * hit[b]) / (fired[b] + truths.weighted[b]);
      }
      return {
        f1: count + truths.positives > 0 ? (2 * tp) / (count + truths.positives) : 0,
        ...percentileInterval(ratio),
        precision: count > 0 ? tp / count : 0,
        recall: truths.positives > 0 ? tp / truths.positives : 0,
        auc: aucOf({ start, token, value }, feature, truths),
        positives: truths.positives,
      };
    },
  };
}

/** Area under the ROC curve over all tokens; those where the feature is silent are one tie at zero. */
function aucOf(
  { start, token, value }: Pick<FeatureEvents, 'start' | 'token' | 'value'>,
  feature: number,
  { holds, positives }: Truths,
): number {
  const negatives = holds.length - positives;
  if (positives === 0 || negatives === 0) return 0.5;
  const end = start[feature + 1];
  // Counts pairs of a positive and a negative in which the positive is larger, ties half.
  let [area, above] = [0, 0];
  let [positivesSeen, negativesSeen] = [0, 0];
  for (let i = start[feature]; i < end; ) {
    const level = value[i];
    let [p, n] = [0, 0];
    for (; i < end && value[i] === level; i++) {
      if (holds[token[i]]) p++;
      else n++;
    }
    area += n * above + (n * p) / 2;
    above += p;
    positivesSeen += p;
    negativesSeen += n;
  }
  const [p, n] = [positives - positivesSeen, negatives - negativesSeen];
  area += n * above + (n * p) / 2;
  return area / (positives * negatives);
}
