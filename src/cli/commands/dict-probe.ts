import { Option } from 'commander';
import { type ConceptReport, probeConcepts } from '../../microscope/dictionary/index.ts';
import { bootstrapMean, type Estimate } from '../../microscope/intervals.ts';
import { contextLength } from '../../model/run/batch.ts';
import { createWorld, type ProbeTask, probeTasks, probeText } from '../../organisms/index.ts';
import type { CommandSpec } from '../command.ts';
import { checkWorldTokens, excludedTokens } from '../corpus.ts';
import { FOLDERS, openDictionaries, shortNames } from '../dictionaries.ts';
import { openModel, withModel } from '../model.ts';
import { wholeNumber } from '../parse.ts';
import { fixed, table } from '../table.ts';

/** What is told of one dictionary on one task: means over concepts, with 95 % intervals over them. */
interface ProbeResult {
  readonly folder: string;
  readonly task: ProbeTask;
  /** Rows asked. */
  readonly rows: number;
  /** F1 of probes on 1, 2 and 5 features and on the model itself, mean over draws. */
  readonly f1: Readonly<Record<'1' | '2' | '5' | 'model', Estimate>>;
  /** Over the concepts that a probe on the model finds. */
  readonly absorption: { readonly full: Estimate; readonly fraction: Estimate };
  /** Of the first draw. */
  readonly concepts: readonly ConceptReport[];
}

/** Draws of halves, and of tokens where any one is asked. */
const SEEDS = [0, 1, 2];

/** Averages a figure of every concept over the draws that have one, then over concepts. */
function over(
  draws: readonly (readonly ConceptReport[])[],
  figure: (report: ConceptReport) => number | null,
): Estimate {
  const perConcept = draws[0].flatMap(({ concept }) => {
    const values = draws.flatMap((reports) => {
      const report = reports.find((one) => one.concept === concept);
      return (report && figure(report)) ?? [];
    });
    return values.length > 0 ? [values.reduce((a, b) => a + b, 0) / values.length] : [];
  });
  return bootstrapMean(perConcept);
}

const absorbed = (key: 'full' | 'fraction') => (report: ConceptReport) => {
  const { absorption } = report;
  return absorption.notAssessed === undefined ? absorption[key] : null;
};

export const probeCommand: CommandSpec = {
  name: 'probe',
  summary: 'can few features tell what a text is about? sparse probing and absorption',
  examples: [
    {
      line: 'dict probe resid-2',
      does: 'kinds of text, kinds of words and states of places, on held-out documents',
    },
    {
      line: 'dict probe --task state --json',
      does: 'one task for every shipped dictionary, with every concept',
    },
  ],
  define: (command) =>
    withModel(command)
      .argument('[folders...]', FOLDERS)
      .addOption(
        new Option('--task <names...>', 'what is asked; all unless told').choices(probeTasks),
      )
      .option('--count <n>', 'examples per concept', wholeNumber('--count', 8), 60)
      .option('--exclude <token...>', 'tokens left out; begin-of-text and padding unless told'),
  async action(context, { args: [folders], options }) {
    const chosen: readonly ProbeTask[] = options.task ?? probeTasks;
    const opened = await openDictionaries(folders, options);
    const model = await openModel(context, options);
    checkWorldTokens(model, {
      remedy: 'Probe dictionaries of the built-in model, or of models with its tokenizer.',
    });
    const world = createWorld();
    const length = contextLength(model.config);
    const filter = { excluded: excludedTokens(model, options.exclude) };
    const results: ProbeResult[] = [];
    for (const task of chosen) {
      const text = probeText(world, task, { count: options.count, length });
      for (const { folder, dictionary } of opened) {
        const draws: ConceptReport[][] = [];
        for (const seed of SEEDS) {
          context.signal.throwIfAborted();
          draws.push(await probeConcepts(model, dictionary, text, { filter, seed }));
          context.progress({
            label: 'probing',
            done: results.length * SEEDS.length + draws.length,
            total: chosen.length * opened.length * SEEDS.length,
            unit: 'draws',
          });
        }
        const sparse = (i: number) => over(draws, (report) => report.sparse[i].f1);
        results.push({
          folder,
          task,
          rows: text.rows.length,
          f1: {
            1: sparse(0),
            2: sparse(1),
            5: sparse(2),
            model: over(draws, (one) => one.model.f1),
          },
          absorption: {
            full: over(draws, absorbed('full')),
            fraction: over(draws, absorbed('fraction')),
          },
          concepts: draws[0],
        });
      }
    }
    context.result({ draws: SEEDS.length, results }, () => {
      const names = shortNames(opened.map(({ folder }) => folder));
      const shown = ({ value, low, high }: Estimate, digits = 3) =>
        `${fixed(value, digits)} [${fixed(low, digits)}, ${fixed(high, digits)}]`;
      return [
        table(
          [
            'task',
            'dictionary',
            'n',
            '1 feature',
            '2 features',
            '5 features',
            'model itself',
            'absorbed',
            'of',
          ],
          results.map(({ task, concepts, f1, absorption }, i) => [
            task,
            names[i % names.length],
            concepts.length,
            ...[f1[1], f1[2], f1[5], f1.model, absorption.fraction].map((one) => shown(one)),
            absorption.fraction.n,
          ]),
        ),
        `F1, mean over n concepts with a 95 % interval over them, ${SEEDS.length} draws of halves; absorbed: mean share of a concept carried by other features, over the concepts that a probe on the model finds.`,
      ].join('\n');
    });
    return undefined;
  },
};
