/** Something that is true or false of every token of a text. */
export interface Concept {
  /** Stable name, e.g. `state/Vaernuna`. */
  readonly id: string;
  /** In words, as a label. */
  readonly label: string;
}

/** Text in which it is known of every token which concepts hold; without concepts it is just text. */
export interface LabelledText {
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
  readonly train: LabelledText;
  readonly heldOut: LabelledText;
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
