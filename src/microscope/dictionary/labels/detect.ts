import { addWeighted, documentWeights, percentileInterval, REPLICATES } from './intervals.ts';
import type { FeatureEvents, TextColumns } from './scan.ts';
import type { DetectionScore, FeatureLabels } from './types.ts';

/** F1 on held-out text from which a feature is said to detect a concept. */
export const LABEL_BAR = 0.5;

/**
 * Share of a feature's largest activations at which a label must hold. A feature whose strongest examples are something
 * else is not called by what it also fires on weakly.
 */
export const LARGEST_BAR = 0.8;

/** What a label must reach on held-out text. */
export type Bars = Pick<FeatureLabels, 'bar' | 'largestBar'>;

/** Whether a label reaches both bars. */
export const reaches = (found: DetectionScore | null, { bar, largestBar }: Bars): boolean =>
  found !== null && found.f1 >= bar && found.largest >= largestBar;

/** Largest activations looked at, as a share of all and at least. */
const LARGEST = { share: 0.1, least: 20 } as const;

/**
 * How many of a feature's activations are its largest: a tenth, at least 20, all where there are fewer. These are the
 * examples that a reader of a feature's page sees first.
 */
export function largestCount(events: number): number {
  return Math.min(events, Math.max(LARGEST.least, Math.ceil(LARGEST.share * events)));
}

/** A concept with the threshold at which a feature detects it best. */
export interface Chosen {
  readonly concept: number;
  /** The feature counts as firing from this activation on. */
  readonly threshold: number;
  /** F1 on the text that the choice was made on. */
  readonly f1: number;
  /** Share of the largest activations there at which the concept holds. */
  readonly largest: number;
}

/** Tokens at which each concept holds, in all. */
export function conceptCounts(text: TextColumns, concepts: number): Uint32Array {
  const counts = new Uint32Array(concepts);
  for (const concept of text.held) counts[concept]++;
  return counts;
}

/**
 * Finds for a feature the concepts that it detects best, each at its best threshold, among those that hold at a share
 * of its largest activations. Walking down from the largest activation, F1 can only rise at tokens where the
 * concept holds, so one pass over the feature's own activations tries every threshold for every concept.
 */
export function createChooser(
  text: TextColumns,
  concepts: number,
  options: {
    readonly accepts: (concept: number) => boolean;
    /** Share of the largest activations at which a concept must hold; 0 unless told. */
    readonly largestBar?: number;
  },
): (events: FeatureEvents, feature: number, count: number) => Chosen[] {
  const totals = conceptCounts(text, concepts);
  const { accepts, largestBar = 0 } = options;
  const hits = new Uint32Array(concepts);
  const largest = new Uint32Array(concepts);
  const best = new Float64Array(concepts);
  const thresholds = new Float64Array(concepts);
  const changed = new Set<number>();
  return ({ start, token, value }, feature, count) => {
    const touched: number[] = [];
    const [first, end] = [start[feature], start[feature + 1]];
    const leading = largestCount(end - first);
    for (let i = first; i < end; ) {
      // Equal activations cannot be told apart by a threshold.
      const level = value[i];
      changed.clear();
      for (; i < end && value[i] === level; i++) {
        for (let h = text.heldStart[token[i]]; h < text.heldStart[token[i] + 1]; h++) {
          const concept = text.held[h];
          if (hits[concept] === 0) touched.push(concept);
          hits[concept]++;
          if (i - first < leading) largest[concept]++;
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
      .map((concept) => ({
        concept,
        threshold: thresholds[concept],
        f1: best[concept],
        largest: largest[concept] / leading,
      }))
      .filter((one) => one.largest >= largestBar && accepts(one.concept))
      .sort((a, b) => b.f1 - a.f1 || a.concept - b.concept)
      .slice(0, count);
    for (const concept of touched) {
      hits[concept] = largest[concept] = best[concept] = thresholds[concept] = 0;
    }
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
        largest: largestShare({ start, token }, feature, truths),
      };
    },
  };
}

/** Share of a feature's largest activations at which something holds; 0 where it is silent. */
function largestShare(
  { start, token }: Pick<FeatureEvents, 'start' | 'token'>,
  feature: number,
  { holds }: Truths,
): number {
  const [first, end] = [start[feature], start[feature + 1]];
  const leading = largestCount(end - first);
  let hits = 0;
  for (let i = first; i < first + leading; i++) hits += holds[token[i]];
  return leading > 0 ? hits / leading : 0;
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
