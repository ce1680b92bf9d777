import { basename } from 'node:path';
import type { ProgressListener } from '../../base/progress.ts';
import {
  type CrosscoderComparison,
  type DictionaryFigures,
  type DictionaryReport,
  evaluateDictionary,
  evaluateSet,
  type FiringMetrics,
  figuresOf,
  otherWeights,
  plainComparison,
} from '../../microscope/dictionary/index.ts';
import type { CommandSpec } from '../command.ts';
import { excludedTokens, openCorpus, parseCorpus } from '../corpus.ts';
import { openDictionaries } from '../dictionaries.ts';
import { openModel, withModel } from '../model.ts';
import { wholeNumber } from '../parse.ts';
import { fixed, table } from '../table.ts';
import { exportCommand, importCommand } from './dict-convert.ts';
import { featuresCommand, harvestCommand } from './dict-features.ts';
import { labelCommand } from './dict-label.ts';
import { probeCommand } from './dict-probe.ts';
import { takeBatches, trainCommand } from './dict-train.ts';

const evalCommand: CommandSpec = {
  name: 'eval',
  summary: 'measure dictionaries on text: L0, explained variance, losses with them in place',
  examples: [
    { line: 'dict eval models/glassbox-atlas/dictionaries', does: 'every shipped dictionary' },
    {
      line: 'dict eval my/layer-0 my/layer-1 --together --corpus text.txt --json',
      does: 'a set, all in place at once, on your own text',
    },
    {
      line: 'dict eval my/crosscoder --model base --other tuned --corpus text.txt',
      does: 'a crosscoder of two models: losses in each, and which features are whose',
    },
  ],
  define: (command) =>
    withModel(command)
      .argument('<folders...>', 'dictionaries, or folders that hold some')
      .option('--corpus <text>', 'held-out:SEED, world:SEED, or a text file', 'held-out:77')
      .option('--batches <n>', 'batches of 64 rows', wholeNumber('--batches', 1), 16)
      .option('--exclude <token...>', 'tokens left alone; begin-of-text and padding unless told')
      .option('--other <model>', 'the second model of crosscoders of two models')
      .option('--together', 'also measure with all dictionaries in place at once'),
  async action(context, { args: [folders], options }) {
    const opened = await openDictionaries(folders);
    const model = await openModel(context, options);
    const other =
      options.other === undefined ? undefined : await openModel(context, { model: options.other });
    for (const { folder, dictionary } of opened) {
      const remark = otherWeights(model, dictionary);
      if (remark) context.note(`${folder}: ${remark}`);
    }
    const corpus = await openCorpus(model, parseCorpus(options.corpus));
    const evaluation = {
      tokens: takeBatches(corpus, options.batches),
      filter: { excluded: excludedTokens(model, options.exclude) },
      progress: context.progress,
      signal: context.signal,
      other,
    };
    const reports: (Omit<DictionaryReport, 'firing' | 'comparison'> & {
      readonly comparison?: ReturnType<typeof plainComparison>;
      readonly folder: string;
      readonly figures: DictionaryFigures;
      readonly firing: Omit<FiringMetrics, 'density'>;
    })[] = [];
    for (const { folder, dictionary } of opened) {
      const progress: ProgressListener = (event) =>
        context.progress({ ...event, label: `evaluating ${basename(folder)}` });
      const report = await evaluateDictionary(model, dictionary, { ...evaluation, progress });
      const { density: _, ...firing } = report.firing;
      const comparison = report.comparison && plainComparison(report.comparison);
      reports.push({ folder, figures: figuresOf(report), ...report, firing, comparison });
    }
    const all = opened.map(({ dictionary }) => dictionary);
    const together = options.together
      ? (await evaluateSet(model, all, evaluation)).splice
      : undefined;
    context.result({ corpus: corpus.name, dictionaries: reports, together }, () => {
      const rows = reports.map(({ folder, figures }) => [
        folder,
        fixed(figures.l0, 1),
        fixed(figures.explainedVariance),
        fixed(figures.ceRecovered),
        fixed(figures.klRecovered),
        fixed(figures.dead),
      ]);
      const head = [
        'dictionary',
        'L0',
        'explained variance',
        'CE recovered',
        'KL recovered',
        'dead',
      ];
      const { tokens } = reports[0].firing;
      const lines = [table(head, rows), `${corpus.name}; ${tokens} tokens`];
      for (const { folder, comparison } of reports) {
        if (comparison) lines.push(comparisonLine(folder, comparison, options));
      }
      if (together) {
        lines.push(`all in place: CE recovered ${fixed(together.ceRecovered)}`);
      }
      return lines.join('\n');
    });
    return undefined;
  },
};

/** Which features are whose, on one line. */
function comparisonLine(
  folder: string,
  { counts, exclusive }: Pick<CrosscoderComparison, 'counts' | 'exclusive'>,
  { model, other }: { readonly model: string; readonly other: string },
): string {
  const { first, other: second } = exclusive;
  return (
    `${folder}: ${counts.shared} features shared (relative decoder norm .5), ` +
    `${counts['only-first']} of ${model} alone (1; ${first.passed} of ${first.fired} that fired stand the test by latent scaling), ` +
    `${counts['only-other']} of ${other} alone (0; ${second.passed} of ${second.fired}), ${counts.between} between`
  );
}

export const dict: CommandSpec = {
  name: 'dict',
  summary: 'dictionaries of features: train, measure, harvest, label, look at features',
  examples: [],
  define: (command) => command,
  action: async () => undefined,
  subcommands: [
    trainCommand,
    evalCommand,
    probeCommand,
    harvestCommand,
    labelCommand,
    featuresCommand,
    importCommand,
    exportCommand,
  ],
};
