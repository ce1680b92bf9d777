import type { Histogram } from '../harvest/types.ts';

/** Where somebody else's feature pages come from. */
export interface ImportSource {
  readonly format: 'neuronpedia' | 'neuronpedia-batch' | 'anthropic';
  /** As the other project names them, e.g. `gpt2-small/6-res-jb`. */
  readonly name: string;
}

/** A token with a number, as text: other projects' files have no ids of ours. */
export interface TextValue {
  readonly text: string;
  /** Null where the file has only the text. */
  readonly value: number | null;
}

/** A description of a feature by another project. */
export interface ImportedLabel {
  readonly text: string;
  /** Which model or method wrote it; null where the file does not say. */
  readonly by: string | null;
}

/** Examples of one interval of activations, as another project has them. */
export interface ImportedGroup {
  readonly name: string;
  readonly low: number | null;
  readonly high: number | null;
  /** Share of the feature's activations in the interval. */
  readonly share: number | null;
  readonly examples: readonly {
    readonly tokens: readonly string[];
    readonly acts: readonly number[];
    /** Index of the token that the example is about. */
    readonly at: number;
  }[];
}

/** What another project says of one feature. */
export interface ImportedFeature {
  readonly feature: number;
  readonly labels: readonly ImportedLabel[];
  /** Share of tokens on which it fires. */
  readonly density: number | null;
  readonly max: number | null;
  readonly top: readonly TextValue[];
  readonly bottom: readonly TextValue[];
  readonly activations: Histogram | null;
  readonly groups: readonly ImportedGroup[];
}

/** Feature pages of one source; `imported.json` beside a dictionary's weights has a list of these. */
export interface ImportedFeatures {
  readonly source: ImportSource;
  readonly features: readonly ImportedFeature[];
}
