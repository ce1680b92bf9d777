import { GlassboxError } from '../../../base/error.ts';
import { attributeTokens } from '../../../microscope/token-attribution/index.ts';
import {
  choice,
  type Handler,
  metricUnit,
  preferenceOf,
  promptIds,
  viewTokens,
} from '../session.ts';

export const attribute: Handler<'attribute'> = async (session, request, job) => {
  const { methods, baseline, samples, steps, seeds = 5, paraphrases = [] } = request;
  const tokens = promptIds(session, request.prompt);
  const preference = preferenceOf(session, request);
  if (!preference) {
    throw new GlassboxError('there is no target', {
      code: 'bad-request',
      remedy: 'Give the token whose prediction is to be attributed.',
    });
  }
  const { target, distractor } = preference;
  const { progress, signal } = job;
  const found = await attributeTokens(
    session.model,
    { tokens, target, distractor, baseline },
    {
      methods,
      samples,
      steps,
      seeds,
      paraphrases: paraphrases.map((other) => promptIds(session, other)),
      progress,
      signal,
    },
  );
  return {
    ...viewTokens(session, tokens),
    target: choice(session, target),
    distractor: distractor === undefined ? null : choice(session, distractor),
    unit: metricUnit(preference),
    seeds,
    metric: found.metric,
    positions: found.positions,
    results: found.results,
    // Of rows that are constant nothing can be ranked.
    agreement: found.agreement.map((row) => row.map((x) => (Number.isNaN(x) ? null : x))),
  };
};
