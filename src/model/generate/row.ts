import { Rng } from '../../base/rng.ts';
import { notFinite } from '../run/finite.ts';
import type { TextStream, Tokenizer } from '../tokenizer.ts';
import { sampleToken } from './sample.ts';
import { createStopWatch, type StopWatch } from './stop.ts';
import type { FinishReason, GenerateOptions, Generation, GenerationEvent } from './types.ts';

/** What every row of one generation shares. */
export interface RowSettings {
  readonly options: GenerateOptions;
  readonly tokenizer: Tokenizer | null;
  readonly stopTokens: ReadonlySet<number>;
  readonly maxTokens: number;
  readonly contextLength: number;
}

/** The state of one text that is being generated. */
export class Row {
  readonly #settings: RowSettings;
  readonly #index: number;
  readonly #prompt: readonly number[];
  readonly #rng: Rng;
  readonly #stream: TextStream | null;
  readonly #watch: StopWatch;
  readonly #tokens: number[] = [];
  readonly #logprobs: number[] = [];
  #text = '';
  #finish: FinishReason | null = null;

  constructor(settings: RowSettings, index: number, prompt: readonly number[]) {
    this.#settings = settings;
    this.#index = index;
    this.#prompt = prompt;
    this.#rng = new Rng((settings.options.seed ?? 0) + index);
    this.#stream = settings.tokenizer?.stream({ skipSpecialTokens: true }) ?? null;
    this.#watch = createStopWatch(settings.options.stop ?? []);
  }

  get finished(): boolean {
    return this.#finish !== null;
  }

  /** Tokens of prompt and text so far. */
  get length(): number {
    return this.#prompt.length + this.#tokens.length;
  }

  /** The newest token: what the next step computes. */
  get last(): number {
    return this.#tokens.at(-1) ?? this.#prompt.at(-1)!;
  }

  /** Chooses the next token from logits `[d_vocab]`. Throws `not-finite`. */
  advance(logits: Float32Array): GenerationEvent {
    const { options, stopTokens, maxTokens, contextLength } = this.#settings;
    const seen = [...this.#prompt, ...this.#tokens];
    const { token, logprob } = sampleToken(logits, seen, { ...options, rng: this.#rng });
    // The sum behind a log-probability takes in every logit, so that no second look at them is needed.
    if (Number.isNaN(logprob)) {
      const number = this.#tokens.length + 1;
      const of = this.#index === 0 ? '' : ` of prompt ${this.#index + 1}`;
      const edited = (options.edits?.length ?? 0) > 0;
      throw notFinite(`the logits of generated token ${number}${of}`, { edited });
    }
    this.#tokens.push(token);
    this.#logprobs.push(logprob);
    let text = '';
    if (stopTokens.has(token)) this.#finish = 'stop-token';
    else {
      text = this.#watch.push(this.#stream?.push(token) ?? '');
      if (this.#watch.stopped) this.#finish = 'stop-string';
      else if (this.#tokens.length >= maxTokens) this.#finish = 'length';
      else if (this.length >= contextLength) this.#finish = 'context';
    }
    if (this.finished) text += this.#rest();
    this.#text += text;
    return { row: this.#index, token, logprob, text };
  }

  #rest(): string {
    return this.#watch.push(this.#stream?.end() ?? '') + this.#watch.end();
  }

  /** Ends the text from outside. */
  cancel(): void {
    if (this.finished) return;
    this.#finish = 'cancelled';
    this.#text += this.#rest();
  }

  result(): Generation {
    return {
      tokens: this.#tokens,
      logprobs: this.#logprobs,
      text: this.#text,
      finish: this.#finish ?? 'cancelled',
    };
  }
}
