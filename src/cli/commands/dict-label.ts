import { GlassboxError, isGlassboxError } from '../../base/error.ts';
import { type Dictionary, dictionaryHash } from '../../microscope/dictionary/index.ts';
import type { Endpoint, Explained } from '../../microscope/dictionary/labels/explain/index.ts';
import {
  asWritten,
  type ConceptText,
  type ConceptTexts,
  type FeatureLabels,
  LABEL_BAR,
  type LabelSummary,
  labelFeatures,
  labelRequest,
  randomDirections,
  readLabels,
  summariseLabels,
  writeLabels,
} from '../../microscope/dictionary/labels/index.ts';
import type { Model } from '../../model/index.ts';
import { contextLength } from '../../model/run/batch.ts';
import { conceptTexts, createWorld } from '../../organisms/index.ts';
import { type CommandSpec, EXIT } from '../command.ts';
import type { Context } from '../context.ts';
import { checkWorldTokens, excludedTokens, openCorpus, parseCorpus } from '../corpus.ts';
import { type OpenedDictionary, openDictionaries, shortNames } from '../dictionaries.ts';
import { openModel, withModel } from '../model.ts';
import { shareOf, wholeNumber } from '../parse.ts';
import { fixed, table } from '../table.ts';
import {
  type ExplainFlags,
  explainRun,
  explanationTable,
  featureNumbers,
  openEndpoint,
  withEndpoint,
} from './dict-explain.ts';

interface TextFlags {
  readonly corpus?: string;
  readonly rows: number;
  readonly heldOutRows: number;
  readonly seed: number;
}

/** Text with the world's concepts, or the user's text without any. */
async function openTexts(model: Model, flags: TextFlags): Promise<ConceptTexts> {
  const { rows, heldOutRows, seed } = flags;
  if (flags.corpus !== undefined) return plainTexts(model, { ...flags, corpus: flags.corpus });
  checkWorldTokens(model, {
    remedy: 'Give --corpus with text of your own: labels then name tokens instead of concepts.',
  });
  const length = contextLength(model.config);
  return conceptTexts(createWorld(), { length, trainRows: rows, heldOutRows, seed });
}

/** Rows of a corpus, to choose by and to score on in turns; every row is a document. */
async function plainTexts(
  model: Model,
  { corpus: path, rows, heldOutRows }: TextFlags & { readonly corpus: string },
): Promise<ConceptTexts> {
  const corpus = await openCorpus(model, parseCorpus(path));
  const halves: [number[][], number[][]] = [[], []];
  const wanted = [rows, heldOutRows];
  for (let i = 0, next = 0; halves.some((half, h) => half.length < wanted[h]); i++) {
    const batch = corpus.batch(i);
    if (!batch) break;
    for (const row of batch) halves[next++ % 2].push([...row]);
  }
  const text = (h: 0 | 1, what: string): ConceptText => {
    const own = halves[h].slice(0, wanted[h]);
    return {
      name: `${corpus.name}, ${what}`,
      rows: own,
      documents: own.map((row, r) => row.map(() => r)),
      held: own.map(() => []),
    };
  };
  if (halves[1].length === 0) {
    throw new GlassboxError(`${corpus.name} has one row only`, {
      code: 'empty-corpus',
      remedy: 'Give text with several lines: some to choose labels by, some to score them on.',
    });
  }
  return { concepts: [], train: text(0, 'even rows'), heldOut: text(1, 'odd rows') };
}

interface Labelling {
  readonly model: Model;
  readonly texts: ConceptTexts;
  readonly excluded: readonly number[];
  readonly bar: number;
}

/** The same figures for random directions; null when stopped. */
async function baseline(
  context: Context,
  dictionary: Dictionary,
  { labels, ...options }: Labelling & { readonly labels: FeatureLabels },
): Promise<LabelSummary | null> {
  const { model, texts, excluded } = options;
  const { l0 } = labels;
  const random = await randomDirections(model, dictionary, { text: texts.train, excluded, l0 });
  const { progress, signal } = context;
  const found = await labelFeatures(model, [random], { ...options, progress, signal });
  return found && summariseLabels(found[0].labels);
}

/** What was found of one dictionary. */
interface Found {
  readonly folder: string;
  readonly labels: FeatureLabels;
  /** Whether the labels were there before. */
  readonly kept: boolean;
  readonly explained?: readonly Explained[];
}

/**
 * Labels one dictionary. Labels that were made before from the same dictionary, texts and bars are kept, so that a run
 * that was interrupted goes on where it stopped; explanations are always kept.
 *
 * @returns null when stopped
 */
async function labelOne(
  context: Context,
  { folder, dictionary }: OpenedDictionary,
  options: Labelling & {
    readonly flags: ExplainFlags & {
      readonly baseline?: boolean;
      readonly again?: boolean;
      readonly dryRun?: boolean;
    };
    readonly endpoint: Endpoint | undefined;
  },
): Promise<Found | null> {
  const { flags, endpoint, ...labelling } = options;
  const { progress, signal } = context;
  const before = await readLabels(folder).catch((error: unknown) => {
    // What cannot be read is made anew, unless another model's explanations are at stake.
    if (isGlassboxError(error) && error.code === 'bad-labels' && flags.again) return null;
    throw error;
  });
  const same = before?.dictionary === dictionaryHash(dictionary) ? before : null;
  const kept = !flags.again && same?.request === labelRequest(dictionary, labelling) ? same : null;
  let labels = kept;
  let explained: Explained[] | undefined;
  if (!labels || endpoint) {
    const runs = await labelFeatures(labelling.model, [dictionary], {
      ...labelling,
      progress,
      signal,
    });
    if (!runs) return null;
    const [run] = runs;
    let explanations = same?.explanations ?? [];
    if (endpoint) {
      const { model } = labelling;
      const known = explanations;
      ({ explanations, explained } = await explainRun(context, {
        run,
        model,
        endpoint,
        flags,
        known,
      }));
    }
    labels = { ...run.labels, explanations, random: kept?.random };
  }
  if (flags.baseline && !labels.random) {
    const random = await baseline(context, dictionary, { ...labelling, labels });
    if (!random) return null;
    labels = { ...labels, random };
  }
  if (labels !== kept && !flags.dryRun) await writeLabels(folder, labels);
  return { folder, labels: asWritten(labels), kept: labels === kept, explained };
}

