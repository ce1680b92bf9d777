import { Tokenizer as HubTokenizer } from '@huggingface/tokenizers';
import { GlassboxError } from '../base/error.ts';
import { isRecord } from './config-fields.ts';

type Json = Readonly<Record<string, unknown>>;

/** The error for files that make no tokenizer. */
export function badTokenizer(source: string, problem: string, cause?: unknown): GlassboxError {
  return new GlassboxError(`${source}: ${problem}`, {
    code: 'bad-tokenizer',
    remedy: 'Download the file again, or save the tokenizer with the tokenizers library.',
    details: { source },
    cause,
  });
}

export function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

/** Checks what the library would fall over without a word. */
export function checkTokenizerJson(value: unknown, source: string): Json {
  if (!isRecord(value)) throw badTokenizer(source, 'holds no JSON object');
  if (!isRecord(value.model)) throw badTokenizer(source, '"model" is missing');
  if (value.added_tokens !== undefined && !Array.isArray(value.added_tokens)) {
    throw badTokenizer(source, '"added_tokens" must be a list');
  }
  if (value.model.type === 'Unigram' && value.model.byte_fallback === true) {
    // The library would silently give the unknown token instead of bytes.
    throw badTokenizer(source, 'a Unigram model with byte fallback is not supported');
  }
  return value;
}

/** Builds the library's tokenizer, with the parts it reads differently rewritten. */
export function buildTokenizer(json: Json, config: Json, source: string): HubTokenizer {
  const parts = { normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null };
  const model = json.model as Json;
  // The library looks for the unknown token of word-level models in the other file.
  const given = model.type === 'WordLevel' ? { ...config, unk_token: model.unk_token } : config;
  try {
    return new HubTokenizer(
      {
        added_tokens: [],
        ...parts,
        ...json,
        pre_tokenizer: unicodeWords(json.pre_tokenizer ?? null),
      },
      given,
    );
  } catch (cause) {
    throw badTokenizer(source, reasonOf(cause), cause);
  }
}

/** What `\w` means in the reference implementation. */
const WORD = '\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}';

/**
 * The library splits words by a `\w` of ASCII letters only. The same step is written as a pattern
 * with the Unicode classes, so that words in other scripts stay whole.
 */
function unicodeWords(step: unknown): unknown {
  if (!isRecord(step)) return step;
  if (Array.isArray(step.pretokenizers)) {
    return { ...step, pretokenizers: step.pretokenizers.map(unicodeWords) };
  }
  if (step.type !== 'Whitespace') return step;
  const pattern = { Regex: `[${WORD}]+|[^\\s${WORD}]+` };
  return { type: 'Split', pattern, behavior: 'Removed', invert: true };
}
