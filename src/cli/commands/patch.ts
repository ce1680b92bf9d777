import { activationPatching, patchSites } from '../../microscope/patching.ts';
import { oneOf, resolveToken } from '../../microscope/prompt.ts';
import type { CommandSpec } from '../command.ts';
import { openModel, promptTokens, withModel } from '../model.ts';
import { fixed, quoteToken, table } from '../table.ts';

export const patch: CommandSpec = {
  name: 'patch',
  summary: 'activation patching sweep between a clean and a corrupted prompt',
  examples: [
    {
      line: 'patch --clean "When Mary and John went out, John gave the book to" --corrupted "When Mary and John went out, Mary gave the book to" --target Mary --distractor John',
      does: 'residual stream, layer by position; 1 restores the clean answer, 0 does nothing',
    },
    {
      line: 'patch --clean "..." --corrupted "..." --target Mary --distractor John --site z --json',
      does: 'every head',
    },
  ],
  define: (command) =>
    withModel(command)
      .requiredOption('--clean <prompt>', 'prompt with the answer')
      .requiredOption('--corrupted <prompt>', 'prompt of the same number of tokens without it')
      .requiredOption('--target <token>', 'right answer to the clean prompt, as text or #id')
      .requiredOption('--distractor <token>', 'token it is compared with')
      .option('--site <site>', `one of ${patchSites.join(', ')} (z: heads)`, 'resid_pre')
      .option(
        '--direction <way>',
        'denoise: clean into corrupted; noise: corrupted into clean',
        'denoise',
      )
      .option('--by-position', 'heads only: every head at every position'),
  async action(context, { options }) {
    const site = oneOf('site', options.site, patchSites);
    const direction = oneOf('direction', options.direction, ['denoise', 'noise'] as const);
    const model = await openModel(context, options);
    const clean = promptTokens(model, options.clean);
    const result = await activationPatching(model, {
      clean: clean.ids,
      corrupted: promptTokens(model, options.corrupted).ids,
      target: resolveToken(model, options.target),
      distractor: resolveToken(model, options.distractor),
      site,
      direction,
      byPosition: options.byPosition,
      progress: context.progress,
      signal: context.signal,
    });
    context.result({ ...result, tokens: clean.tokens }, () => {
      const { rows, columns } = result.axes;
      const head = columns.labels.map((label) =>
        columns.name === 'position' ? quoteToken(clean.tokens[Number(label)].text) : label,
      );
      const lines = rows.labels.map((label, i) => [
        label,
        ...result.effect[i].map((x) => fixed(x, 2)),
      ]);
      const { metric } = result;
      return [
        table([`${rows.name} \\ ${columns.name}`, ...head], lines),
        `logit difference: clean ${fixed(metric.clean)}, corrupted ${fixed(metric.corrupted)}; effect 1 = clean, 0 = corrupted`,
      ].join('\n');
    });
    return undefined;
  },
};
