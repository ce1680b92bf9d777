import { GlassboxError, nearestNames } from '../base/error.ts';
import type { Model } from '../model/model.ts';
import type { Tokenizer } from '../model/tokenizer.ts';

/** A token as tools show it. */
export interface ShownToken {
  readonly id: number;
  readonly text: string;
}

/** The tokenizer of a model. Throws `no-tokenizer` when it came without one. */
export function tokenizerOf(model: Model): Tokenizer {
  if (model.tokenizer) return model.tokenizer;
  throw new GlassboxError(`${model.name} has no tokenizer`, {
    code: 'no-tokenizer',
    remedy: 'Put its tokenizer.json beside config.json, or give token ids.',
    details: { model: model.name },
  });
}

/** Token ids of a prompt, with the special tokens the tokenizer adds. Throws `empty-prompt`. */
export function encodePrompt(model: Model, text: string): number[] {
  const ids = tokenizerOf(model).encode(text, { addSpecialTokens: true });
  // A tokenizer that puts a begin-of-text token in front makes a prompt out of nothing.
  if (ids.length > 0 && text !== '') return ids;
  throw new GlassboxError('the prompt is empty', {
    code: 'empty-prompt',
    remedy: 'Give at least one character.',
  });
}

/** One vocabulary entry as text; what a byte-level token holds of a character shows as bytes. */
export function showToken(model: Model, id: number): ShownToken {
  const [group] = model.tokenizer?.tokenStrings([id]) ?? [];
  return { id, text: group?.text ?? `#${id}` };
}

/** The id of a text that is one token, or null. */
function oneToken(tokenizer: Tokenizer, text: string): number | null {
  const ids = tokenizer.encode(text, { addSpecialTokens: false });
  return ids.length === 1 ? ids[0] : null;
}

/**
 * The id of a token given as an id, as `#id`, or as text. Words inside a sentence start with a space, so
 * `Mary` means ` Mary` where that is a token, else `Mary`; text that starts with a space or stands in double
 * quotes (`"Mary"`) is taken as it is.
 *
 * @throws GlassboxError `not-one-token` when the text is several tokens, naming them; `bad-token` when there is no
 *   such id, or no text
 */
export function resolveToken(model: Model, token: string | number): number {
  const id = typeof token === 'number' ? token : /^#\d+$/.test(token) ? Number(token.slice(1)) : -1;
  if (id >= 0) {
    if (Number.isInteger(id) && id < model.config.dVocab) return id;
    throw new GlassboxError(`token ${token} is outside the vocabulary`, {
      code: 'bad-token',
      remedy: `Give an id from 0 to ${model.config.dVocab - 1}, or the token's text.`,
    });
  }
  if (token === '') {
    throw new GlassboxError('the text of a token is empty', {
      code: 'bad-token',
      remedy: 'Give the text of one token, or its id as #123.',
    });
  }
  const tokenizer = tokenizerOf(model);
  const quoted = /^"(.+)"$/s.exec(String(token));
  const text = quoted?.[1] ?? String(token);
  const spaced = quoted || text.startsWith(' ') ? null : oneToken(tokenizer, ` ${text}`);
  const found = spaced ?? oneToken(tokenizer, text);
  if (found !== null) return found;
  const ids = tokenizer.encode(text, { addSpecialTokens: false });
  const pieces = ids.map((piece) => JSON.stringify(showToken(model, piece).text));
  throw new GlassboxError(`'${text}' is ${ids.length} tokens: ${pieces.join(', ')}`, {
    code: 'not-one-token',
    remedy: 'Choose one of these tokens, or give a token id as #123.',
    details: { token, ids },
  });
}

/** A position from 0, or from the end when negative. Throws `bad-position`. */
export function resolvePosition(position: number, length: number): number {
  const at = position < 0 ? length + position : position;
  if (Number.isInteger(at) && at >= 0 && at < length) return at;
  throw new GlassboxError(`position ${position} is outside a prompt of ${length} tokens`, {
    code: 'bad-position',
    remedy: `Use 0 to ${length - 1}, or -1 to -${length} counted from the end.`,
    details: { position, length },
  });
}

/** One of a closed list of words, or an error that names the nearest. */
export function oneOf<T extends string>(what: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((word) => word === value);
  if (found !== undefined) return found;
  const [nearest] = nearestNames(value, allowed, 1);
  throw new GlassboxError(`unknown ${what} '${value}'; did you mean '${nearest}'?`, {
    code: `unknown-${what.replaceAll(' ', '-')}`,
    remedy: `Use one of: ${allowed.join(', ')}.`,
  });
}
