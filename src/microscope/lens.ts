import type { Model } from '../model/model.ts';
import { notFinite } from '../model/run/finite.ts';
import { readOut } from './readout.ts';

/** One guess of a lens. */
export interface LensGuess {
  readonly id: number;
  /** Probability in [0, 1]. */
  readonly prob: number;
}

/** What each layer would say if it were the last. All matrices are `[layer][pos]`. */
export interface LogitLens {
  /** Where the residual stream was read, first to last. */
  readonly layers: readonly string[];
  /** Likeliest tokens, likeliest first. */
  readonly top: readonly (readonly (readonly LensGuess[])[])[];
  /** Entropy in nats. */
  readonly entropy: readonly (readonly number[])[];
  /** Probability and rank (0 is best) of the target: the token given, else the token that follows. */
  readonly target: {
    readonly prob: readonly (readonly number[])[];
    readonly rank: readonly (readonly number[])[];
  };
}

/** The addresses a lens reads: the stream entering the first block, then leaving every block. */
export function lensLayers(model: Model): string[] {
  const posts = Array.from(
    { length: model.config.nLayers },
    (_, l) => `blocks.${l}.hook_resid_post`,
  );
  return ['blocks.0.hook_resid_pre', ...posts];
}

function rows<T>(values: ArrayLike<T>, width: number): T[][] {
  const list = Array.from(values);
  return Array.from({ length: list.length / width }, (_, i) =>
    list.slice(i * width, (i + 1) * width),
  );
}

/**
 * The logit lens (nostalgebraist 2020): the final norm and unembedding applied to the residual stream
 * after every layer. The last layer is the model's own prediction.
 *
 * @param tokens one prompt
 * @param options.topK guesses per cell, 10 unless told
 * @param options.target token whose probability and rank to follow at every position; the actual next
 *   token unless told (at the last position: the model's own prediction)
 * @throws GlassboxError `not-finite` naming the first layer and position whose activations or logits are not numbers
 */
export async function logitLens(
  model: Model,
  tokens: readonly number[],
  options: { readonly topK?: number; readonly target?: number } = {},
): Promise<LogitLens> {
  const layers = lensLayers(model);
  const { cache } = await model.runWithCache(tokens, layers, { logits: 'none' });
  const { dModel } = model.config;
  const pos = tokens.length;
  const stacked = new Float32Array(layers.length * pos * dModel);
  layers.forEach((layer, i) => {
    stacked.set(cache[layer].data as Float32Array, i * pos * dModel);
  });
  // Looked for before anything is read out: what is no number spreads, and the first layer that has it is the cause.
  const bad = stacked.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    const row = Math.floor(bad / dModel);
    const where = `at ${layers[Math.floor(row / pos)]}, position ${row % pos}`;
    throw notFinite(`the activations ${where}`);
  }
  const last = layers.at(-1)!;
  const final = (cache[last].data as Float32Array).subarray((pos - 1) * dModel);
  const predicted =
    options.target ??
    (
      await readOut(
        model,
        { resid: final },
        { targets: [0], topK: 1, where: () => `at ${last}, position ${pos - 1}` },
      )
    ).topIds[0];
  const targets = tokens.map((_, i) => options.target ?? tokens[i + 1] ?? predicted);
  const read = await readOut(
    model,
    { resid: stacked },
    {
      targets: layers.flatMap(() => targets),
      topK: options.topK,
      where: (row) => `at ${layers[Math.floor(row / pos)]}, position ${row % pos}`,
    },
  );
  const guesses = Array.from({ length: read.rows }, (_, row) =>
    Array.from({ length: read.k }, (_, j) => ({
      id: read.topIds[row * read.k + j],
      prob: Math.exp(read.topLogProbs[row * read.k + j]),
    })),
  );
  return {
    layers,
    top: rows(guesses, pos),
    entropy: rows(read.entropies, pos),
    target: {
      prob: rows(read.targetLogProbs.map(Math.exp), pos),
      rank: rows(read.targetRanks, pos),
    },
  };
}
