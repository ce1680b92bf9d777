import type { TokenPiece } from './token-bytes.ts';

type Json = Readonly<Record<string, unknown>>;

/** How the vocabulary of a `tokenizer.json` spells text, read from its decoder. */
export interface TokenSpelling {
  /** What a vocabulary entry adds to a text; `whole` is left to the caller. */
  readonly bytesOf: (entry: string) => Uint8Array;
  /** Text between tokens when they are decoded. */
  readonly separator: string;
  /** Decoding drops one leading space of the whole text. */
  readonly stripFirstSpace: boolean;
  /** Decode from bytes here: the library drops a byte order mark that is spelled in bytes. */
  readonly ownDecoding: boolean;
}

/**
 * Reads the spelling from the `decoder` part. Byte-level vocabularies write each byte as one visible
 * character (Radford et al. 2019); SentencePiece ones write a space as U+2581 and a byte outside
 * the vocabulary as `<0xAB>`.
 */
export function spellingOf(decoder: unknown): TokenSpelling {
  const steps = flatten(decoder);
  const types = new Set(steps.map((step) => step.type));
  if (types.has('ByteLevel')) {
    return { bytesOf: byteLevelBytes, separator: '', stripFirstSpace: false, ownDecoding: false };
  }
  const spaces = steps.flatMap(spaceMarks);
  const fallback = types.has('ByteFallback');
  return {
    bytesOf: (entry) => {
      const byte = fallback ? /^<0x([0-9A-Fa-f]{2})>$/.exec(entry) : null;
      if (byte) return Uint8Array.of(Number.parseInt(byte[1], 16));
      return utf8(spaces.reduce((text, mark) => text.replaceAll(mark, ' '), entry));
    },
    // Without a decoder, tokens are joined by spaces, as in the reference implementation.
    separator: steps.length === 0 ? ' ' : '',
    stripFirstSpace: steps.some(stripsFirstSpace),
    ownDecoding: fallback,
  };
}

/** A token of which nothing is known but its number. */
export const NO_PIECE: TokenPiece = { bytes: new Uint8Array(0), whole: true };

function flatten(decoder: unknown): Json[] {
  if (typeof decoder !== 'object' || decoder === null) return [];
  const step = decoder as Json;
  return Array.isArray(step.decoders) ? step.decoders.flatMap(flatten) : [step];
}

function spaceMarks(step: Json): string[] {
  if (step.type === 'Metaspace') return [String(step.replacement ?? '\u2581')];
  const pattern = (step.pattern as Json | undefined)?.String;
  const replaces = step.type === 'Replace' && step.content === ' ';
  return replaces && typeof pattern === 'string' ? [pattern] : [];
}

function stripsFirstSpace(step: Json): boolean {
  if (step.type === 'Metaspace') return step.prepend_scheme !== 'never';
  return step.type === 'Strip' && step.content === ' ' && Number(step.start) > 0;
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

let byteOfChar: Map<string, number> | undefined;

/** Printable Latin-1 bytes stand for themselves, the other 68 for U+0100 and up, in order. */
function byteAlphabet(): Map<string, number> {
  if (byteOfChar) return byteOfChar;
  const map = new Map<string, number>();
  let next = 0x100;
  for (let byte = 0; byte < 256; byte++) {
    const visible = (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
    map.set(String.fromCharCode(visible ? byte : next++), byte);
  }
  byteOfChar = map;
  return map;
}

function byteLevelBytes(entry: string): Uint8Array {
  const alphabet = byteAlphabet();
  const bytes: number[] = [];
  for (const char of entry) {
    const byte = alphabet.get(char);
    // An entry with other characters was added as text, not learned from bytes.
    if (byte === undefined) return utf8(entry);
    bytes.push(byte);
  }
  return Uint8Array.from(bytes);
}
