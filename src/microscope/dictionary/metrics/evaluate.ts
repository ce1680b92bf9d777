import { GlassboxError } from '../../../base/error.ts';
import type { ProgressListener } from '../../../base/progress.ts';
import type { Model } from '../../../model/model.ts';
import { addressWidth, readActivations, type TokenFilter } from '../data/source.ts';
import { createEncoder } from '../run.ts';
import type { Dictionary } from '../types.ts';
import { type ReconstructionMetrics, ReconstructionSums } from './reconstruction.ts';
import { type SpliceMetrics, spliceMetrics } from './splice.ts';

/** How often features fire. */
export interface FiringMetrics {
  /** Tokens looked at; the dead fraction means nothing without it. */
  readonly tokens: number;
  /** Mean number of features above zero per token. */
  readonly l0: number;
  /** Share of features that never fired. */
  readonly dead: number;
  /** Share of tokens on which each feature fires, `[d_dict]`. */
  readonly density: Float32Array;
}

/** Everything measured of one dictionary on held-out text. */
export interface DictionaryReport {
  readonly firing: FiringMetrics;
  /** Per address written. For the layers of a cross-layer set this holds only when the set is evaluated. */
  readonly reconstruction: Readonly<Record<string, ReconstructionMetrics>>;
  readonly splice: SpliceMetrics;
}

/** A set measured together: every dictionary alone and all at once. */
export interface SetReport {
  readonly dictionaries: readonly FiringMetrics[];
  /** Sum of what all dictionaries write to an address, against what is there. */
  readonly reconstruction: Readonly<Record<string, ReconstructionMetrics>>;
  readonly splice: SpliceMetrics;
}

/** On which text a dictionary is measured. */
export interface EvaluateDictionaryOptions {
  /** Batches of token rows, held out from training. */
  readonly tokens: readonly (readonly (readonly number[])[])[];
  readonly filter?: TokenFilter;
  readonly progress?: ProgressListener;
  readonly signal?: AbortSignal;
}

/** Throws `dictionary-mismatch` unless a dictionary's addresses exist in a model with its widths. */
export function checkDictionary(model: Model, dictionary: Dictionary): void {
  const { reads, writes, dIn, dOut } = dictionary.config;
  const check = (address: string, expected: number): void => {
    const width = addressWidth(model, address);
    if (width === expected) return;
    throw new GlassboxError(
      `the dictionary is ${expected} wide at '${address}', ${model.name} is ${width}`,
      {
        code: 'dictionary-mismatch',
        remedy: 'Use a dictionary that was trained on this model.',
        details: { model: model.name, address, expected, width },
      },
    );
  };
  for (const address of reads) check(address, dIn);
  for (const address of writes) check(address, dOut);
}

/** Measures one dictionary; see {@link evaluateSet}. */
export async function evaluateDictionary(
  model: Model,
  dictionary: Dictionary,
  options: EvaluateDictionaryOptions,
): Promise<DictionaryReport> {
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
  for (const dictionary of dictionaries) checkDictionary(model, dictionary);
  const addresses = [
    ...new Set(dictionaries.flatMap(({ config }) => [...config.reads, ...config.writes])),
  ];
  const encoders = await Promise.all(
    dictionaries.map((dictionary) => createEncoder(model.runtime, dictionary)),
  );
  const counts = dictionaries.map(({ config }) => new Uint32Array(config.dDict));
  const sums = new Map<string, ReconstructionSums>();
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
        count(counts[index], acts);
        outputs.forEach((output, j) => {
          const address = config.writes[j];
          const before = written.get(address);
          if (before) for (let i = 0; i < before.length; i++) before[i] += output[i];
          else written.set(address, output.slice());
        });
      }
      for (const [address, guess] of written) {
        if (!sums.has(address)) {
          sums.set(address, new ReconstructionSums(guess.length / read.rows));
        }
        sums.get(address)!.add(read.values[address], guess);
      }
      progress?.({ label: 'evaluating', done: done + 1, total: tokens.length, unit: 'batches' });
    }
  } finally {
    for (const encoder of encoders) await encoder.release();
  }
  return {
    dictionaries: counts.map((fired) => firing(fired, rows)),
    reconstruction: Object.fromEntries([...sums].map(([address, sum]) => [address, sum.metrics])),
    splice: await spliceMetrics(model, dictionaries, tokens, { ...filter, signal }),
  };
}

function count(out: Uint32Array, acts: Float32Array): void {
  const width = out.length;
  for (let i = 0; i < acts.length; i++) if (acts[i] > 0) out[i % width]++;
}

function firing(fired: Uint32Array, tokens: number): FiringMetrics {
  const total = fired.reduce((sum, value) => sum + value, 0);
  return {
    tokens,
    l0: total / tokens,
    dead: fired.reduce((sum, value) => sum + (value === 0 ? 1 : 0), 0) / fired.length,
    density: Float32Array.from(fired, (value) => value / tokens),
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
