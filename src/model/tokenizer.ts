import type { Tokenizer as HubTokenizer } from '@huggingface/tokenizers';
import { GlassboxError } from '../base/error.ts';
import {
  type ChatMessage,
  type ChatOptions,
  type ChatTemplates,
  readChatTemplates,
  renderChat,
} from './chat-template.ts';
import { isRecord } from './config-fields.ts';
import {
  createTextStream,
  decodePieces,
  groupTokens,
  type TextStream,
  type TokenGroup,
  type TokenPiece,
} from './token-bytes.ts';
import { NO_PIECE, spellingOf } from './token-pieces.ts';
import { badTokenizer, buildTokenizer, checkTokenizerJson, reasonOf } from './tokenizer-json.ts';

export type { ChatMessage, ChatOptions } from './chat-template.ts';
export type { TextStream, TokenGroup } from './token-bytes.ts';

/** Ids with a meaning of their own. */
export interface SpecialTokens {
  readonly bos: number | null;
  /** Generation stops at any of these. */
  readonly eos: readonly number[];
  readonly pad: number | null;
  readonly unk: number | null;
  /** Every id that `skipSpecialTokens` leaves out. */
  readonly all: ReadonlySet<number>;
}

/** Text to token ids and back. */
export interface Tokenizer {
  /** Where it was read from, for messages. */
  readonly source: string;
  /** One more than the largest id. */
  readonly vocabSize: number;
  readonly special: SpecialTokens;
  /** Names of the chat templates; empty when the model has none. */
  readonly chatTemplates: readonly string[];
  /**
   * Token ids of a text. Lone surrogates become U+FFFD. `addSpecialTokens` (default true) adds what
   * the tokenizer puts around every text, such as a begin-of-text token.
   *
   * @throws GlassboxError `unencodable-text` when the vocabulary has neither the text nor an
   *   unknown token
   */
  encode(text: string, options?: { readonly addSpecialTokens?: boolean }): number[];
  /**
   * Text of token ids, without cleaning up spaces. Ids without vocabulary entry add nothing.
   *
   * @throws GlassboxError `bad-token-id` for an id that is no whole number >= 0
   */
  decode(ids: readonly number[], options?: { readonly skipSpecialTokens?: boolean }): string;
  /** The vocabulary entry as it is spelled in the file, e.g. `Ġthe`. */
  token(id: number): string | undefined;
  /** Id of a vocabulary entry as it is spelled in the file. */
  idOf(token: string): number | undefined;
  /** For display: tokens that split a character are joined, leading spaces are kept. */
  tokenStrings(ids: readonly number[]): TokenGroup[];
  /**
   * Text of tokens that arrive one by one, never half a character. With `startOfText` the first
   * space is dropped where `decode` drops it; without, the text continues another.
   */
  stream(options?: {
    readonly skipSpecialTokens?: boolean;
    readonly startOfText?: boolean;
  }): TextStream;
  /**
   * A conversation as text, special tokens spelled out: encode it with
   * `addSpecialTokens: false`.
   *
   * @throws GlassboxError `no-chat-template` or `chat-template-failed`
   */
  applyChatTemplate(messages: readonly ChatMessage[], options?: ChatOptions): string;
}

/** The parsed files of a tokenizer; only `tokenizer` is needed. */
export interface TokenizerFiles {
  /** `tokenizer.json` */
  readonly tokenizer: unknown;
  /** `tokenizer_config.json` */
  readonly config?: unknown;
  /** `special_tokens_map.json` */
  readonly specialTokensMap?: unknown;
  /** `generation_config.json`: further ids that end a text. */
  readonly generationConfig?: unknown;
  /** `chat_template.jinja`; wins over the template in `config`. */
  readonly chatTemplate?: string;
  readonly source?: string;
}

type Json = Readonly<Record<string, unknown>>;

/**
 * Builds a tokenizer from parsed files.
 *
 * @throws GlassboxError `bad-tokenizer`
 */
