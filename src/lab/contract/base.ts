/** What several parts of the lab's contract share: fields of requests, provenance, tokens, numbers. */
import { z } from 'zod';

/** Text, or token ids for a model without tokenizer. */
export const prompt = z
  .union([z.string(), z.array(z.int().min(0)).readonly()])
  .describe('text with special tokens spelled out, or token ids');
/** One token as text (a leading space is tried too), as `#id`, or as an id. */
export const token = z.union([z.string().min(1), z.int().min(0)]);
export const model = z
  .string()
  .min(1)
  .optional()
  .describe('a name of /api/models; the default one if absent');
export const topK = z.int().min(1).max(100).default(10);
export const seed = z.int().min(0).max(0xffffffff).optional();
export const preference = { target: token.optional(), distractor: token.optional() };

/** Where an answer comes from and how to get it again. */
export interface Provenance {
  readonly model: string;
  /** SHA-256 over the model's files, hexadecimal. */
  readonly modelHash: string;
  /** Hash of the data the model was trained on, where its manifest names one. */
  readonly dataHash: string | null;
  /** Seed of what was drawn at random; null when nothing was. */
  readonly seed: number | null;
  readonly glassboxVersion: string;
  /** The commit of a checkout; null in an installed package. */
  readonly commit: string | null;
  /** The command line that gives the same numbers; null where no command does. */
  readonly command: string | null;
  /** TypeScript that gives the same numbers with the library; null for the gallery. */
  readonly code: string | null;
  /** Time the model worked on it; what was cached keeps the time of its first computation. */
  readonly seconds: number;
  readonly cached: boolean;
}

/** What every answer about a model carries. */
export interface Sourced {
  readonly provenance: Provenance;
}

/** One token. Tokens that share a character have the same `group`. */
export interface TokenView {
  readonly id: number;
  /** The token on its own; U+FFFD where it holds a part of a character. Show the group's text. */
  readonly text: string;
  readonly bytes: readonly number[];
  /** Index into `groups`. */
  readonly group: number;
}

/** Tokens that make whole characters together; most groups have one token. */
export interface TokenGroupView {
  readonly text: string;
  readonly first: number;
  readonly count: number;
}

export interface Tokens {
  readonly tokens: readonly TokenView[];
  readonly groups: readonly TokenGroupView[];
}

export interface TokenChoice {
  readonly id: number;
  readonly text: string;
}

/** Numbers as base64 of little-endian float32, row-major. */
export interface PackedFloats {
  readonly shape: readonly number[];
  readonly data: string;
}

export interface IntervalView {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
  readonly n: number;
}
