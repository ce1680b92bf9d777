import { GlassboxError } from '../../base/error.ts';
import { parseEditSpecs } from '../../microscope/edit-spec.ts';
import { type Answer, compareWithEdits, doseResponse } from '../../microscope/interventions.ts';
import { resolveToken } from '../../microscope/prompt.ts';
import type { CommandSpec } from '../command.ts';
import { dictionaryFinder } from '../dictionaries.ts';
import { openModel, promptTokens, tokenText, withModel } from '../model.ts';
import { jsonArgument, numberList, wholeNumber } from '../parse.ts';
import { fixed, quoteToken, table } from '../table.ts';

export const edit: CommandSpec = {
  name: 'edit',
  summary: 'run a prompt with interventions and compare before and after',
  examples: [
    {
      line: `edit "37 + 48 =" --edits '[{"at": "blocks.2.hook_mlp_out", "op": "zero"}]'`,
      does: 'ablate one MLP',
    },
    {
      line: `edit "When Mary and John went out, John gave the book to" --target Mary --distractor John --edits '[{"at": "blocks.3.attn.hook_z", "op": "zero", "heads": [1]}]' --sweep 0,0.5,1`,
      does: 'dose-response of a head ablation, beside random pushes of the same size',
    },
    { line: 'edit "some prompt" --edits @edits.json --json', does: 'edits from a file' },
  ],
  define: (command) =>
    withModel(command)
      .argument('<prompt>', 'the prompt')
      .requiredOption('-e, --edits <json>', 'a list of edits as JSON, or @file')
      .option('--target <token>', 'token whose logit is followed, as text or #id')
      .option('--distractor <token>', 'token to compare with')
      .option(
        '--sweep <strengths>',
        'strengths to try for one edit, e.g. 0,0.5,1 (needs --target)',
        numberList('--sweep'),
      )
      .option('--edit <n>', 'which edit the sweep varies', wholeNumber('--edit', 0), 0)
      .option('--baselines <n>', 'random directions per strength', wholeNumber('--baselines', 0), 8)
      .option('--seed <n>', 'seed of the random directions', wholeNumber('--seed'), 0)
      .option('-k, --top <n>', 'answers to show', wholeNumber('--top', 1), 5)
      .option(
        '--dictionaries <folder>',
        "where edits of features find them; the model's own unless told",
      ),
  async action(context, { args: [prompt], options }) {
    const model = await openModel(context, options);
    const { ids, tokens } = promptTokens(model, prompt);
    const specs = parseEditSpecs(await jsonArgument('--edits', options.edits));
    if (options.sweep && (options.target === undefined || options.edit >= specs.length)) {
      throw new GlassboxError(
        options.target === undefined
          ? '--sweep needs --target: the token whose logit is measured'
          : `--edit ${options.edit} names no edit, there are ${specs.length}`,
        { code: 'bad-option', remedy: 'Add --target TOKEN, and --edit with a number from 0.' },
      );
    }
    const token = (text?: string) => (text === undefined ? undefined : resolveToken(model, text));
    const target = token(options.target);
    const preference =
      target === undefined ? undefined : { target, distractor: token(options.distractor) };
    const dictionaries = await dictionaryFinder(options);
    const { top: topK } = options;
    const compared = await compareWithEdits(model, ids, specs, { preference, topK, dictionaries });
    const multiplied = specs.find((spec) => spec.op === 'feature');
    if (multiplied && compared.kl.every((value) => value === 0)) {
      const [name] = multiplied.feature.split(':');
      context.note(
        `Nothing changed: does ${multiplied.feature} fire on this prompt? \`glassbox dict features ${name} --text PROMPT\` lists the features that do.`,
      );
    }
    const sweep =
      options.sweep && preference
        ? await doseResponse(model, ids, specs, {
            preference,
            index: options.edit,
            strengths: options.sweep,
            baselines: options.baselines,
            dictionaries,
            seed: options.seed,
            signal: context.signal,
          })
        : undefined;
    const answer = (given: Answer) => ({
      ...given,
      top: given.top.map(({ id, prob }) => ({ id, text: tokenText(model, id), prob })),
    });
    const before = answer(compared.answers.before);
    const after = answer(compared.answers.after);
    const document = {
      tokens,
      edits: specs,
      before: { ...before, loss: compared.before.loss, meanLoss: compared.before.meanLoss },
      after: { ...after, loss: compared.after.loss, meanLoss: compared.after.meanLoss },
      kl: compared.kl,
      ...(sweep && { sweep }),
    };
    context.result(document, () => {
      const rows = before.top.map((guess, i) => [
        quoteToken(guess.text),
        fixed(guess.prob),
        quoteToken(after.top[i].text),
        fixed(after.top[i].prob),
      ]);
      const lines = [
        table(['before', 'prob', 'after', 'prob'], rows),
        `KL(before || after) at the last position: ${fixed(compared.kl.at(-1)!, 4)} nats`,
      ];
      if (before.metric !== null) {
        lines.push(`metric ${fixed(before.metric)} → ${fixed(after.metric!)}`);
      }
      if (sweep) {
        const points = sweep.points.map(({ strength, metric, kl, baseline }) => [
          strength,
          fixed(metric),
          fixed(kl, 4),
          baseline
            ? `${fixed(baseline.mean)} [${fixed(baseline.low)}, ${fixed(baseline.high)}]`
            : '–',
        ]);
        const n = sweep.points[0]?.baseline?.n;
        lines.push(
          table(['strength', 'metric', 'KL', `random push${n ? `, n = ${n}` : ''}`], points),
          ...(sweep.noBaseline ? [`no baseline: ${sweep.noBaseline}`] : []),
        );
      }
      return lines.join('\n');
    });
    return undefined;
  },
};
