import { analyseIoi, ioiDataset } from '../../../microscope/ioi/index.ts';
import { ioiSentences } from '../../../organisms/ioi-sentences.ts';
import type { EstimateView } from '../../contract/circuits.ts';
import type { Handler } from '../session.ts';
import { estimateView } from './task.ts';

type Estimates<T> = { readonly [K in keyof T]: EstimateView };

function views<T extends object>(found: T): Estimates<T> {
  return Object.fromEntries(
    Object.entries(found).map(([name, value]) => [
      name,
      value === null ? null : estimateView(value),
    ]),
  ) as Estimates<T>;
}

export const ioi: Handler<'ioi'> = async (session, { count = 64, seed = 0 }, job) => {
  const { model } = session;
  const { name, templates } = ioiSentences(model, 'auto');
  const examples = ioiDataset(model, { count, seed, templates });
  const { progress, signal } = job;
  const found = await analyseIoi(model, examples, { seed, progress, signal });
  return {
    sentences: name,
    n: found.n,
    sample: examples[0].text,
    logitDiff: views(found.logitDiff),
    correct: found.correct,
    thresholds: found.thresholds,
    heads: found.heads.map(({ layer, head, roles, attention, copy, scores, effects }) => ({
      layer,
      head,
      roles,
      attention: views(attention),
      copies: copy.copies,
      scores: views(scores),
      effects: { ...views(effects) },
    })),
  };
};
