import type { Model } from '../model/model.ts';
import type { Edit } from '../model/run/edit-types.ts';
import type { LensGuess } from './lens.ts';
import { readOut } from './readout.ts';

/** How the model sees one prompt, token by token; every list has one entry per position. */
export interface TokenMeasures {
  /** −log p(token | before) in nats; null at the first position, which nothing predicts. */
  readonly loss: readonly (number | null)[];
  /** p(token | before) in [0, 1]. */
  readonly prob: readonly (number | null)[];
  /** How many tokens the model finds likelier; 0 is best. */
  readonly rank: readonly (number | null)[];
  /** Entropy of the prediction made AT this position, in nats. */
  readonly entropy: readonly number[];
  /** Likeliest next tokens at this position. */
  readonly next: readonly (readonly LensGuess[])[];
  /** Mean loss in nats over the positions that have one; NaN for a single token. */
  readonly meanLoss: number;
}

/**
 * Per-token loss, rank and predictions of one prompt, with interventions when given.
 *
 * @param options.topK predictions per position, 10 unless told
 * @throws GlassboxError `not-finite` naming the position whose logits are NaN
 */
export async function tokenMeasures(
  model: Model,
  tokens: readonly number[],
  options: { readonly topK?: number; readonly edits?: readonly Edit[] } = {},
): Promise<TokenMeasures> {
  const { edits = [] } = options;
  // Without edits the logits are read out in chunks and never held whole. An edit may act at the final
  // norm or on the logits themselves, so edited runs are measured from their logits.
  const last = `blocks.${model.config.nLayers - 1}.hook_resid_post`;
  const plain = edits.length === 0;
  const run = await model.runWithEdits(tokens, edits, plain ? last : [], {
    logits: plain ? 'none' : 'all',
  });
  const values = (plain ? run.cache[last] : run.logits!).data as Float32Array;
  const read = await readOut(model, plain ? { resid: values } : { logits: values }, {
    targets: tokens.map((_, i) => tokens[i + 1] ?? 0),
    topK: options.topK,
    where: (row) => `at position ${row}`,
    edited: !plain,
  });
  const shifted = <T>(of: (row: number) => T) => tokens.map((_, i) => (i === 0 ? null : of(i - 1)));
  const loss = shifted((row) => -read.targetLogProbs[row]);
  const known = loss.filter((value) => value !== null);
  return {
    loss,
    prob: shifted((row) => Math.exp(read.targetLogProbs[row])),
    rank: shifted((row) => read.targetRanks[row]),
    entropy: Array.from(read.entropies),
    next: tokens.map((_, i) =>
      Array.from({ length: read.k }, (_, j) => ({
        id: read.topIds[i * read.k + j],
        prob: Math.exp(read.topLogProbs[i * read.k + j]),
      })),
    ),
    meanLoss: known.reduce((a, b) => a + b, 0) / known.length,
  };
}
