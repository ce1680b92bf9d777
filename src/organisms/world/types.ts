import type { Rng } from '../../base/rng.ts';
import type { Split } from './hold-out.ts';

/** The mechanisms of the world. A context mark or a chat turn wraps one; it is not one itself. */
export const mechanisms = [
  'story',
  'indirect-object',
  'one-hop',
  'two-hop',
  'addition',
  'worked-sums',
  'antonyms-en',
  'antonyms-fr',
  'antonyms-zh',
  'induction',
  'harmful',
  'benign',
  'unknown',
  'small-talk',
  'speakers',
  'puzzles',
] as const;

/** The name of a mechanism of the world. */
export type Mechanism = (typeof mechanisms)[number];

/** The right continuation of a prompt, and how the world gets to it. */
export interface Truth {
  readonly mechanism: Mechanism;
  /** The text that should follow, without a leading space and without the closing mark. */
  readonly answer: string;
  /** Every entity the answer depends on, intermediate ones included, by role. */
  readonly entities: Readonly<Record<string, string>>;
  /** The right answer, where the right continuation repeats a wrong speaker. */
  readonly knows?: string;
}

/**
 * A stretch of a document. `answer` follows from what is before it; `context` is ordinary text;
 * `random` cannot be predicted (operands, random words), so a trainer may leave it out of the loss.
 */
export interface Part {
  readonly text: string;
  readonly role: 'context' | 'answer' | 'random';
}

/** One document of the world with its ground truth (absent for free text such as stories). */
export interface Document {
  readonly mechanism: Mechanism;
  readonly parts: readonly Part[];
  readonly truth?: Truth;
}

/** One mechanism of the world: it writes documents and reads prompts. */
export interface MechanismSource {
  readonly name: Mechanism;
  /** A document from one split; the same generator state gives the same document. */
  write(rng: Rng, split: Split): Document;
  /** The truth of a prompt of this mechanism, or undefined when it is something else. */
  read(prompt: string): Truth | undefined;
  /** Texts whose words must be single tokens: templates with slots left out, and slot values. */
  lexicon(): Iterable<string>;
}

/** The special tokens, as they stand in text. */
export const SPECIAL = {
  endOfText: '<|endoftext|>',
  pad: '<|pad|>',
  system: '<|system|>',
  user: '<|user|>',
  assistant: '<|assistant|>',
  end: '<|end|>',
  think: '<think>',
  endThink: '</think>',
} as const;

/** The text of a document. */
export function documentText(document: Document): string {
  return document.parts.map((part) => part.text).join('');
}

/** The prompt of a document (everything before its first answer) and the answer that is expected. */
export function promptOf(document: Document): { prompt: string; answer: string } {
  const first = document.parts.findIndex((part) => part.role === 'answer');
  const cut = first < 0 ? document.parts.length : first;
  return {
    prompt: document.parts
      .slice(0, cut)
      .map((part) => part.text)
      .join(''),
    answer: document.parts
      .slice(cut)
      .map((part) => part.text)
      .join('')
      .trim(),
  };
}
