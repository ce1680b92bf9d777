import { tokenMeasures } from '../../microscope/loss.ts';
import type { CommandSpec } from '../command.ts';
import { openModel, promptTokens, withModel } from '../model.ts';
import { fixed, quoteToken, table } from '../table.ts';

export const tokens: CommandSpec = {
  name: 'tokens',
  summary: 'split a text into tokens and show how the model sees each: loss, probability, rank',
  examples: [
    { line: 'tokens "37 + 48 = 85"', does: 'ids, loss in nats, probability and rank per token' },
    { line: 'tokens --ids-only "some text" --json', does: 'ids only, without running the model' },
  ],
  define: (command) =>
    withModel(command)
      .argument('<text>', 'the prompt')
      .option('--ids-only', 'do not run the model'),
  async action(context, { args: [text], options }) {
    const model = await openModel(context, options);
    const { ids, tokens: shown } = promptTokens(model, text);
    const measures = options.idsOnly ? null : await tokenMeasures(model, ids, { topK: 1 });
    const rows = shown.map((token, i) => ({
      ...token,
      ...(measures && { loss: measures.loss[i], prob: measures.prob[i], rank: measures.rank[i] }),
    }));
    const meanLoss = measures && Number.isFinite(measures.meanLoss) ? measures.meanLoss : null;
    context.result({ count: ids.length, tokens: rows, meanLoss }, () => {
      const head = ['pos', 'id', 'token', ...(measures ? ['loss', 'prob', 'rank'] : [])];
      const lines = rows.map(({ id, text: part, loss, prob, rank }, i) => [
        i,
        id,
        quoteToken(part),
        ...(measures ? [fixed(loss ?? Number.NaN), fixed(prob ?? Number.NaN), rank ?? '–'] : []),
      ]);
      const mean = meanLoss === null ? '' : `\nmean loss ${fixed(meanLoss)} nats`;
      return `${table(head, lines)}\n${ids.length} tokens${mean}`;
    });
    return undefined;
  },
};
