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
        pre_tokenizer: readAlike(json.pre_tokenizer ?? null),
      },
      given,
    );
  } catch (cause) {
    throw badTokenizer(source, reasonOf(cause), cause);
  }
}

/** What `\w` means in the reference implementation. */
const WORD = '\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}';

/** Splits whose delimiters go with a neighbour, as patterns of whole pieces: the library would cut delimiters off. */
const MERGED: Readonly<Record<string, (delimiter: string, other: string) => string>> = {
  MergedWithPrevious: (delimiter, other) => `${other}*(?:${delimiter})|${other}+`,
  MergedWithNext: (delimiter, other) => `(?:${delimiter})${other}*|${other}+`,
  Contiguous: (delimiter, other) => `(?:${delimiter})+|${other}+`,
};

/** Keeps the pieces that a pattern matches. */
const pieces = (pattern: string): Json => ({
  type: 'Split',
  pattern: { Regex: pattern },
  behavior: 'Removed',
  invert: true,
});

/**
 * A step with what the library reads differently rewritten: it splits words by a `\w` of ASCII letters only, and knows no
 * delimiters that stay with a neighbour. Both are written as patterns of what the pieces are.
 */
function readAlike(step: unknown): unknown {
  if (!isRecord(step)) return step;
  if (Array.isArray(step.pretokenizers)) {
    return { ...step, pretokenizers: step.pretokenizers.map(readAlike) };
  }
  if (step.type === 'Whitespace') return pieces(`[${WORD}]+|[^\\s${WORD}]+`);
  const merged = step.type === 'Split' && step.invert !== true && MERGED[String(step.behavior)];
  if (!merged || !isRecord(step.pattern)) return step;
  const { String: text, Regex: regex } = step.pattern;
  const delimiter =
    typeof text === 'string' ? text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&') : String(regex);
  return pieces(merged(delimiter, `(?:(?!${delimiter})[\\s\\S])`));
}
