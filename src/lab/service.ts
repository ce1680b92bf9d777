import { GlassboxError, isGlassboxError } from '../base/error.ts';
import { DEFAULT_MODEL } from '../model/catalogue.ts';
import type { ExamplesResponse } from './api.ts';
import { ByteCache } from './byte-cache.ts';
import { dictionaryFiles, dictionaryFolder, usesDictionaries } from './dictionary-files.ts';
import type { AskOptions, HostAnswer } from './host.ts';
import type { ProgramIdentity } from './identity.ts';
import type { Question, Requests } from './messages.ts';
import { ModelPool, type Opened, type PoolOptions } from './pool.ts';
import { provenanceOf } from './provenance/provenance.ts';

export interface ServiceOptions extends PoolOptions {
  readonly program: ProgramIdentity;
  /** How many bytes of answers are kept; 64 MiB unless told. */
  readonly cache?: number;
}

const encoder = new TextEncoder();

/** Puts `"provenance": …` at the end of a JSON object. */
function withProvenance(json: Uint8Array, provenance: object): Uint8Array {
  const isEmpty = json.length === 2;
  const tail = encoder.encode(`${isEmpty ? '' : ','}"provenance":${JSON.stringify(provenance)}}`);
  const all = new Uint8Array(json.length - 1 + tail.length);
  all.set(json.subarray(0, -1));
  all.set(tail, json.length - 1);
  return all;
}

/** Answers questions about models: from memory where the same was asked before. */
export class LabService {
  readonly pool: ModelPool;
  readonly #cache: ByteCache<HostAnswer>;
  readonly #program: ProgramIdentity;
  readonly #dictionaries: readonly string[];

  constructor(options: ServiceOptions) {
    this.#dictionaries = options.dictionaries ?? [];
    this.pool = new ModelPool(options);
    this.#cache = new ByteCache({ bytes: options.cache ?? 64 * 2 ** 20 });
    this.#program = options.program;
  }

  /**
   * The answer as UTF-8 JSON with its provenance. Everything but a sampled text without seed is a
   * pure function of model, dictionaries and request, so an answer is kept.
   *
   * @throws GlassboxError what opening the model or answering throws, or `cancelled`
   */
  async answer<Q extends Question>(
    question: Q,
    request: Requests[Q],
    options: AskOptions = {},
  ): Promise<Uint8Array> {
    const { model, ...rest } = request as { model?: string };
    const opened = await this.pool.open(model, options);
    const { folder } = opened.entry;
    // Dictionaries, harvests and labels come and change beside a model: answers from them hold for a state of the files.
    const files = usesDictionaries(question, rest)
      ? await dictionaryFiles([...this.#dictionaries, dictionaryFolder(folder)])
      : null;
    const key = JSON.stringify([opened.facts.hash, folder, question, rest, files]);
    // A generation is streamed as it comes, and a kept one would have nothing to stream.
    const keeps = question !== 'generate';
    const known = keeps ? this.#cache.get(key) : undefined;
    const found = known ?? (await this.#ask(opened, { question, request: rest, key }, options));
    if (keeps && !known) this.#cache.set(key, found);
    const named = model ?? this.pool.default;
    const provenance = provenanceOf(question, rest as Requests[Q], {
      named: named === DEFAULT_MODEL ? null : named,
      name: opened.entry.name,
      facts: opened.facts,
      program: this.#program,
      seconds: found.seconds,
      cached: known !== undefined,
    });
    return withProvenance(found.json, provenance);
  }

  async #ask(
    opened: Opened,
    asked: { readonly question: Question; readonly request: object; readonly key: string },
    options: AskOptions,
  ): Promise<HostAnswer> {
    try {
      return await opened.host.ask(asked.question, asked.request, options);
    } catch (error) {
      // Another request may have taken this model's memory between opening and asking.
      if (!isGlassboxError(error) || error.code !== 'model-closed') throw error;
      const again = await this.pool.open(opened.entry.name, options);
      return again.host.ask(asked.question, asked.request, options);
    }
  }

  /** Loads the default model and asks what a page asks first, so that its programs are compiled. */
  async warm(signal: AbortSignal): Promise<void> {
    const json = await this.answer('examples', {}, { signal });
    const { examples } = JSON.parse(new TextDecoder().decode(json)) as ExamplesResponse;
    const paired = examples.find(({ promptB, target }) => promptB !== null && target !== null);
    const first = paired ?? examples[0];
    if (!first) return;
    const { prompt, edits } = first;
    const target = first.target ?? undefined;
    const preference = { target, distractor: first.distractor ?? undefined };
    const promptB = first.promptB ?? undefined;
    await this.answer('analyse', { prompt, promptB, ...preference }, { signal });
    await this.answer('lens', { prompt, target }, { signal });
    await this.answer('attention', { prompt, ...preference }, { signal });
    await this.answer('interventions', { prompt, edits, ...preference }, { signal });
    await this.answer('generate', { prompt, maxTokens: 2 }, { signal });
    await this.answer('generate', { prompt, maxTokens: 2, edits }, { signal });
    await this.answer('heads', {}, { signal });
  }

  async close(): Promise<void> {
    await this.pool.close();
  }
}

/** What went wrong, as the page and the command line name it. */
export function describeError(error: unknown): GlassboxError {
  if (isGlassboxError(error)) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new GlassboxError(`internal: ${reason}`, {
    code: 'internal',
    remedy: 'This is a bug of Glassbox; please report it with what you asked for.',
    kind: 'failure',
    cause: error,
  });
}
