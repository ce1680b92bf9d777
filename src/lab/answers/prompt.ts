import { compareWithEdits, tokenMeasures } from '../../microscope/index.ts';
import type { AnalysedPrompt, Measures } from '../api.ts';
import { alignTokens } from './align.ts';
import { finderOf } from './graph/dictionaries.ts';
import {
  computedTop,
  guesses,
  type Handler,
  preferenceOf,
  promptIds,
  type Session,
  targetView,
  truthView,
  viewTokens,
} from './session.ts';

type Measured = Awaited<ReturnType<typeof tokenMeasures>>;

/** Measures with the texts of the guesses. */
function measuresView(session: Session, measures: Measured, topK?: number): Measures {
  const { loss, prob, rank, entropy, next, meanLoss } = measures;
  return {
    loss,
    prob,
    rank,
    entropy,
    next: next.map((list) => guesses(session, list, topK)),
    meanLoss: Number.isFinite(meanLoss) ? meanLoss : null,
  };
}

/** The target's metric and probability at the last position of a plain run. */
async function plainAnswer(
  { model }: Session,
  ids: readonly number[],
  preference: NonNullable<ReturnType<typeof preferenceOf>>,
) {
  const { logits } = await model.forward(ids, { logits: 'last' });
  const row = logits!.data as Float32Array;
  const { target, distractor } = preference;
  const max = row.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const total = row.reduce((sum, x) => sum + Math.exp(x - max), 0);
  const logProb = row[target] - max - Math.log(total);
  return {
    metric: distractor === undefined ? logProb : row[target] - row[distractor],
    targetProb: Math.exp(logProb),
  };
}

export const analyse: Handler<'analyse'> = async (session, request) => {
  const { topK } = request;
  const preference = preferenceOf(session, request);
  const one = async (
    prompt: string | readonly number[],
    ids: readonly number[],
  ): Promise<AnalysedPrompt> => {
    const measures = await tokenMeasures(session.model, ids, { topK: computedTop(topK) });
    const answer = preference && (await plainAnswer(session, ids, preference));
    return {
      ...viewTokens(session, ids),
      ...measuresView(session, measures, topK),
      answer: answer ? targetView(session, preference, answer) : null,
      truth: typeof prompt === 'string' ? truthView(session, prompt) : null,
    };
  };
  const a = promptIds(session, request.prompt);
  const first = await one(request.prompt, a);
  if (request.promptB === undefined) return { prompt: first, promptB: null, alignment: null };
  const b = promptIds(session, request.promptB);
  return {
    prompt: first,
    promptB: await one(request.promptB, b),
    alignment: alignTokens(a, b),
  };
};

export const interventions: Handler<'interventions'> = async (session, request) => {
  const ids = promptIds(session, request.prompt);
  const preference = preferenceOf(session, request);
  const { edits, topK } = request;
  const compared = await compareWithEdits(session.model, ids, edits, {
    preference,
    topK: computedTop(topK),
    dictionaries: finderOf(session),
  });
  const side = (which: 'before' | 'after') => ({
    ...measuresView(session, compared[which], topK),
    answer: targetView(session, preference, compared.answers[which]),
  });
  return {
    ...viewTokens(session, ids),
    edits,
    before: side('before'),
    after: side('after'),
    kl: compared.kl,
  };
};
