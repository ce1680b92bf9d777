import { cut, type WorldTokenizer } from '../tokenizer.ts';
import { type Document, type Part, SPECIAL } from '../world/types.ts';

/** A word, digit, character or mark of a document; one token unless the vocabulary lacks it. */
export interface Piece {
  /** Without the space before it. */
  readonly word: string;
  readonly spaced: boolean;
  readonly ids: readonly number[];
  readonly role: Part['role'];
  /** Number of its part. */
  readonly part: number;
}

/** The pieces of a document in order. */
export function piecesOf(document: Document, tokenizer: WorldTokenizer): Piece[] {
  return document.parts.flatMap(({ text, role }, part) =>
    cut(text).map((raw): Piece => {
      const word = raw.trimStart();
      return { word, spaced: word !== raw, ids: tokenizer.encode(raw), role, part };
    }),
  );
}

/** A document being marked: its pieces and, per piece, the concepts that hold. */
export interface Marking {
  readonly document: Document;
  readonly pieces: readonly Piece[];
  /** First piece of the first answer; the number of pieces when there is none. */
  readonly answer: number;
  /** Marks one piece; does nothing for an index outside the document. */
  at(index: number, id: string): void;
  /** Marks the pieces from `from` up to, not including, `to`. */
  range(from: number, to: number, id: string): void;
  /** The first piece with this word at or after `from`; −1 when there is none. */
  find(word: string, from?: number): number;
}

/** Opens a document for marking. `held[i]` collects the concepts of piece i. */
export function createMarking(
  document: Document,
  pieces: readonly Piece[],
  held: readonly Set<string>[],
): Marking {
  const answer = pieces.findIndex(({ role }) => role === 'answer');
  const at = (index: number, id: string): void => {
    held[index]?.add(id);
  };
  return {
    document,
    pieces,
    answer: answer < 0 ? pieces.length : answer,
    at,
    range(from, to, id) {
      if (from < 0) return;
      for (let i = from; i < Math.min(to, pieces.length); i++) at(i, id);
    },
    find: (word, from = 0) => pieces.findIndex((piece, i) => i >= from && piece.word === word),
  };
}

/** A number in a text: consecutive digits. */
export interface NumberSpan {
  readonly from: number;
  /** One after its last digit. */
  readonly to: number;
  readonly digits: string;
}

/** The numbers of a document in order. A digit with a space before it begins a new one. */
export function numbersIn(pieces: readonly Piece[]): NumberSpan[] {
  const spans: NumberSpan[] = [];
  pieces.forEach(({ word, spaced }, i) => {
    if (!/^\d$/.test(word)) return;
    const last = spans[spans.length - 1];
    if (last?.to === i && !spaced) {
      spans[spans.length - 1] = { from: last.from, to: i + 1, digits: last.digits + word };
    } else spans.push({ from: i, to: i + 1, digits: word });
  });
  return spans;
}

/** Whether a piece is a special token. */
export const isSpecial = (word: string): boolean =>
  (Object.values(SPECIAL) as string[]).includes(word);
