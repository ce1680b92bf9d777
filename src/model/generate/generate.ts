import { GlassboxError } from '../../base/error.ts';
import { evaluateShape } from '../../graph/dim.ts';
import type { TensorData } from '../../graph/op.ts';
import type { Program } from '../../graph/program.ts';
import type { ModelConfig } from '../config.ts';
import { type Batch, contextLength, promptsOf, type Tokens, toBatch } from '../run/batch.ts';
import { planEdits, type Window } from '../run/edit-plan.ts';
import type { Edit } from '../run/edit-types.ts';
import { editFeeds, productLayout } from '../run/program.ts';
import type { Runner, WeightMode } from '../run/runner.ts';
import type { Tokenizer } from '../tokenizer.ts';
import { KvCache } from './cache.ts';
import { decodeProgram, prefillProgram } from './programs.ts';
import { Row } from './row.ts';
import { checkSampling } from './sample.ts';
import type { GenerateOptions, Generation, GenerationEvent, Prompts } from './types.ts';

/** The parts of a model that generation needs. */
export interface Generator {
  readonly config: ModelConfig;
  readonly tokenizer: Tokenizer | null;
  readonly runner: Runner;
  readonly weights: WeightMode;
}

function badOption(message: string, remedy: string): GlassboxError {
  return new GlassboxError(message, { code: 'bad-generation', remedy });
}

function encode(generator: Generator, prompts: Prompts): readonly (readonly number[])[] {
  const texts = typeof prompts === 'string' ? [prompts] : prompts;
  if (typeof texts[0] !== 'string') return promptsOf(texts as Tokens);
  const { tokenizer } = generator;
  if (!tokenizer) {
    throw badOption('prompts are text, but the model has no tokenizer', 'Give token ids.');
  }
  return (texts as readonly string[]).map((text) => tokenizer.encode(text));
}

function checkOptions(generator: Generator, options: GenerateOptions): void {
  checkSampling(options);
  const { maxTokens = 1, stop = [], edits = [] } = options;
  if (!Number.isInteger(maxTokens) || maxTokens < 1) {
    throw badOption(`maxTokens is ${maxTokens}`, 'Give a whole number of at least 1.');
  }
  if (stop.includes('')) throw badOption('a stop string is empty', 'Leave it out.');
  if (stop.length > 0 && !generator.tokenizer) {
    throw badOption('stop strings need a tokenizer', 'Use stopTokens for this model.');
  }
  for (const edit of edits) {
    if (edit.op === 'mean' && edit.value === undefined && edit.over !== 'batch') {
      throw badOption(
        'a mean over positions is not known while a text grows',
        'Give the mean as `value`, for instance from a run with cache.',
      );
    }
  }
}

function stopTokensOf(generator: Generator, options: GenerateOptions): ReadonlySet<number> {
  const { config, tokenizer } = generator;
  return new Set(options.stopTokens ?? [...config.tokens.eos, ...(tokenizer?.special.eos ?? [])]);
}

function int64(values: readonly number[], shape: readonly number[]): TensorData {
  return { dtype: 'int64', shape, data: BigInt64Array.from(values, BigInt) };
}

/** Runs the programs of one generation over its cache. */
class Decoder {
  readonly #generator: Generator;
  readonly #edits: readonly Edit[];
  readonly #weights: WeightMode;
  readonly #promptLengths: readonly number[];
  readonly #cache: KvCache;
  #outputs: { program: Program; arrays: Record<string, TensorData> } | null = null;

