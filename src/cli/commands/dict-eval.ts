import { basename } from 'node:path';
import { writeFileAtomic } from '../../base/files.ts';
import type { ProgressListener } from '../../base/progress.ts';
import {
  type ComparedDictionary,
  comparisonFigures,
  flowFigures,
  palettes,
  renderSvg,
} from '../../figures/index.ts';
import { en } from '../../i18n/en.ts';
import {
  type CrosscoderComparison,
  type DictionaryCard,
  type DictionaryFigures,
  type DictionaryReport,
  densityShape,
  dictionaryHash,
  dictionaryKind,
  dictionaryLayer,
  evaluateDictionary,
  type FiringMetrics,
  figuresOf,
  type LabelShape,
  labelShape,
  otherWeights,
  plainComparison,
  readDictionaryCard,
} from '../../microscope/dictionary/index.ts';
import { readLabels } from '../../microscope/dictionary/labels/index.ts';
import type { CommandSpec } from '../command.ts';
import { checkSameTokens, excludedTokens, openCorpus, parseCorpus } from '../corpus.ts';
import { FOLDERS, type OpenedDictionary, openDictionaries, shortNames } from '../dictionaries.ts';
import { openModel, withModel } from '../model.ts';
import { wholeNumber } from '../parse.ts';
import { fixed, table } from '../table.ts';
import { type MeasuredSet, measureSet, takeBatches } from './dict-train.ts';

/** What was measured of one dictionary, with what lies beside it. */
interface Evaluated {
  readonly opened: OpenedDictionary;
  readonly report: DictionaryReport;
  readonly figures: DictionaryFigures;
  /** Ranges over seeds, from a card that was measured on the very same tokens; else null. */
  readonly spread: DictionaryCard['figures'];
  readonly labels: LabelShape | null;
}

async function labelsOf({ folder, dictionary }: OpenedDictionary): Promise<LabelShape | null> {
  const labels = await readLabels(folder);
  return labels?.dictionary === dictionaryHash(dictionary) ? labelShape(labels) : null;
}

function compared(all: readonly Evaluated[]): ComparedDictionary[] {
  const names = shortNames(all.map(({ opened }) => opened.folder));
  return all.map(({ opened, report, figures, spread, labels }, i): ComparedDictionary => {
    const { config } = opened.dictionary;
    const figure = (key: 'l0' | 'explainedVariance' | 'ceRecovered' | 'dead') => {
      const value = figures[key];
      const { min = value, max = value, n = 1 } = spread?.[key] ?? {};
      return { value, min, max, n };
    };
    return {
      name: names[i],
      kind: dictionaryKind(config),
      layer: dictionaryLayer(config),
      features: config.dDict,
      figures: {
        l0: figure('l0'),
        explainedVariance: figure('explainedVariance'),
        ceRecovered: figure('ceRecovered'),
        dead: figure('dead'),
      },
      density: densityShape(report.firing.density, report.firing.tokens),
      labels: labels && {
        histogram: labels.summary.histogram,
        random: labels.random?.histogram ?? null,
        fired: labels.summary.fired,
      },
    };
  });
}

/** Writes the plots that the page's panel of dictionaries shows. */
async function writeFigure(
  path: string,
  all: readonly Evaluated[],
  together: MeasuredSet | undefined,
): Promise<void> {
  const palette = palettes.light;
  const words = en.dictionaries;
  const graphs = together?.graphs;
  const sets = graphs ? [{ name: 'together', ...graphs }] : [];
  const figures = comparisonFigures({ dictionaries: compared(all), sets }, { palette, words });
  const page = flowFigures(
    figures.map(({ figure }) => figure),
    { palette, title: words.title, width: 1400 },
  );
  await writeFileAtomic(path, renderSvg(page));
}

/** Which features are whose, on one line. */
function comparisonLine(
  name: string,
  { counts, exclusive }: Pick<CrosscoderComparison, 'counts' | 'exclusive'>,
  { model, other }: { readonly model: string; readonly other: string },
): string {
  const { first, other: second } = exclusive;
  return (
    `${name}: ${counts.shared} features shared (relative decoder norm .5), ` +
    `${counts['only-first']} of ${model} alone (1; ${first.passed} of ${first.fired} that fired stand the test by latent scaling), ` +
    `${counts['only-other']} of ${other} alone (0; ${second.passed} of ${second.fired}), ${counts.between} between`
  );
}

const percent = (share: number) => fixed(100 * share, 1);

function row({ figures, spread, labels }: Evaluated, name: string): (string | number)[] {
  const range = (key: keyof DictionaryFigures, digits: number) => {
    const value = fixed(figures[key], digits);
    const { min, max, n } = spread?.[key] ?? { min: 0, max: 0, n: 1 };
    return n > 1 ? `${value} [${fixed(min, digits)}, ${fixed(max, digits)}]` : value;
  };
  return [
    name,
    range('l0', 1),
    range('explainedVariance', 3),
    range('ceRecovered', 4),
    range('klRecovered', 4),
    range('dead', 3),
    labels
      ? `${percent(labels.summary.concept.rate)} / ${percent(labels.summary.tokens.rate)}`
      : '–',
    labels ? fixed(labels.summary.quartiles[1], 2) : '–',
    labels?.random ? fixed(labels.random.quartiles[1], 2) : '–',
  ];
}

