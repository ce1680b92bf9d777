import type { JsonFields } from './config-fields.ts';
import type { SpecialTokenIds } from './config-types.ts';

/** The family's own defaults for `bos_token_id`, `eos_token_id` and `pad_token_id`. */
export interface TokenDefaults {
  readonly bos: number | null;
  readonly eos: number | null;
  readonly pad: number | null;
}

/**
 * Special token ids. They do not change any number the model computes, and published files hold
 * placeholders such as -1, so an id outside the vocabulary counts as absent instead of failing.
 */
export function readTokens(options: {
  readonly fields: JsonFields;
  readonly top: JsonFields;
  readonly dVocab: number;
  readonly defaults: TokenDefaults;
}): SpecialTokenIds {
  const { fields, top, dVocab, defaults } = options;
  const ids = (key: string, fallback: number | null): number[] => {
    const holder = fields.has(key) ? fields : top;
    const found = holder.has(key) ? holder.intOrInts(key) : fallback === null ? [] : [fallback];
    return found.filter((id) => id >= 0 && id < dVocab);
  };
  return {
    bos: ids('bos_token_id', defaults.bos)[0] ?? null,
    eos: ids('eos_token_id', defaults.eos),
    pad: ids('pad_token_id', defaults.pad)[0] ?? null,
  };
}
