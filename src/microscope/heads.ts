import { GlassboxError } from '../base/error.ts';
import { Rng } from '../base/rng.ts';
import type { Model } from '../model/model.ts';
import { contextLength } from '../model/run/batch.ts';
import { notFinite } from '../model/run/finite.ts';

/** A mean over sequences with a 95 % interval (normal approximation over sequences). */
export interface MeanInterval {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
  readonly n: number;
}

/** How much one head attends where each known kind of head attends; all in [0, 1]. */
export interface HeadScore {
  readonly layer: number;
  readonly head: number;
  readonly previousToken: number;
  readonly duplicateToken: number;
  readonly induction: number;
  readonly intervals: {
    readonly previousToken: MeanInterval;
    readonly duplicateToken: MeanInterval;
    readonly induction: MeanInterval;
  };
}

/** On what the heads are scored. */
export interface HeadScoreOptions {
  /** Number of random sequences, 16 unless told. */
  readonly sequences?: number;
  /** Tokens per repeated half; 50, or what fits into the context, unless told. */
  readonly length?: number;
  readonly seed?: number;
}

function meanInterval(values: readonly number[]): MeanInterval {
  const n = values.length;
  const mean = values.reduce((a, b) => a + b, 0) / n;
  const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / Math.max(1, n - 1);
  const half = n > 1 ? 1.959963984540054 * Math.sqrt(variance / n) : Number.POSITIVE_INFINITY;
  return { mean, low: Math.max(0, mean - half), high: Math.min(1, mean + half), n };
}

/** Random tokens twice over, after the begin-of-text token when the model has one. */
function repeatedSequences(model: Model, options: Required<HeadScoreOptions>): number[][] {
  const { config, tokenizer } = model;
  const rng = new Rng(options.seed);
  const special = tokenizer?.special.all ?? new Set();
  const words = Array.from({ length: config.dVocab }, (_, id) => id).filter(
    (id) => !special.has(id),
  );
  const bos = config.tokens.bos;
  return Array.from({ length: options.sequences }, () => {
    const half = Array.from({ length: options.length }, () => rng.pick(words));
    return [...(bos === null ? [] : [bos]), ...half, ...half];
  });
}

/**
 * Previous-token, duplicate-token and induction scores of every head on random tokens repeated twice
 * (Olsson et al. 2022): the mean attention from each token to the one before it; from each token of
 * the second half to its first occurrence; and to the token after that occurrence.
 *
 * @throws GlassboxError `bad-option` for halves that do not fit, `context-too-short`, `not-finite`
 */
export async function headScores(
  model: Model,
  options: HeadScoreOptions = {},
): Promise<HeadScore[]> {
  const { nLayers, nHeads, tokens } = model.config;
  const lead = tokens.bos === null ? 0 : 1;
  const room = Math.floor((contextLength(model.config) - lead) / 2);
  const length = options.length ?? Math.min(50, room);
  if (room < 2) {
    throw new GlassboxError(
      `a context of ${contextLength(model.config)} tokens holds no repetition`,
      {
        code: 'context-too-short',
        remedy: 'Head scores need a model with a context of at least five tokens.',
      },
    );
  }
  if (!(Number.isInteger(length) && length >= 2 && length <= room)) {
    throw new GlassboxError(`halves of ${length} tokens were asked for`, {
      code: 'bad-option',
      remedy: `Use 2 to ${room} tokens per half: both halves have to fit into the context.`,
      details: { length, most: room },
    });
  }
  const settings = { sequences: options.sequences ?? 16, length, seed: options.seed ?? 0 };
  const prompts = repeatedSequences(model, settings);
  const pos = prompts[0].length;
  const sums = Array.from({ length: nLayers * nHeads }, () => ({
    previousToken: [] as number[],
    duplicateToken: [] as number[],
    induction: [] as number[],
  }));
  // One sequence at a time: patterns of a whole batch would take memory for nothing.
  for (const prompt of prompts) {
    const { cache } = await model.runWithCache(prompt, 'blocks.*.attn.hook_pattern', {
      logits: 'none',
      reuseOutputs: true,
    });
    for (let layer = 0; layer < nLayers; layer++) {
      const pattern = cache[`blocks.${layer}.attn.hook_pattern`].data as Float32Array;
      for (let head = 0; head < nHeads; head++) {
        const at = (query: number, key: number) => pattern[(head * pos + query) * pos + key];
        const over = (first: number, key: (query: number) => number) => {
          let total = 0;
          for (let query = first; query < pos; query++) total += at(query, key(query));
          return total / (pos - first);
        };
        const record = sums[layer * nHeads + head];
        record.previousToken.push(over(1, (query) => query - 1));
        record.duplicateToken.push(over(lead + length, (query) => query - length));
        record.induction.push(over(lead + length, (query) => query - length + 1));
      }
    }
  }
  return sums.map((record, i) => {
    const intervals = {
      previousToken: meanInterval(record.previousToken),
      duplicateToken: meanInterval(record.duplicateToken),
      induction: meanInterval(record.induction),
    };
    if (!Number.isFinite(intervals.previousToken.mean)) {
      throw notFinite(
        `the attention scores of head ${i % nHeads} in layer ${Math.floor(i / nHeads)}`,
      );
    }
    return {
      layer: Math.floor(i / nHeads),
      head: i % nHeads,
      previousToken: intervals.previousToken.mean,
      duplicateToken: intervals.duplicateToken.mean,
      induction: intervals.induction.mean,
      intervals,
    };
  });
}
