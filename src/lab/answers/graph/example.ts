import { GlassboxError } from '../../../base/error.ts';
import { tokenMeasures } from '../../../microscope/index.ts';
import { choice, computedTop, guesses, type Handler } from '../session.ts';
import { dictionaryOf } from './dictionaries.ts';
import { openedHarvest } from './harvest.ts';

/** What the model expects along a stretch of harvested text, with the whole row before it read. */
export const featureExample: Handler<'feature-example'> = async (session, request) => {
  const { row, start, count, topK = 5 } = request;
  const harvest = await openedHarvest(await dictionaryOf(session, request));
  const ids = harvest?.store.row(row).slice(0, start + count) ?? [];
  if (start >= ids.length) {
    throw new GlassboxError(`row ${row} of the harvested text has no token ${start}`, {
      code: 'bad-example',
      remedy: 'Use the row and start of an example that /api/feature gives.',
    });
  }
  const { next } = await tokenMeasures(session.model, ids, { topK: computedTop(topK) });
  return {
    row,
    start,
    tokens: ids.slice(start).map((id) => choice(session, id)),
    next: next.slice(start).map((list) => guesses(session, list, topK)),
  };
};
