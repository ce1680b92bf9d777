/** Answers of a judge to examples of two classes, against the truth. */
export interface ClassificationScore {
  /** Mean of the shares of positive and of negative examples judged rightly; chance is .5. */
  readonly balancedAccuracy: number;
  /** 95 % bootstrap interval over examples, drawn within each class. */
  readonly low: number;
  readonly high: number;
  readonly f1: number;
  /** By the probability of the answer 1 where the endpoint tells it, else by the answer. */
  readonly auc: number;
  /** Examples with an answer, and without. */
  readonly n: number;
  readonly missing: number;
}

/** How well simulated activations follow the true ones. */
export interface SimulationScore {
  /** Pearson correlation over the tokens of all examples. */
  readonly correlation: number;
  /** 95 % bootstrap interval over examples. */
  readonly low: number;
  readonly high: number;
  /** Examples and tokens. */
  readonly n: number;
  readonly tokens: number;
  readonly missing: number;
}

/** A score, or why there is none. An endpoint that fails never makes a score. */
export type Measured<Score> =
  | { readonly outcome: 'assessed'; readonly score: Score }
  | { readonly outcome: 'notAssessed'; readonly reason: string };

/** An explanation's score beside those of explanations that should not fit. */
export interface Judged<Score> {
  /** `supported`: the interval lies above chance and above both baselines. */
  readonly outcome: 'supported' | 'unsupported' | 'notAssessed';
  /** Why it was not assessed. */
  readonly reason?: string;
  readonly own: Measured<Score>;
  /** With an explanation that was written for random texts and random marks. */
  readonly random: Measured<Score>;
  /** With the explanation of another feature. */
  readonly other: Measured<Score>;
}

/** A feature in the words of another model, with how well these words predict where it fires. */
export interface Explanation {
  readonly feature: number;
  readonly text: string;
  /** The model that wrote and judged. */
  readonly by: string;
  readonly detection: Judged<ClassificationScore>;
  readonly fuzzing: Judged<ClassificationScore>;
  readonly simulation: Judged<SimulationScore>;
}

/** A feature with an explanation, or why there is none. */
export type Explained =
  | { readonly outcome: 'explained'; readonly explanation: Explanation }
  | { readonly outcome: 'notAssessed'; readonly feature: number; readonly reason: string };
