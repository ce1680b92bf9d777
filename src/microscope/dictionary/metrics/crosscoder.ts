import type { Model } from '../../../model/model.ts';
import { type ActivationSource, OTHER, readActivations } from '../data/source.ts';
import { createEncoder } from '../run.ts';
import type { Dictionary } from '../types.ts';
import { checkDictionary, type EvaluateDictionaryOptions } from './check.ts';
import { ComparisonSums, type CrosscoderComparison } from './comparison.ts';
import { countFired, type FiringMetrics, firingOf } from './firing.ts';
import { type ReconstructionMetrics, ReconstructionSums } from './reconstruction.ts';
import { GUESS, meanSplice, patchMeter, type SpliceMetrics } from './splice.ts';

/** Everything measured of a crosscoder on held-out text. */
export interface CrosscoderReport {
  readonly firing: FiringMetrics;
  readonly reconstruction: Readonly<Record<string, ReconstructionMetrics>>;
  /** Losses averaged over the addresses, each replaced on its own. */
  readonly splice: SpliceMetrics;
  /** Losses with one address replaced, in the model it belongs to. */
  readonly splices: Readonly<Record<string, SpliceMetrics>>;
  /** Which features are whose; crosscoders of two models only. */
  readonly comparison?: CrosscoderComparison;
}

/** What to read of which model. */
function sourcesOf(model: Model, other: Model | undefined, addresses: readonly string[]) {
  const own = addresses.filter((address) => !address.startsWith(OTHER));
  const others = addresses
    .filter((address) => address.startsWith(OTHER))
    .map((address) => address.slice(OTHER.length));
  const sources: ActivationSource[] = [];
  if (own.length > 0) sources.push({ model, addresses: own });
  if (other && others.length > 0) sources.push({ model: other, addresses: others, prefix: OTHER });
  return sources;
}

/**
 * Measures a crosscoder: features come from the untouched model or models, then each address written is replaced
 * on its own. For two models it is also told which features belong to which; see {@link CrosscoderComparison}.
 */
export async function evaluateCrosscoder(
  model: Model,
  dictionary: Dictionary,
  options: EvaluateDictionaryOptions,
): Promise<CrosscoderReport> {
  const { tokens, filter = {}, other, progress, signal } = options;
  const { config } = dictionary;
  checkDictionary(model, dictionary, other);
  const { excluded = [] } = filter;
  const sources = sourcesOf(model, other, [...new Set([...config.reads, ...config.writes])]);
  const encoder = await createEncoder(model.runtime, dictionary);
  const meters = await Promise.all(
    config.writes.map((address) =>
      address.startsWith(OTHER)
        ? patchMeter(other!, address.slice(OTHER.length), { excluded })
        : patchMeter(model, address, { excluded }),
    ),
  );
  const sums = config.writes.map(() => new ReconstructionSums(config.dOut));
  const comparing = config.writes.some((address) => address.startsWith(OTHER));
  const comparison = comparing ? new ComparisonSums(dictionary) : undefined;
  const fired = new Uint32Array(config.dDict);
  let rows = 0;
  try {
    for (const [done, batch] of tokens.entries()) {
      signal?.throwIfAborted();
      const read = await readActivations(sources, batch, filter);
      rows += read.rows;
      const { acts, outputs } = await encoder.run(config.reads.map((name) => read.values[name]));
      countFired(fired, acts);
      const inputs = config.writes.map((name) => read.values[name]);
      comparison?.add(acts, inputs, outputs);
      const longest = Math.max(...batch.map((row) => row.length));
      for (const [j, guess] of outputs.entries()) {
        sums[j].add(inputs[j], guess);
        const data = new Float32Array(batch.length * longest * config.dOut);
        read.at.forEach(({ row, position }, i) => {
          const from = guess.subarray(i * config.dOut, (i + 1) * config.dOut);
          data.set(from, (row * longest + position) * config.dOut);
        });
        const shape = [batch.length, longest, config.dOut];
        await meters[j].add(batch, { [GUESS]: { dtype: 'float32', shape, data } });
      }
      progress?.({ label: 'evaluating', done: done + 1, total: tokens.length, unit: 'batches' });
    }
    const named = <T>(of: (j: number) => T): Record<string, T> =>
      Object.fromEntries(config.writes.map((address, j) => [address, of(j)]));
    const splices = named((j) => meters[j].metrics());
    return {
      firing: firingOf(fired, rows),
      reconstruction: named((j) => sums[j].metrics),
      splice: meanSplice(Object.values(splices)),
      splices,
      ...(comparison && { comparison: comparison.result() }),
    };
  } finally {
    await encoder.release();
    for (const meter of meters) await meter.release();
  }
}
