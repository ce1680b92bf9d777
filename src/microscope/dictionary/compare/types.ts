import type { LabelSummary } from '../labels/index.ts';
import type { Spread } from '../metrics/evaluate.ts';
import type { DictionaryFigures } from '../report.ts';

/** A figure of one dictionary, with its spread over trainings that differ in their seed. */
export interface SpreadFigure extends Spread {
  /** Of this very dictionary. */
  readonly value: number;
}

/** How many things fall into which bin: edges are one more than counts. */
export interface Binned {
  readonly edges: readonly number[];
  readonly counts: readonly number[];
}

/** How often the features of a dictionary fire. */
export interface DensityShape extends Binned {
  /** Edges are log10 of the share of tokens. Features that never fire are not in the bins. */
  readonly silent: number;
  readonly tokens: number;
}

/** How the features of a dictionary are labelled, beside random directions where those were labelled too. */
export interface LabelShape {
  readonly summary: LabelSummary;
  readonly random: LabelSummary | null;
  /** Tokens that labels were scored on. */
  readonly tokens: number;
}

/** What stands in the files of a dictionary about how good it is; null for what nobody has measured. */
export interface DictionaryCard {
  readonly figures: Readonly<Record<keyof DictionaryFigures, SpreadFigure>> | null;
  /** Tokens and text of the figures. */
  readonly tokens: number | null;
  readonly measuredOn: string | null;
  readonly trainedOn: string | null;
}

/** Dictionaries measured together, and the graphs made of them. */
export interface SetCard {
  readonly name: string;
  readonly measuredOn: string | null;
  readonly ceRecovered: number;
  readonly klRecovered: number;
  readonly tokens: number;
  /** Features per token and dictionary. */
  readonly l0: readonly number[];
  /** Over prompts; null where no graphs were made. */
  readonly replacement: Spread | null;
  readonly completeness: Spread | null;
}
