import type { Explanation } from './explain/types.ts';

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
  /** Whether it fires on these tokens or just after them. */
  readonly where: 'on' | 'after';
  readonly tokens: readonly NamedToken[];
  readonly threshold: number;
}

/**
 * What a label is: `concept`, a planted concept that reaches the bar; `tokens`, a set of tokens that reaches it;
 * `weak`, the tokens that say most where neither does.
 */
export type LabelSource = 'concept' | 'tokens' | 'weak';

/** A feature with what it was compared with. */
export interface LabelledFeature {
  readonly feature: number;
  readonly source: LabelSource;
  /** Best concept on the text for choosing, scored on the other. A file keeps it where it reaches the bar. */
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
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  /** Features of the dictionary. */
  readonly features: number;
  /** F1 from which a label counts as what the feature detects. */
  readonly bar: number;
  /** The text for choosing and the text for scoring. */
  readonly train: { readonly name: string; readonly tokens: number };
  readonly heldOut: { readonly name: string; readonly tokens: number; readonly documents: number };
  /** Concepts compared with; rarer ones were left out. */
  readonly concepts: number;
  readonly labelled: readonly LabelledFeature[];
  /** Explanations by another model, where one was asked. */
  readonly explanations?: readonly Explanation[];
}

/** A label as pages and graphs show it. */
export interface ShownLabel {
  readonly label: string;
  /** How it was made and scored. */
  readonly how: string;
  readonly source: LabelSource | 'explanation';
  /** F1 on held-out text with its interval; of an explanation, balanced accuracy of detection. */
  readonly score: number;
  readonly low: number;
  readonly high: number;
  /** Tokens it was measured on; of an explanation, examples. */
  readonly n: number;
}
