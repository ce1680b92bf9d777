import { GlassboxError } from '../../../base/error.ts';
import type { ProgressListener } from '../../../base/progress.ts';
import type { Model } from '../../../model/model.ts';
import { addressWidth, OTHER, type TokenFilter } from '../data/source.ts';
import type { Dictionary, DictionaryConfig } from '../types.ts';

/** On which text a dictionary is measured. */
export interface EvaluateDictionaryOptions {
  /** Batches of token rows, held out from training. */
  readonly tokens: readonly (readonly (readonly number[])[])[];
  readonly filter?: TokenFilter;
  readonly progress?: ProgressListener;
  readonly signal?: AbortSignal;
  /** The second model of a crosscoder, whose addresses are written `other:ADDRESS`. */
  readonly other?: Model;
}

/**
 * Throws `dictionary-mismatch` unless a dictionary's addresses exist in a model with its widths.
 *
 * @param other the second model, for addresses `other:ADDRESS`
 */
export function checkDictionary(model: Model, dictionary: Dictionary, other?: Model): void {
  const { reads, writes, dIn, dOut } = dictionary.config;
  const check = (named: string, expected: number): void => {
    const [of, address] = named.startsWith(OTHER)
      ? [other, named.slice(OTHER.length)]
      : [model, named];
    if (!of) {
      throw new GlassboxError(`the dictionary is of two models: it reads '${named}'`, {
        code: 'dictionary-mismatch',
        remedy:
          'Measure it with `glassbox dict eval --other MODEL`; harvests, feature pages, labels and probes are made of dictionaries of one model.',
        details: { address: named },
      });
    }
    const width = addressWidth(of, address);
    if (width === expected) return;
    throw new GlassboxError(
      `the dictionary is ${expected} wide at '${address}', ${of.name} is ${width}`,
      {
        code: 'dictionary-mismatch',
        remedy: 'Use a dictionary that was trained on this model.',
        details: { model: of.name, address, expected, width },
      },
    );
  };
  for (const address of reads) check(address, dIn);
  for (const address of writes) check(address, dOut);
}

/** A crosscoder reads several addresses at once, so nothing can be put in place before all of them are known. */
export function isCrosscoder({ reads }: Pick<DictionaryConfig, 'reads'>): boolean {
  return reads.length > 1;
}
