import type { Model } from '../../model/model.ts';

/**
 * The tokens with a special token in front, unless they start with one already: begin-of-text, else padding, else
 * end-of-text, whichever the tokenizer has first (as circuit-tracer does). Models put what belongs nowhere else at the
 * first position, so a graph ignores it, and it should not hold a word. Without special tokens the prompt stays as
 * it is.
 */
export function withBeginning(
  { tokenizer, config }: Pick<Model, 'tokenizer' | 'config'>,
  tokens: readonly number[],
): number[] {
  if (!tokenizer) return [...tokens];
  const { bos, pad, eos, all } = tokenizer.special;
  const known = [bos, pad, ...eos].filter((id) => id !== null && id < config.dVocab);
  if (known.length === 0 || known.includes(tokens[0]) || all.has(tokens[0])) return [...tokens];
  return [known[0]!, ...tokens];
}