  constructor(generator: Generator, batch: Batch, options: GenerateOptions) {
    this.#generator = generator;
    this.#edits = options.edits ?? [];
    this.#weights = options.weights ?? generator.weights;
    this.#promptLengths = batch.lengths;
    this.#cache = new KvCache(generator.config, {
      rows: batch.lengths.length,
      tokens: Math.max(...batch.lengths) + 1,
      allocate: (shape) => generator.runner.allocate(shape),
    });
  }

  /** Logits `[batch, 1, d_vocab]` after the prompts. */
  prefill(batch: Batch): Promise<TensorData> {
    const { tokens, lengths } = batch;
    const [rows, pos] = tokens.shape;
    const last = int64(
      lengths.map((length) => length - 1),
      [rows],
    );
    const place = { starts: lengths.map(() => 0), lengths, pos };
    return this.#run('prefill', place, { tokens, last });
  }

  /** Logits after one more token per row, at position `starts[row]`. */
  step(tokens: readonly number[], starts: readonly number[]): Promise<TensorData> {
    const rows = tokens.length;
    this.#cache.reserve(Math.max(...starts) + 1);
    const place = { starts, lengths: tokens.map(() => 1), pos: 1 };
    return this.#run('decode', place, {
      tokens: int64(tokens, [rows, 1]),
      positions: int64(starts, [rows, 1]),
      ...this.#cache.feeds,
    });
  }

  async #run(
    kind: 'prefill' | 'decode',
    place: Pick<Window, 'starts' | 'lengths'> & { readonly pos: number },
    feeds: Readonly<Record<string, TensorData>>,
  ): Promise<TensorData> {
    const { config, runner } = this.#generator;
    const bindings = { batch: place.starts.length, pos: place.pos };
    const window: Window = {
      ...place,
      bindings,
      promptLengths: this.#promptLengths,
      generating: true,
    };
    const planned = planEdits(config, this.#edits, window);
    const trace = kind === 'prefill' ? prefillProgram : decodeProgram;
    // A prompt is read once per text: packing all weights a second time for that would not pay.
    const weights = kind === 'prefill' && this.#weights === 'frozen' ? 'fed' : this.#weights;
    const layout = productLayout(bindings.batch * bindings.pos, weights);
    const key = JSON.stringify([kind, layout.few, planned.map(({ signature }) => signature)]);
    const kept = runner.program(key, weights, () => trace(config, planned, layout));
    const into = this.#arraysFor(kept.program, bindings);
    const results = await runner.run(kept, { ...feeds, ...editFeeds(planned) }, { into });
    this.#cache.write(results, place);
    return results.logits;
  }

  /** Arrays of this generation, so that another one using the same program cannot overwrite them. */
  #arraysFor(
    program: Program,
    bindings: Readonly<Record<string, number>>,
  ): Record<string, TensorData> {
    if (this.#outputs?.program !== program) {
      const arrays = Object.fromEntries(
        program.outputs.map(({ name, tensor }) => [
          name,
          this.#generator.runner.allocate(evaluateShape(tensor.shape, bindings)),
        ]),
      );
      this.#outputs = { program, arrays };
    }
    return this.#outputs.arrays;
  }
}

/**
 * Generates text token by token, one event per new token of every row that is not finished; the
 * generator's return value holds the whole texts.
 *
 * @throws GlassboxError `bad-sampling`, `bad-generation`, `not-finite` for logits that are NaN, and what a run throws for prompts and edits
 */
export async function* streamGeneration(
  generator: Generator,
  prompts: Prompts,
  options: GenerateOptions = {},
): AsyncGenerator<GenerationEvent, Generation[]> {
  checkOptions(generator, options);
  const { config, tokenizer } = generator;
  const encoded = encode(generator, prompts);
  const batch = toBatch(config, encoded);
  const settings = {
    options,
    tokenizer,
    stopTokens: stopTokensOf(generator, options),
    maxTokens: options.maxTokens ?? 64,
    contextLength: contextLength(config),
  };
  const rows = encoded.map((prompt, index) => new Row(settings, index, prompt));
  const decoder = new Decoder(generator, batch, options);
  let logits = await decoder.prefill(batch);
  for (;;) {
    const data = logits.data as Float32Array;
    for (const [index, row] of rows.entries()) {
      if (row.finished) continue;
      yield row.advance(data.subarray(index * config.dVocab, (index + 1) * config.dVocab));
    }
    if (options.signal?.aborted) for (const row of rows) row.cancel();
    if (rows.every((row) => row.finished)) return rows.map((row) => row.result());
    // A finished row computes its last token again at the same place, which changes nothing.
    logits = await decoder.step(
      rows.map((row) => row.last),
      rows.map((row) => row.length - 1),
    );
  }
}

/** As {@link streamGeneration}, giving the whole texts at the end. */
export async function generateAll(
  generator: Generator,
  prompts: Prompts,
  options: GenerateOptions = {},
): Promise<Generation[]> {
  const stream = streamGeneration(generator, prompts, options);
  for (;;) {
    const { done, value } = await stream.next();
    if (done) return value;
  }
}
