import { GlassboxError } from '../../base/error.ts';
import { tensorData } from '../../graph/build.ts';
import type { TensorData } from '../../graph/op.ts';
import type { ModelConfig } from '../config.ts';

/** One prompt or several, as token ids; prompts may differ in length. */
export type Tokens = readonly number[] | readonly (readonly number[])[];

/** Prompts as one array, padded on the right. */
export interface Batch {
  /** int64 `[batch, pos]`; what fills short rows never reaches a real position, which come before it. */
  readonly tokens: TensorData;
  /** The real number of tokens of every row. */
  readonly lengths: readonly number[];
}

/** The longest prompt in tokens; scaled rotary positions reach further than the trained context. */
export function contextLength(config: ModelConfig): number {
  const { positions, nCtx } = config;
  if (positions.kind === 'learned') return nCtx;
  const { scaling } = positions;
  if ('factor' in scaling && 'originalContext' in scaling) {
    return Math.max(nCtx, Math.floor(scaling.factor * scaling.originalContext));
  }
  return nCtx;
}

/** Whether the tokens are several prompts. */
function isBatch(tokens: Tokens): tokens is readonly (readonly number[])[] {
  return Array.isArray(tokens[0]);
}

/** The prompts of a {@link Tokens} value. */
export function promptsOf(tokens: Tokens): readonly (readonly number[])[] {
  return isBatch(tokens) ? tokens : [tokens as readonly number[]];
}

/**
 * Checks prompts and pads them on the right to one array.
 *
 * @throws GlassboxError `empty-prompt`, `prompt-too-long` or `bad-token`, naming the row
 */
export function toBatch(config: ModelConfig, tokens: Tokens): Batch {
  const rows = promptsOf(tokens);
  const limit = contextLength(config);
  const lengths = rows.map((row) => row.length);
  rows.forEach((row, index) => {
    if (row.length === 0) {
      throw new GlassboxError(`prompt ${index} has no tokens`, {
        code: 'empty-prompt',
        remedy: 'Give at least one token, for instance the begin-of-text token.',
        details: { row: index },
      });
    }
    if (row.length > limit) {
      throw new GlassboxError(
        `prompt ${index} has ${row.length} tokens, the model's context is ${limit}`,
        {
          code: 'prompt-too-long',
          remedy: `Shorten the prompt to ${limit} tokens.`,
          details: { row: index, length: row.length, limit },
        },
      );
    }
    for (const token of row) {
      if (!Number.isInteger(token) || token < 0 || token >= config.dVocab) {
        throw new GlassboxError(
          `prompt ${index} holds ${token}, token ids run from 0 to ${config.dVocab - 1}`,
          {
            code: 'bad-token',
            remedy: "Encode the prompt with this model's tokenizer.",
            details: { row: index, token, vocabulary: config.dVocab },
          },
        );
      }
    }
  });
  const pos = Math.max(...lengths);
  const flat = rows.flatMap((row) => [...row, ...new Array<number>(pos - row.length).fill(0)]);
  return { tokens: tensorData(flat, [rows.length, pos], 'int64'), lengths };
}
