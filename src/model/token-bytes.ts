/** One or more tokens that together make whole characters. */
export interface TokenGroup {
  readonly ids: readonly number[];
  /** Whole characters; U+FFFD stands for bytes that are no UTF-8. */
  readonly text: string;
  readonly bytes: Uint8Array;
}

/** What one token adds to a text. */
export interface TokenPiece {
  readonly bytes: Uint8Array;
  /** A special or added token: characters never continue across it. */
  readonly whole: boolean;
}

/**
 * How many bytes at the end of `bytes` begin a UTF-8 character that is not complete: 0 to 3.
 * Bytes that can never become a character count as complete.
 */
export function openBytes(bytes: Uint8Array): number {
  for (let back = 1; back <= 3 && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back];
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) {
      const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      if (length <= back || byte > 0xf4 || byte < 0xc2) return 0;
      return back === 1 || secondByteFits(byte, bytes[bytes.length - back + 1]) ? back : 0;
    }
  }
  return 0;
}

/** Some first bytes allow fewer second bytes (Unicode standard, table 3-7). */
function secondByteFits(first: number, second: number): boolean {
  const low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  return second >= low && second <= high;
}

/** U+FFFD per malformed part; a byte order mark is a character like any other. */
export function decodeUtf8(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
}

/** All parts in one array. */
export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let position = 0;
  for (const part of parts) {
    out.set(part, position);
    position += part.length;
  }
  return out;
}

/**
 * Joins tokens that split a character between them. Every token belongs to exactly one group, in
 * order; most groups have one token.
 */
export function groupTokens(
  ids: readonly number[],
  pieceOf: (id: number) => TokenPiece,
): TokenGroup[] {
  const groups: TokenGroup[] = [];
  let open: number[] = [];
  let parts: Uint8Array[] = [];
  const close = () => {
    if (open.length === 0) return;
    const bytes = concatBytes(parts);
    groups.push({ ids: open, text: decodeUtf8(bytes), bytes });
    open = [];
    parts = [];
  };
  for (const id of ids) {
    const { bytes, whole } = pieceOf(id);
    // A token that does not continue the open character leaves it broken for good.
    if (whole || (open.length > 0 && !isContinuation(bytes[0]))) close();
    open.push(id);
    parts.push(bytes);
    if (whole || openBytes(concatBytes(parts)) === 0) close();
  }
  close();
  return groups;
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x80 && byte < 0xc0;
}

/** Turns tokens into text as they arrive, holding back the bytes of unfinished characters. */
export interface TextStream {
  /** The text this token completes, perhaps empty. */
  push(id: number): string;
  /** What is still held back, as U+FFFD where it is no character. Call once, at the end. */
  end(): string;
}

/** How tokens spell text. */
export interface StreamOptions {
  readonly pieceOf: (id: number) => TokenPiece;
  /** Put before every token but the first. */
  readonly separator: string;
  /** Drop one leading space of the whole text. */
  readonly stripFirstSpace: boolean;
}

/** Turns tokens into text one by one; see {@link TextStream}. */
export function createTextStream(options: StreamOptions): TextStream {
  const utf8 = () => new TextDecoder('utf-8', { ignoreBOM: true });
  let decoder = utf8();
  let atStart = true;
  let count = 0;
  const emit = (text: string): string => {
    if (!atStart || text === '') return text;
    atStart = false;
    return options.stripFirstSpace && text.startsWith(' ') ? text.slice(1) : text;
  };
  return {
    push(id) {
      const { bytes, whole } = options.pieceOf(id);
      const before = count++ > 0 ? options.separator : '';
      if (!whole) return emit(before + decoder.decode(bytes, { stream: true }));
      const held = decoder.decode();
      decoder = utf8();
      return emit(held + before + decodeUtf8(bytes));
    },
    end: () => emit(decoder.decode()),
  };
}

/** The text of tokens that are all there. */
export function decodePieces(ids: readonly number[], options: StreamOptions): string {
  const stream = createTextStream(options);
  return ids.map((id) => stream.push(id)).join('') + stream.end();
}