const percent = ({ rate, low, high }: LabelSummary['concept']): string =>
  `${fixed(100 * rate, 1)} [${fixed(100 * low, 1)}, ${fixed(100 * high, 1)}]`;

function summaryRow(name: string, summary: LabelSummary): (string | number)[] {
  const { features, fired, conceptReaches, concept, tokens, narrow } = summary;
  const { weak, rare, concepts, quartiles } = summary;
  return [
    name,
    features,
    fired,
    percent(conceptReaches),
    percent(concept),
    percent(tokens),
    percent(narrow),
    percent(weak),
    percent(rare),
    concepts,
    fixed(quartiles[1], 2),
  ];
}

const head = [
  'dictionary',
  'features',
  'fired',
  'a concept reaches the bars, %',
  'label: concept, %',
  'label: tokens, %',
  'of these in a context, %',
  'below the bars, %',
  'too rare, %',
  'concepts',
  'median F1',
];

export const labelCommand: CommandSpec = {
  name: 'label',
  summary: 'say what every feature detects, scored on held-out text',
  examples: [
    {
      line: 'dict label models/glassbox-atlas/dictionaries --baseline',
      does: "against the world's planted concepts, with random directions beside; writes labels.json",
    },
    {
      line: 'dict label my/layer-3 --endpoint http://127.0.0.1:8080/v1 --endpoint-model my-judge --sample 50',
      does: 'also explanations by another model, with detection, fuzzing and simulation scores',
    },
    {
      line: 'dict label my/layer-3 --model my-model --corpus text.txt',
      does: 'by tokens, on your own text',
    },
  ],
  define: (command) =>
    withEndpoint(withModel(command))
      .argument(
        '<folders...>',
        'dictionaries, or folders that hold some; also names of shipped ones',
      )
      .option(
        '--corpus <text>',
        'text of your own; planted concepts of the built-in world unless told',
      )
      .option('--rows <n>', 'rows to choose labels by', wholeNumber('--rows', 1), 1024)
      .option('--held-out-rows <n>', 'rows to score on', wholeNumber('--held-out-rows', 1), 768)
      .option('--seed <n>', 'seed of the text', wholeNumber('--seed', 0), 5001)
      .option('--bar <x>', 'F1 that a label must reach', shareOf('--bar'), LABEL_BAR)
      .option('--exclude <token...>', 'tokens left out; begin-of-text and padding unless told')
      .option('--baseline', 'also label random directions in the same way')
      .option('--again', 'make labels anew that were made from the same text before')
      .option('--dry-run', 'write nothing'),
  async action(context, { args: [folders], options }) {
    const endpoint = openEndpoint(options);
    const opened = await openDictionaries(folders, options);
    const model = await openModel(context, options);
    for (const { dictionary } of opened) {
      featureNumbers(options.features ?? [], dictionary.config.dDict);
    }
    const excluded = excludedTokens(model, options.exclude);
    const texts = await openTexts(model, options);
    const { bar } = options;
    const found: Found[] = [];
    for (const one of opened) {
      const labelling = { model, texts, excluded, bar, flags: options, endpoint };
      const made = await labelOne(context, one, labelling);
      if (!made) break;
      found.push(made);
    }
    if (found.length < opened.length) {
      const [labelled, of] = [found.length, opened.length];
      const go = options.dryRun ? '' : '; run the command again to go on';
      context.result(
        { interrupted: true, labelled, of },
        () => `Stopped after ${labelled} of ${of} dictionaries${go}.`,
      );
      return EXIT.interrupted;
    }
    const { heldOut, concepts, largestBar } = found[0].labels;
    const dictionaries = found.map(({ folder, labels, kept, explained }) => {
      const summary = summariseLabels(labels);
      return { folder, kept, summary, random: labels.random, explained };
    });
    const kept = found.filter((one) => one.kept).length;
    context.result(
      { bar, largestBar, heldOut, concepts, written: !options.dryRun, dictionaries },
      () => {
        const names = shortNames(dictionaries.map(({ folder }) => folder));
        const rows = dictionaries.flatMap(({ summary, random }, i) => [
          summaryRow(names[i], summary),
          ...(random ? [summaryRow('  random directions', random)] : []),
        ]);
        return [
          table(head, rows),
          `bars: F1 ${bar}, and ${largestBar} of the largest activations, on ${heldOut.name}; ${heldOut.tokens} tokens, ${concepts} concepts; [95 % interval]`,
          ...(kept > 0 ? [`kept from before: ${kept}; --again makes them anew`] : []),
          ...dictionaries.flatMap(({ explained }) =>
            explained ? explanationTable(explained) : [],
          ),
        ].join('\n');
      },
    );
    return undefined;
  },
};
