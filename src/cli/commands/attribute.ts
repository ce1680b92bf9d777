import {
  attributeTokens,
  type Stability,
  showEstimate,
  tokenBaselines,
  tokenMethods,
} from '../../microscope/index.ts';
import { oneOf, resolveToken } from '../../microscope/prompt.ts';
import type { CommandSpec } from '../command.ts';
import { openModel, promptTokens, withModel } from '../model.ts';
import { wholeNumber } from '../parse.ts';
import { fixed, quoteToken, table } from '../table.ts';

function shown(stability: Stability | null): string {
  if (!stability) return '–';
  const { mean, low, high, worst, n, notAssessed } = stability;
  const unknown = notAssessed > 0 ? `, ${notAssessed} not assessed` : '';
  const interval = { low: low ?? Number.NaN, high: high ?? Number.NaN };
  const figure = showEstimate({ value: mean, ...interval, n });
  return `${figure} worst ${fixed(worst, 2)}, n ${n}${unknown}`;
}

export const attribute: CommandSpec = {
  name: 'attribute',
  summary: 'which tokens an answer rests on: seven methods, each with figures of its stability',
  examples: [
    {
      line: 'attribute "When Mary and John were at the park, John gave a ball to" --target Mary --distractor John',
      does: 'patching, gradients, integrated gradients, SHAP, Shapley, LIME and attention side by side',
    },
    {
      line: 'attribute "When Mary and John were at the park, John gave a ball to" --target Mary --paraphrase "Mary and John went to the park. John gave a ball to" --json',
      does: 'also how much each method changes with the wording',
    },
  ],
  define: (command) =>
    withModel(command)
      .argument('<prompt>', 'the prompt')
      .requiredOption('--target <token>', 'the answer to explain, as text or #id')
      .option('--distractor <token>', 'explain the logit difference to this token')
      .option('--methods <name...>', `some of ${tokenMethods.join(', ')}`)
      .option('--baseline <kind>', `what replaces a token: ${tokenBaselines.join(', ')}`, 'mean')
      .option('--paraphrase <prompt...>', 'the same question in other words')
      .option('--samples <n>', 'runs of a random method', wholeNumber('--samples', 2), 256)
      .option('--steps <n>', 'points of integrated gradients', wholeNumber('--steps', 1), 32)
      .option('--seeds <n>', 'seeds of a random method', wholeNumber('--seeds', 1), 5),
  async action(context, { args: [prompt], options }) {
    const { samples, steps, seeds } = options;
    const names: readonly string[] = options.methods ?? tokenMethods;
    const methods = names.map((name) => oneOf('method', name, tokenMethods));
    const baseline = oneOf('baseline', options.baseline, tokenBaselines);
    const model = await openModel(context, options);
    const { ids, tokens } = promptTokens(model, prompt);
    const target = resolveToken(model, options.target);
    const distractor =
      options.distractor === undefined ? undefined : resolveToken(model, options.distractor);
    const paraphrases = (options.paraphrase ?? []).map(
      (text: string) => promptTokens(model, text).ids,
    );
    const found = await attributeTokens(
      model,
      { tokens: ids, target, distractor, baseline },
      { methods, samples, steps, seeds, paraphrases, ...context },
    );
    const unit = distractor === undefined ? 'nats' : 'logits';
    context.result({ model: model.name, tokens, unit, ...found }, () => {
      const rows = found.positions.map((position, i) => [
        quoteToken(tokens[position].text),
        ...found.results.map(({ values }) => fixed(values[i])),
      ]);
      const stability = found.results.map((result, i) => [
        result.method,
        result.evaluations,
        shown(result.overSeeds),
        shown(result.overParaphrases),
        ...found.agreement[i].map((x) => fixed(x, 2)),
      ]);
      const sums = found.results.map(({ values }) => fixed(values.reduce((a, b) => a + b, 0)));
      const { prompt, baseline } = found.metric;
      return [
        table(['token', ...methods], [...rows, ['sum', ...sums]]),
        `prompt ${fixed(prompt)}, baseline ${fixed(baseline)}: what a complete method shares out is ${fixed(prompt - baseline)}`,
        `in ${unit}, attention in shares; random methods are means over ${seeds} seeds`,
        '',
        table(
          ['rank correlation', 'runs', 'over seeds', 'over paraphrases', ...methods],
          stability,
        ),
      ].join('\n');
    });
    return undefined;
  },
};
