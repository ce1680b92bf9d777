import { GlassboxError } from '../../base/error.ts';
import { directLogitAttribution } from '../../microscope/attribution.ts';
import { logitLens } from '../../microscope/lens.ts';
import { resolveToken } from '../../microscope/prompt.ts';
import type { CommandSpec } from '../command.ts';
import { openModel, promptTokens, tokenText, withModel } from '../model.ts';
import { wholeNumber } from '../parse.ts';
import { fixed, quoteToken, table } from '../table.ts';

export const lens: CommandSpec = {
  name: 'lens',
  summary: 'logit lens: what the model would say after each layer; --dla: who wrote the answer',
  examples: [
    { line: 'lens "37 + 48 ="', does: 'the likeliest token per layer and position' },
    {
      line: 'lens "When Mary and John went out, John gave the book to" --dla --target Mary --distractor John',
      does: 'direct logit attribution: parts that sum to the logit difference',
    },
  ],
  define: (command) =>
    withModel(command)
      .argument('<prompt>', 'the prompt')
      .option('-k, --top <n>', 'tokens per cell', wholeNumber('--top', 1), 5)
      .option('--dla', 'direct logit attribution at a position (needs --target)')
      .option('--target <token>', 'token to follow, as text or #id')
      .option(
        '--distractor <token>',
        'token to compare with; the mean over the vocabulary if absent',
      )
      .option(
        '--position <n>',
        'position for --dla, negative from the end',
        wholeNumber('--position'),
        -1,
      ),
  async action(context, { args: [prompt], options }) {
    if (options.dla && options.target === undefined) {
      throw new GlassboxError('--dla needs --target: the token whose logit is split', {
        code: 'bad-option',
        remedy: 'Add --target TOKEN and, for a difference, --distractor TOKEN.',
      });
    }
    const model = await openModel(context, options);
    const { ids, tokens } = promptTokens(model, prompt);
    const token = (text?: string) => (text === undefined ? undefined : resolveToken(model, text));
    const [target, distractor] = [token(options.target), token(options.distractor)];
    const found = await logitLens(model, ids, { topK: options.top, target });
    const dla = options.dla
      ? await directLogitAttribution(model, ids, {
          target: target!,
          distractor,
          position: options.position,
        })
      : undefined;
    const shown = (id: number) => ({ id, text: tokenText(model, id) });
    const document = {
      tokens,
      layers: found.layers,
      top: found.top.map((row) =>
        row.map((cell) => cell.map(({ id, prob }) => ({ ...shown(id), prob }))),
      ),
      target: found.target,
      entropy: found.entropy,
      ...(dla && {
        dla: {
          target: shown(target!),
          distractor: distractor === undefined ? null : shown(distractor),
          ...dla,
        },
      }),
    };
    context.result(document, () => {
      if (dla) {
        const parts = [...dla.components].sort((a, b) => Math.abs(b.effect) - Math.abs(a.effect));
        const rows = parts.map(({ name, effect }) => [name, fixed(effect)]);
        const against = distractor === undefined ? 'mean' : quoteToken(shown(distractor).text);
        return [
          table(['component', 'logits'], [...rows, ['constant', fixed(dla.constant)]]),
          `${quoteToken(shown(target!).text)} minus ${against} at position ${dla.position}: ${fixed(dla.logitDiff)} logits`,
        ].join('\n');
      }
      const rows = document.layers.map((layer, l) => [
        layer.replace('blocks.', '').replace('.hook_resid_', ' '),
        ...document.top[l].map(([best]) => `${quoteToken(best.text)} ${fixed(best.prob, 2)}`),
      ]);
      return table(['layer', ...tokens.map(({ text }) => quoteToken(text))], rows);
    });
    return undefined;
  },
};
