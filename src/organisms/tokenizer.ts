import { SPECIAL } from './world/types.ts';
import type { World } from './world/world.ts';

/**
 * How text is cut before tokens are looked up: one Han character, one digit, one word, one mark or
 * one whitespace character, each of the first four with the space before it. Whitespace is spelled
 * out because `\s` differs between the JavaScript and the Rust tokenizer.
 */
const HAN = '\\u3400-\\u4DBF\\u4E00-\\u9FFF';
const cutPattern = [
  ` ?[${HAN}]`,
  ' ?\\p{N}',
  ` ?[^ \\t\\n\\r\\p{N}\\p{P}\\p{S}${HAN}]+`,
  ' ?[\\p{P}\\p{S}]',
  '[ \\t\\n\\r]',
].join('|');

const specials: readonly string[] = Object.values(SPECIAL);

/** The printable stand-in of each byte in byte-level BPE (the table of GPT-2). */
export const byteCharacters: readonly string[] = (() => {
  const printable = (b: number) => (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
  let next = 256;
  return Array.from({ length: 256 }, (_, b) => String.fromCodePoint(printable(b) ? b : next++));
})();

const encoder = new TextEncoder();

const byteLevel = (text: string): string =>
  Array.from(encoder.encode(text), (byte) => byteCharacters[byte]).join('');

/** Cuts text into the pieces that can be single tokens. Special tokens are cut out first. */
export function cut(text: string): string[] {
  const special = specials.map((token) => token.replace(/[|]/g, '\\$&')).join('|');
  return text
    .split(new RegExp(`(${special})`, 'u'))
    .flatMap((part) =>
      specials.includes(part) ? [part] : (part.match(new RegExp(cutPattern, 'gu')) ?? []),
    );
}

/** The vocabulary of a world: specials, 256 bytes, then every word of the lexicon, sorted. */
export function vocabulary(world: World): readonly string[] {
  const words = new Set<string>();
  for (const text of world.lexicon()) for (const piece of cut(text)) words.add(byteLevel(piece));
  for (const token of [...specials, ...specials.map(byteLevel), ...byteCharacters])
    words.delete(token);
  return [...specials, ...byteCharacters, ...[...words].sort()];
}

/**
 * The world's tokenizer in the standard `tokenizer.json` form: byte-level BPE without merges. With
 * `ignore_merges` a piece that is in the vocabulary is one token and any other is its bytes, so
 * every text is accepted. `<|endoftext|>` opens every encoded text.
 */
export function tokenizerJson(world: World): Record<string, unknown> {
  const tokens = vocabulary(world);
  const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]));
  const start = { SpecialToken: { id: SPECIAL.endOfText, type_id: 0 } };
  const sequence = (id: 'A' | 'B') => ({ Sequence: { id, type_id: id === 'A' ? 0 : 1 } });
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: specials.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Split', pattern: { Regex: rustPattern() }, behavior: 'Isolated', invert: false },
        { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false },
      ],
    },
    post_processor: {
      type: 'TemplateProcessing',
      single: [start, sequence('A')],
      pair: [start, sequence('A'), sequence('B')],
      special_tokens: {
        [SPECIAL.endOfText]: { id: SPECIAL.endOfText, ids: [0], tokens: [SPECIAL.endOfText] },
      },
    },
    decoder: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: true,
      vocab,
      merges: [],
    },
  };
}

/** Rust's regular expressions have no `\uXXXX`, so the characters themselves are written. */
function rustPattern(): string {
  return cutPattern
    .replace(/\\u([0-9A-F]{4})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    .replace(/\\t/g, '\t')
    .replace(/\\n/g, '\n')
    .replace(/\\r/g, '\r');
}

/** Turns messages into the text the model was trained on; spoken in Jinja, as the hub expects. */
export const chatTemplate = [
  `{{ bos_token }}{% for message in messages %}`,
  `{{ '<|' + message['role'] + '|>' + message['content'] + '${SPECIAL.end}' }}`,
  `{% endfor %}{% if add_generation_prompt %}{{ '${SPECIAL.assistant}' }}{% endif %}`,
].join('');

/** The content of `tokenizer_config.json`. `maxLength` is the context in tokens. */
export function tokenizerConfig(maxLength: number): Record<string, unknown> {
  return {
    tokenizer_class: 'PreTrainedTokenizerFast',
    bos_token: SPECIAL.endOfText,
    eos_token: SPECIAL.endOfText,
    pad_token: SPECIAL.pad,
    unk_token: null,
    clean_up_tokenization_spaces: false,
    model_max_length: maxLength,
    chat_template: chatTemplate,
  };
}

/** Text ↔ token ids of the world. The same as what `tokenizer.json` does, without the library. */
export interface WorldTokenizer {
  readonly tokens: readonly string[];
  readonly size: number;
  /** Ids of the text, without an opening `<|endoftext|>`. A lone surrogate becomes U+FFFD. */
  encode(text: string): number[];
  decode(ids: Iterable<number>): string;
  id(special: string): number;
}

/** The tokenizer of a world. */
export function createTokenizer(world: World): WorldTokenizer {
  const tokens = vocabulary(world);
  const ids = new Map(tokens.map((token, id) => [token, id]));
  const pieces = new Map<string, readonly number[]>();
  const bytes = new Map(byteCharacters.map((character, byte) => [character, byte]));
  const encodePiece = (piece: string): readonly number[] => {
    const known = pieces.get(piece);
    if (known) return known;
    const id = specials.includes(piece) ? ids.get(piece) : ids.get(byteLevel(piece));
    const out = id === undefined ? Array.from(byteLevel(piece), (c) => ids.get(c) as number) : [id];
    if (pieces.size < 20_000) pieces.set(piece, out);
    return out;
  };
  return {
    tokens,
    size: tokens.length,
    encode: (text) => cut(text.toWellFormed()).flatMap(encodePiece),
    decode(list) {
      const decoder = new TextDecoder();
      const out: string[] = [];
      let pending: number[] = [];
      const flush = () => {
        out.push(decoder.decode(Uint8Array.from(pending)));
        pending = [];
      };
      for (const id of list) {
        if (id < specials.length) {
          flush();
          out.push(specials[id]);
        } else for (const c of tokens[id] ?? '') pending.push(bytes.get(c) as number);
      }
      flush();
      return out.join('');
    },
    id: (special) => ids.get(special) as number,
  };
}
