/** What a harvest was made from; `index.json` of its folder. */
export interface HarvestInfo {
  readonly version: 1;
  readonly model: string;
  /** Addresses read and written by the dictionary. */
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  readonly dDict: number;
  /** Name of the text. */
  readonly corpus: string;
  /** Batches of text that were read. */
  readonly batches: number;
  /** Tokens read, excluded ones included; they are numbered in this order. */
  readonly tokens: number;
  /** Tokens on which features were looked at. */
  readonly counted: number;
  /** Activations above zero. */
  readonly events: number;
  /** Ids that were left out. */
  readonly excluded: readonly number[];
  /** SHA-256 of the dictionary's weights, to notice another one. */
  readonly dictionary: string;
}

/** A histogram of equal bins from `low` to `high`. */
export interface Histogram {
  readonly low: number;
  readonly high: number;
  readonly counts: readonly number[];
}

/** A token with a number: a logit, or a probability. */
export interface TokenValue {
  readonly id: number;
  readonly value: number;
}

/** Another feature and how alike it is. */
export interface RelatedFeature {
  readonly feature: number;
  readonly value: number;
}

/** A stretch of text around a token on which a feature fires. */
export interface FeatureExample {
  /** Row of the corpus, and the position in it of the first token shown. */
  readonly row: number;
  readonly start: number;
  readonly tokens: readonly number[];
  /** Activation on every token shown, 0 where it is silent. */
  readonly acts: readonly number[];
  /** Index in `tokens` of the token that the example is about. */
  readonly at: number;
}

/** Examples whose activations lie in one interval. */
export interface ExampleGroup {
  /** `top`, or the number of the interval from the highest down. */
  readonly name: string;
  readonly low: number;
  readonly high: number;
  /** Share of the feature's activations in the interval. */
  readonly share: number;
  readonly examples: readonly FeatureExample[];
}

/** Everything a feature's page shows. */
export interface FeaturePage {
  readonly feature: number;
  /** Tokens on which it fires, of `counted`. */
  readonly fired: number;
  readonly counted: number;
  readonly density: number;
  readonly max: number;
  /** Mean activation where it fires; 0 when it never does. */
  readonly mean: number;
  readonly activations: Histogram;
  /** Direct effect of one unit on logits through the final norm's weight, each relative to their mean. */
  readonly logits: {
    readonly histogram: Histogram;
    readonly top: readonly TokenValue[];
    readonly bottom: readonly TokenValue[];
  };
  /** Features with the most similar decoder, by cosine. */
  readonly neighbours: readonly RelatedFeature[];
  /** Features whose activations correlate most over tokens (Pearson). */
  readonly correlated: readonly RelatedFeature[];
  readonly groups: readonly ExampleGroup[];
}

/** Bins of histograms. */
export const BINS = 50;
/** Entries of every list of logits and of related features. */
export const LISTED = 10;
