import { GlassboxError } from '../../../base/error.ts';
import type { Model } from '../../../model/model.ts';
import { readActivations } from '../data/source.ts';
import { createEncoder } from '../run.ts';
import type { Dictionary } from '../types.ts';
import { checkDictionary, type EvaluateDictionaryOptions, isCrosscoder } from './check.ts';
import type { CrosscoderComparison } from './comparison.ts';
import { evaluateCrosscoder } from './crosscoder.ts';
import { countFired, type FiringMetrics, firingOf } from './firing.ts';
import { type ReconstructionMetrics, ReconstructionSums } from './reconstruction.ts';
import { type SpliceMetrics, spliceMetrics } from './splice.ts';

/** Everything measured of one dictionary on held-out text. */
export interface DictionaryReport {
  readonly firing: FiringMetrics;
  /** Per address written. For the layers of a cross-layer set this holds only when the set is evaluated. */
  readonly reconstruction: Readonly<Record<string, ReconstructionMetrics>>;
  readonly splice: SpliceMetrics;
  /** Crosscoders: losses with one address replaced; {@link splice} is their mean. */
  readonly splices?: Readonly<Record<string, SpliceMetrics>>;
  /** Crosscoders of two models: which features are whose. */
  readonly comparison?: CrosscoderComparison;
}

/** A set measured together: every dictionary alone and all at once. */
export interface SetReport {
  readonly dictionaries: readonly FiringMetrics[];
  /** Sum of what all dictionaries write to an address, against what is there. */
  readonly reconstruction: Readonly<Record<string, ReconstructionMetrics>>;
  readonly splice: SpliceMetrics;
}

/** Measures one dictionary; see {@link evaluateSet}, and {@link evaluateCrosscoder} where it reads several addresses. */
export async function evaluateDictionary(
  model: Model,
  dictionary: Dictionary,
  options: EvaluateDictionaryOptions,
): Promise<DictionaryReport> {
  if (isCrosscoder(dictionary.config)) return evaluateCrosscoder(model, dictionary, options);
  const { dictionaries, reconstruction, splice } = await evaluateSet(model, [dictionary], options);
  return { firing: dictionaries[0], reconstruction, splice };
}

/**
 * Measures dictionaries that work together: L0, density and dead features of each, the reconstruction of every
 * address they write, and the loss of the model with all of them in place.
 */
export async function evaluateSet(
  model: Model,
  dictionaries: readonly Dictionary[],
  options: EvaluateDictionaryOptions,
): Promise<SetReport> {
  const { tokens, filter, progress, signal } = options;
  for (const dictionary of dictionaries) {
    checkDictionary(model, dictionary);
    if (!isCrosscoder(dictionary.config)) continue;
    throw new GlassboxError('a crosscoder cannot be put in place together with others', {
      code: 'bad-dictionary-set',
      remedy: 'Measure crosscoders one by one.',
      details: { reads: dictionary.config.reads },
    });
  }
  const addresses = [
    ...new Set(dictionaries.flatMap(({ config }) => [...config.reads, ...config.writes])),
  ];
  const encoders = await Promise.all(
    dictionaries.map((dictionary) => createEncoder(model.runtime, dictionary)),
  );
  const counts = dictionaries.map(({ config }) => new Uint32Array(config.dDict));
  const sums = new Map(
    dictionaries.flatMap(({ config }) =>
      config.writes.map((address) => [address, new ReconstructionSums(config.dOut)] as const),
    ),
  );
  let rows = 0;
  try {
    for (const [done, batch] of tokens.entries()) {
      signal?.throwIfAborted();
      const read = await readActivations([{ model, addresses }], batch, filter);
      rows += read.rows;
      const written = new Map<string, Float32Array>();
      for (const [index, { config }] of dictionaries.entries()) {
        const inputs = config.reads.map((address) => read.values[address]);
        const { acts, outputs } = await encoders[index].run(inputs);
        countFired(counts[index], acts);
        outputs.forEach((output, j) => {
          const address = config.writes[j];
          const before = written.get(address);
          if (before) for (let i = 0; i < before.length; i++) before[i] += output[i];
          else written.set(address, output.slice());
        });
      }
      for (const [address, guess] of written) {
        sums.get(address)!.add(read.values[address], guess);
      }
      progress?.({ label: 'evaluating', done: done + 1, total: tokens.length, unit: 'batches' });
    }
  } finally {
    for (const encoder of encoders) await encoder.release();
  }
  return {
    dictionaries: counts.map((fired) => firingOf(fired, rows)),
    reconstruction: Object.fromEntries([...sums].map(([address, sum]) => [address, sum.metrics])),
    splice: await spliceMetrics(model, dictionaries, tokens, { ...filter, signal }),
  };
}

/** Mean and spread of one figure over trainings that differ in their seed only. */
export interface Spread {
  /** Number of seeds. */
  readonly n: number;
  readonly mean: number;
  /** Sample standard deviation; NaN for one seed. */
  readonly deviation: number;
  readonly min: number;
  readonly max: number;
}

/** Summarises a figure over seeds; differences within the spread are noise (Chanin 2026, arXiv 2605.18229). */
export function spread(values: readonly number[]): Spread {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const square = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return {
    n,
    mean,
    deviation: n > 1 ? Math.sqrt(square / (n - 1)) : Number.NaN,
    min: Math.min(...values),
    max: Math.max(...values),
  };
}
