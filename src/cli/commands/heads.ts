import { type HeadScore, headScores } from '../../microscope/heads.ts';
import { oneOf } from '../../microscope/prompt.ts';
import type { CommandSpec } from '../command.ts';
import { openModel, withModel } from '../model.ts';
import { wholeNumber } from '../parse.ts';
import { fixed, table } from '../table.ts';

const kinds = ['previousToken', 'duplicateToken', 'induction'] as const;

export const heads: CommandSpec = {
  name: 'heads',
  summary: 'previous-token, duplicate-token and induction score of every head, with intervals',
  examples: [
    { line: 'heads', does: 'all heads of the built-in model' },
    { line: 'heads --sort induction --json', does: 'strongest induction heads first' },
  ],
  define: (command) =>
    withModel(command)
      .option('--sequences <n>', 'random sequences', wholeNumber('--sequences', 2), 16)
      .option(
        '--length <n>',
        'tokens per repeated half; 50, or what the context holds, unless told',
        wholeNumber('--length', 2),
      )
      .option('--seed <n>', 'seed of the sequences', wholeNumber('--seed'), 0)
      .option('--sort <kind>', `layer, or one of ${kinds.join(', ')}`, 'layer'),
  async action(context, { options }) {
    const sort = oneOf('order', options.sort, ['layer', ...kinds] as const);
    const model = await openModel(context, options);
    const { sequences, length, seed } = options;
    const scores = await headScores(model, { sequences, length, seed });
    if (sort !== 'layer') scores.sort((a, b) => b[sort] - a[sort]);
    context.result({ scores }, () => {
      const cell = (score: HeadScore, kind: (typeof kinds)[number]) => {
        const { mean, low, high } = score.intervals[kind];
        return `${fixed(mean)} [${fixed(low)}, ${fixed(high)}]`;
      };
      const rows = scores.map((score) => [
        `${score.layer}.${score.head}`,
        ...kinds.map((kind) => cell(score, kind)),
      ]);
      const { n } = scores[0].intervals.induction;
      return `${table(['head', ...kinds], rows)}\nmean and 95 % interval over n = ${n} random sequences`;
    });
    return undefined;
  },
};
