import type { Rate } from '../../../base/stats.ts';
import type { Explanation } from './explain/types.ts';

/** Where a feature fires, seen from the tokens that describe it; the order is that of label files. */
export const TOKEN_PLACES = ['on', 'after', 'before'] as const;

/** One of {@link TOKEN_PLACES}. */
export type TokenPlace = (typeof TOKEN_PLACES)[number];

/** Something that is true or false of every token of a text. */
export interface Concept {
  /** Stable name, e.g. `state/Vaernuna`. */
  readonly id: string;
  /** In words, as a label. */
  readonly label: string;
}

/** Text in which it is known of every token which concepts hold; without concepts it is just text. */
export interface ConceptText {
  /** For cards, e.g. `held-out documents, seed 3`. */
  readonly name: string;
  readonly rows: readonly (readonly number[])[];
  /** Per row and token, the number of its document, ascending. Intervals resample documents. */
  readonly documents: readonly (readonly number[])[];
  /** Per row and token, the concepts that hold, as indices. */
  readonly held: readonly (readonly (readonly number[])[])[];
}

/** Concepts with text to choose by and other text to score on. */
export interface ConceptTexts {
  readonly concepts: readonly Concept[];
  readonly train: ConceptText;
  readonly heldOut: ConceptText;
}

/** How well firing tells where something holds, on text that was not used for choosing. Shares in [0, 1]. */
export interface DetectionScore {
  /** 2 · precision · recall / (precision + recall). */
  readonly f1: number;
  /** 95 % bootstrap interval of F1 over documents. */
  readonly low: number;
  readonly high: number;
  readonly precision: number;
  readonly recall: number;
  /** Probability that a token where it holds has the larger activation, ties counted half. */
  readonly auc: number;
  /** Tokens where it holds, of all tokens scored. */
  readonly positives: number;
  /** Share of the feature's largest activations at which it holds; see {@link largestCount}. */
  readonly largest: number;
}

/** The planted concept that a feature detects best. */
export interface ConceptLabel extends DetectionScore {
  readonly concept: Concept;
  /** The feature counts as firing from this activation on. */
  readonly threshold: number;
}

/** A token with its text. */
export interface NamedToken {
  readonly id: number;
  readonly text: string;
}

/** The tokens that say best where a feature fires. */
export interface TokenLabel extends DetectionScore {
  /** Whether it fires on these tokens, just after them, or just before them. */
  readonly where: TokenPlace;
  readonly tokens: readonly NamedToken[];
  /** Where it fires at some places of the tokens only: what else holds there. */
  readonly within?: LabelContext;
  readonly threshold: number;
}

/** What narrows tokens down: a planted concept that holds there too, or tokens at another place. */
export type LabelContext =
  | { readonly concept: Concept }
  | { readonly where: TokenPlace; readonly tokens: readonly NamedToken[] };

/**
 * What a label is: `concept`, a planted concept that reaches both bars, that of F1 and that of the largest
 * activations; `tokens`, a set of tokens that reaches them, alone or in a context; `weak`, the tokens that say most about the largest
 * activations where neither does.
 */
export type LabelSource = 'concept' | 'tokens' | 'weak';

/** A feature with what it was compared with. */
export interface LabelledFeature {
  readonly feature: number;
  readonly source: LabelSource;
  /** Tokens of the text for choosing at which it fires. */
  readonly fires: number;
  /** Best concept on the text for choosing, scored on the other. A file keeps it where it reaches the bars. */
  readonly concept: ConceptLabel | null;
  /** A file keeps it where it is the label. */
  readonly tokens: TokenLabel | null;
  /** The three logits it raises most; none for dictionaries that do not write to the residual stream. */
  readonly promotes: readonly NamedToken[];
}

/** Labels of one dictionary; `labels.json` beside its weights. Features that never fired have none. */
export interface FeatureLabels {
  readonly model: string;
  /** SHA-256 of the dictionary, to notice another one. */
  readonly dictionary: string;
  /** SHA-256 of everything the labels depend on; the same request need not be worked out twice. */
  readonly request: string;
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  /** Features of the dictionary. */
  readonly features: number;
  /** F1 from which a label counts as what the feature detects. */
  readonly bar: number;
  /** Share of the largest activations at which a label must hold besides. */
  readonly largestBar: number;
  /** Features per token of the text for choosing. */
  readonly l0: number;
  /** The text for choosing and the text for scoring. */
  readonly train: { readonly name: string; readonly tokens: number };
  readonly heldOut: { readonly name: string; readonly tokens: number; readonly documents: number };
  /** Concepts compared with; rarer ones were left out. */
  readonly concepts: number;
  readonly labelled: readonly LabelledFeature[];
  /** What random directions reach, where that was asked for. */
  readonly random?: LabelSummary;
  /** Explanations by another model, where one was asked. */
  readonly explanations?: readonly Explanation[];
}

/** How well the features of a dictionary can be labelled. */
export interface LabelSummary {
  /** Features of the dictionary, and those that fired. */
  readonly features: number;
  readonly fired: number;
  /**
   * Of those that fired: best concept reaches the bars; label is a concept, a set of tokens, neither; of the last, those
   * that fire too rarely to say are counted apart.
   */
  readonly conceptReaches: Rate;
  readonly concept: Rate;
  readonly tokens: Rate;
  /** Of the sets of tokens, those in a context. */
  readonly narrow: Rate;
  readonly weak: Rate;
  readonly rare: Rate;
  /** Different concepts among the labels. */
  readonly concepts: number;
  /** Quartiles of the label's F1 over features that fired: 25 %, 50 %, 75 %. */
  readonly quartiles: readonly [number, number, number];
  /** Features by the F1 of their label, ten bins from 0 to 1. */
  readonly histogram: readonly number[];
}

/** A label as pages and graphs show it. */
export interface ShownLabel {
  readonly label: string;
  /** How it was made and scored. */
  readonly how: string;
  readonly source: LabelSource | 'explanation';
  /** Id of the planted concept in it, for its words in other languages; after tokens, `'.' & mechanism/story`. */
  readonly concept: string | null;
  /** F1 on held-out text with its interval; of an explanation, balanced accuracy of detection. */
  readonly score: number;
  readonly low: number;
  readonly high: number;
  /** Share of the largest activations on held-out text at which it holds; null for explanations. */
  readonly largest: number | null;
  /** Tokens it was measured on; of an explanation, examples. */
  readonly n: number;
}