const HEAD = [
  'dictionary',
  'L0',
  'explained variance',
  'CE recovered',
  'KL recovered',
  'dead',
  'label: concept / tokens, %',
  'median F1',
  'of random',
];

export const evalCommand: CommandSpec = {
  name: 'eval',
  writes: { files: ['figure'] },
  summary: 'measure and compare dictionaries on text: L0, explained variance, losses in place',
  examples: [
    { line: 'dict eval', does: 'every shipped dictionary' },
    {
      line: 'dict eval resid-2 my/dictionaries --figure compared.svg',
      does: 'yours beside a shipped one, with the plots that the page shows',
    },
    {
      line: 'dict eval my/layer-0 my/layer-1 --together --corpus text.txt --json',
      does: 'a set, all in place at once, on your own text; one per layer also gets graphs',
    },
    {
      line: 'dict eval my/crosscoder --model base --other tuned --corpus text.txt',
      does: 'a crosscoder of two models: losses in each, and which features are whose',
    },
  ],
  define: (command) =>
    withModel(command)
      .argument('[folders...]', FOLDERS)
      .option('--corpus <text>', 'held-out:SEED, world:SEED, or a text file', 'held-out:77')
      .option('--batches <n>', 'batches of 64 rows', wholeNumber('--batches', 1), 16)
      .option('--exclude <token...>', 'tokens left alone; begin-of-text and padding unless told')
      .option('--other <model>', 'the second model of crosscoders of two models')
      .option('--together', 'also measure with all dictionaries in place at once')
      .option('--figure <file>', 'draw the comparison into an SVG file'),
  async action(context, { args: [folders], options }) {
    const opened = await openDictionaries(folders, options);
    const model = await openModel(context, options);
    const other =
      options.other === undefined ? undefined : await openModel(context, { model: options.other });
    if (other) checkSameTokens(model, other);
    for (const { folder, dictionary } of opened) {
      const remark = otherWeights(model, dictionary);
      if (remark) context.note(`${folder}: ${remark}`);
    }
    const corpus = await openCorpus(model, parseCorpus(options.corpus));
    const tokens = takeBatches(corpus, options.batches);
    const excluded = excludedTokens(model, options.exclude);
    const evaluation = { tokens, filter: { excluded }, signal: context.signal, other };
    const all: Evaluated[] = [];
    for (const one of opened) {
      const progress: ProgressListener = (event) =>
        context.progress({ ...event, label: `evaluating ${basename(one.folder)}` });
      const report = await evaluateDictionary(model, one.dictionary, { ...evaluation, progress });
      const card = await readDictionaryCard(one.folder);
      all.push({
        opened: one,
        report,
        figures: figuresOf(report),
        // Ranges of other text would not be ranges of these figures.
        spread:
          card.measuredOn === corpus.name && card.tokens === report.firing.tokens
            ? card.figures
            : null,
        labels: await labelsOf(one),
      });
    }
    const parts = opened.map(({ dictionary }) => dictionary);
    const together = options.together
      ? await measureSet(context, { model, excluded }, parts, tokens)
      : undefined;
    if (options.figure) await writeFigure(options.figure, all, together);
    const reports: (Omit<DictionaryReport, 'firing' | 'comparison'> & {
      readonly firing: Omit<FiringMetrics, 'density'>;
      readonly comparison?: ReturnType<typeof plainComparison>;
    } & Pick<Evaluated, 'figures' | 'spread' | 'labels'> & { readonly folder: string })[] = all.map(
      ({ opened: { folder }, report, figures, spread, labels }) => {
        const { density: _, ...firing } = report.firing;
        const comparison = report.comparison && plainComparison(report.comparison);
        return { folder, figures, spread, labels, ...report, firing, comparison };
      },
    );
    const { splice, graphs } = together ?? {};
    context.result({ corpus: corpus.name, dictionaries: reports, together: splice, graphs }, () => {
      const names = shortNames(all.map((one) => one.opened.folder));
      const lines = [
        table(
          HEAD,
          all.map((one, i) => row(one, names[i])),
        ),
        `${corpus.name}; ${all[0].report.firing.tokens} tokens`,
        all.some(({ spread }) => spread !== null)
          ? '[range over seeds, as on the card]'
          : 'ranges over seeds are on the cards, measured on other text',
      ];
      reports.forEach(({ comparison }, i) => {
        if (comparison) lines.push(comparisonLine(names[i], comparison, options));
      });
      if (splice) lines.push(`all in place: CE recovered ${fixed(splice.ceRecovered, 4)}`);
      if (graphs) {
        const { mean, deviation, n } = graphs.replacement;
        lines.push(`replacement score ${fixed(mean)} ± ${fixed(deviation)}, n = ${n} prompts`);
      }
      if (options.figure) lines.push(`plots: ${options.figure}`);
      return lines.join('\n');
    });
    return undefined;
  },
};
