import type { Tokens } from '../run/batch.ts';
import type { Edit } from '../run/edit-types.ts';
import type { WeightMode } from '../run/runner.ts';

/** How the next token is chosen. The steps apply in the order of this list, as in transformers. */
export interface SamplingOptions {
  /**
   * Logits of tokens already in the text are divided (positive) or multiplied (negative) by this;
   * 1, the default, changes nothing (Keskar et al. 2019).
   */
  readonly repetitionPenalty?: number;
  /** Logits are divided by this; 0, the default, takes the most likely token. */
  readonly temperature?: number;
  /** Keep the k most likely tokens. */
  readonly topK?: number;
  /** Keep the smallest set of tokens whose probability reaches this (Holtzman et al. 2020). */
  readonly topP?: number;
  /** Keep tokens at least this many times as likely as the most likely one (Nguyen et al. 2024). */
  readonly minP?: number;
  /** Same seed, same text; 0 by default. Every row draws from a sequence of its own. */
  readonly seed?: number;
}

/** Settings of one generation. */
export interface GenerateOptions extends SamplingOptions {
  /** At most this many new tokens per row, 64 unless told. */
  readonly maxTokens?: number;
  /** Strings that end the text; they are left out of it. Needs a tokenizer. */
  readonly stop?: readonly string[];
  /** Tokens that end the text; the model's end-of-text tokens unless told. */
  readonly stopTokens?: readonly number[];
  /** Interventions that stay active at the prompt and at every generated token; see {@link Edit}. */
  readonly edits?: readonly Edit[];
  readonly weights?: WeightMode;
  /** Ends the generation after the current token; what is there is returned. */
  readonly signal?: AbortSignal;
}

/** Prompts as tokens, or as text for a model with a tokenizer. */
export type Prompts = Tokens | string | readonly string[];

/** Why a text ended. */
export type FinishReason = 'stop-token' | 'stop-string' | 'length' | 'context' | 'cancelled';

/** One new token of one row. */
export interface GenerationEvent {
  readonly row: number;
  readonly token: number;
  /** Natural logarithm of its probability under the unmodified logits. */
  readonly logprob: number;
  /** Text that became certain with this token; '' in the middle of a character or without tokenizer. */
  readonly text: string;
}

/** What was generated for one row. */
export interface Generation {
  /** New tokens, with the stop token when one was drawn. */
  readonly tokens: readonly number[];
  /** Per token, in nats. */
  readonly logprobs: readonly number[];
  /** Without stop tokens and stop strings; '' without a tokenizer. */
  readonly text: string;
  readonly finish: FinishReason;
}
