import {
  cast,
  exp,
  gatherElements,
  greater,
  input,
  logSoftmax,
  mul,
  neg,
  sum,
  topK,
  unsqueeze,
} from '../graph/build.ts';
import type { TensorData } from '../graph/op.ts';
import { createProgram, type Program } from '../graph/program.ts';
import type { ModelConfig } from '../model/config.ts';
import type { Model } from '../model/model.ts';
import { notFinite } from '../model/run/finite.ts';
import { parameterInputs } from '../model/run/program.ts';
import { traceUnembed } from '../model/transformer/forward.ts';

/** What the final norm and the unembedding make of some residual vectors; one entry per row. */
export interface ReadOut {
  readonly rows: number;
  readonly k: number;
  /** Likeliest tokens, `[rows, k]`, likeliest first. */
  readonly topIds: Int32Array;
  /** Their log-probabilities in nats, `[rows, k]`. */
  readonly topLogProbs: Float32Array;
  /** Log-probability of each row's target in nats. */
  readonly targetLogProbs: Float32Array;
  /** How many tokens are likelier than the target; 0 is best. */
  readonly targetRanks: Int32Array;
  /** Entropy of the distribution in nats. */
  readonly entropies: Float32Array;
}

/** Logits held at once, in numbers (64 MiB), so that a large vocabulary does not fill memory. */
const LOGITS_AT_ONCE = 2 ** 24;

/** What rows of numbers are: residual vectors `[rows, d_model]` or logits `[rows, d_vocab]`. */
type Source = 'resid' | 'logits';

function readOutProgram(config: ModelConfig, source: Source, k: number): Program {
  const width = source === 'resid' ? config.dModel : config.dVocab;
  const values = input(source, [1, 'rows', width]);
  const targets = input('targets', [1, 'rows'], 'int64');
  const logits =
    source === 'resid'
      ? traceUnembed(config, { resid: values, param: parameterInputs(config) })
      : values;
  const logProbs = logSoftmax(logits);
  const top = topK(logProbs, k);
  const target = gatherElements(logProbs, unsqueeze(targets, -1));
  return createProgram({
    topLogProbs: top.values,
    topIds: top.indices,
    targetLogProbs: target,
    targetRanks: sum(cast(greater(logProbs, target), 'float32'), { axes: -1 }),
    entropies: neg(sum(mul(exp(logProbs), logProbs), { axes: -1 })),
  });
}

/**
 * Reads residual vectors or logits out as next-token distributions. Works in chunks, so memory stays
 * bounded whatever the vocabulary.
 *
 * @param rows either `resid` `[rows, d_model]` or `logits` `[rows, d_vocab]`, row-major
 * @param options.targets one token id per row whose rank and probability are wanted
 * @param options.topK how many likeliest tokens to return, at most the vocabulary; 10 unless told
 * @param options.where names a row in messages
 * @param options.edited the rows come from a run with interventions
 * @throws GlassboxError `not-finite` for rows whose logits are NaN or infinite
 */
export async function readOut(
  model: Model,
  rows: { readonly resid: Float32Array } | { readonly logits: Float32Array },
  options: {
    readonly targets: readonly number[];
    readonly topK?: number;
    readonly where?: (row: number) => string;
    readonly edited?: boolean;
  },
): Promise<ReadOut> {
  const { config, runner } = model;
  const [source, values]: [Source, Float32Array] =
    'resid' in rows ? ['resid', rows.resid] : ['logits', rows.logits];
  const width = source === 'resid' ? config.dModel : config.dVocab;
  const count = options.targets.length;
  const k = Math.min(options.topK ?? 10, config.dVocab);
  const kept = runner.program(`readout ${source} ${k}`, 'fed', () =>
    readOutProgram(config, source, k),
  );
  const out = {
    topIds: new Int32Array(count * k),
    topLogProbs: new Float32Array(count * k),
    targetLogProbs: new Float32Array(count),
    targetRanks: new Int32Array(count),
    entropies: new Float32Array(count),
  };
  const chunk = Math.max(1, Math.floor(LOGITS_AT_ONCE / config.dVocab));
  for (let start = 0; start < count; start += chunk) {
    const end = Math.min(count, start + chunk);
    const size = end - start;
    const data = values.subarray(start * width, end * width);
    const targets = BigInt64Array.from(options.targets.slice(start, end), BigInt);
    const feeds: Record<string, TensorData> = {
      [source]: { dtype: 'float32', shape: [1, size, width], data },
      targets: { dtype: 'int64', shape: [1, size], data: targets },
    };
    const got = await runner.run(kept, feeds);
    out.topIds.set(Array.from(got.topIds.data as BigInt64Array, Number), start * k);
    out.topLogProbs.set(got.topLogProbs.data as Float32Array, start * k);
    out.targetLogProbs.set(got.targetLogProbs.data as Float32Array, start);
    out.targetRanks.set(got.targetRanks.data as Float32Array, start);
    out.entropies.set(got.entropies.data as Float32Array, start);
  }
  // One NaN among a row's logits makes all its log-probabilities NaN. A logit of −∞ is a forbidden token, which
  // is no fault.
  const bad = out.targetLogProbs.findIndex(Number.isNaN);
  if (bad >= 0) {
    const { where = (row) => `of row ${row}`, edited } = options;
    throw notFinite(`the logits ${where(bad)}`, { edited });
  }
  return { rows: count, k, ...out };
}