export function createTokenizer(files: TokenizerFiles): Tokenizer {
  const source = files.source ?? 'tokenizer.json';
  const json = checkTokenizerJson(files.tokenizer, source);
  const config = isRecord(files.config) ? files.config : {};
  const inner = buildTokenizer(json, config, source);
  const map = isRecord(files.specialTokensMap) ? files.specialTokensMap : {};
  const named = namedTokens(config, map);
  const special = readSpecial(inner, { named, generation: files.generationConfig });
  const spelling = spellingOf(json.decoder);
  const vocabSize = largest(inner.get_vocab().values()) + 1;
  const pieceOf = cachedPieces(inner, spelling.bytesOf);
  const templates = templatesOf(files, config);
  const visible = (ids: readonly number[], skip: boolean | undefined): number[] =>
    ids.filter((id) => {
      checkId(id);
      return inner.id_to_token(id) !== undefined && !(skip && special.all.has(id));
    });
  return {
    source,
    vocabSize,
    special,
    chatTemplates: [...templates.keys()],
    encode: (text, options) => encode(inner, { text, source, ...options }),
    decode: (ids, options) => {
      const kept = visible(ids, options?.skipSpecialTokens);
      if (kept.length === 0) return '';
      if (spelling.ownDecoding) return decodePieces(kept, { ...spelling, pieceOf });
      return inner.decode(kept, {
        skip_special_tokens: false,
        clean_up_tokenization_spaces: false,
      });
    },
    token: (id) => inner.id_to_token(id),
    idOf: (token) => inner.token_to_id(token),
    tokenStrings: (ids) =>
      groupTokens(ids, pieceOf).map((group) => {
        if (group.ids.length > 1 || inner.id_to_token(group.ids[0]) !== undefined) return group;
        return { ...group, text: `[${group.ids[0]}]` };
      }),
    stream: (options) => {
      const { separator, stripFirstSpace } = spelling;
      const start = {
        separator,
        stripFirstSpace: stripFirstSpace && options?.startOfText === true,
      };
      const stream = createTextStream({ pieceOf, ...start });
      return {
        push: (id) => (visible([id], options?.skipSpecialTokens).length > 0 ? stream.push(id) : ''),
        end: () => stream.end(),
      };
    },
    applyChatTemplate: (messages, options) =>
      renderChat(templates, messages, { ...options, specialTokens: named, source }),
  };
}

/** Math.max(...ids) would pass a whole vocabulary as arguments, more than a call can take. */
function largest(ids: Iterable<number>): number {
  let max = -1;
  for (const id of ids) max = Math.max(max, id);
  return max;
}

const NAMES = ['bos_token', 'eos_token', 'pad_token', 'unk_token'] as const;

/** Special tokens by role, each given as a string or as `{content}`. */
function namedTokens(config: Json, map: Json): Record<string, string> {
  const out: Record<string, string> = {};
  for (const name of NAMES) {
    const value = config[name] ?? map[name];
    const content = isRecord(value) ? value.content : value;
    if (typeof content === 'string') out[name] = content;
  }
  return out;
}

function readSpecial(
  inner: HubTokenizer,
  options: { readonly named: Readonly<Record<string, string>>; readonly generation: unknown },
): SpecialTokens {
  const { named, generation } = options;
  const idOf = (name: string): number | null => {
    const content = named[name];
    return content === undefined ? null : (inner.token_to_id(content) ?? null);
  };
  const unk = idOf('unk_token') ?? inner.model?.unk_token_id ?? null;
  const marked = [...inner.get_added_tokens_decoder().values()].filter((token) => token.special);
  const further = isRecord(generation) ? [generation.eos_token_id].flat() : [];
  const eos = [idOf('eos_token'), ...further].filter((id) => Number.isInteger(id)) as number[];
  const roles = [idOf('bos_token'), idOf('eos_token'), idOf('pad_token')];
  const all = [...marked.map((token) => token.id), ...roles.filter((id) => id !== null)];
  // A word-level vocabulary may name an ordinary word as its unknown token; it stays visible.
  return { bos: roles[0], eos: [...new Set(eos)], pad: roles[2], unk, all: new Set(all) };
}

function cachedPieces(
  inner: HubTokenizer,
  bytesOf: (entry: string) => Uint8Array,
): (id: number) => TokenPiece {
  const added = inner.get_added_tokens_decoder();
  const cache = new Map<number, TokenPiece>();
  return (id) => {
    checkId(id);
    const known = cache.get(id);
    if (known) return known;
    const entry = inner.id_to_token(id);
    if (entry === undefined) return NO_PIECE;
    const whole = added.has(id);
    const piece = { bytes: whole ? new TextEncoder().encode(entry) : bytesOf(entry), whole };
    cache.set(id, piece);
    return piece;
  };
}

function checkId(id: number): void {
  if (Number.isInteger(id) && id >= 0) return;
  throw new GlassboxError(`token id ${id} is no whole number >= 0`, {
    code: 'bad-token-id',
    remedy: 'Give ids as the tokenizer makes them.',
    details: { id },
  });
}

function encode(
  inner: HubTokenizer,
  options: { readonly text: string; readonly source: string; readonly addSpecialTokens?: boolean },
): number[] {
  const { text, source, addSpecialTokens = true } = options;
  let ids: readonly (number | undefined)[];
  try {
    ids = inner.encode(text.toWellFormed(), { add_special_tokens: addSpecialTokens }).ids;
  } catch (cause) {
    throw badTokenizer(source, `cannot encode: ${reasonOf(cause)}`, cause);
  }
  const missing = ids.indexOf(undefined);
  if (missing >= 0) {
    throw new GlassboxError(`${source} has no token for part ${missing + 1} of the text`, {
      code: 'unencodable-text',
      remedy: 'Use only what the vocabulary covers; it has no unknown token.',
      details: { source, part: missing },
    });
  }
  return ids as number[];
}

function templatesOf(files: TokenizerFiles, config: Json): ChatTemplates {
  const templates = readChatTemplates(config.chat_template);
  if (files.chatTemplate === undefined) return templates;
  return new Map([...templates, ['default', files.chatTemplate]]);
}
