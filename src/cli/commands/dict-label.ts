import { GlassboxError } from '../../base/error.ts';
import { Rng } from '../../base/rng.ts';
import type { Dictionary } from '../../microscope/dictionary/index.ts';
import type { Explained } from '../../microscope/dictionary/labels/explain/index.ts';
import {
  type ConceptText,
  type ConceptTexts,
  LABEL_BAR,
  type LabelRun,
  type LabelSummary,
  labelFeatures,
  randomDirections,
  readLabels,
  summariseLabels,
  writeLabels,
} from '../../microscope/dictionary/labels/index.ts';
import { tokenizerOf } from '../../microscope/prompt.ts';
import type { Model } from '../../model/index.ts';
import { contextLength } from '../../model/run/batch.ts';
import {
  conceptTexts,
  createWorld,
  createWorldTokenizer,
  documentText,
  mechanisms,
} from '../../organisms/index.ts';
import { type CommandSpec, EXIT } from '../command.ts';
import type { Context } from '../context.ts';
import { excludedTokens, openCorpus, parseCorpus } from '../corpus.ts';
import { openDictionaries } from '../dictionaries.ts';
import { openModel, withModel } from '../model.ts';
import { realNumber, wholeNumber } from '../parse.ts';
import { fixed, table } from '../table.ts';
import { explainRun, explanationTable, openEndpoint, withEndpoint } from './dict-explain.ts';

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
  const world = createWorld();
  const known = createWorldTokenizer(world);
  const rng = new Rng(seed);
  const reads = mechanisms.every((mechanism) => {
    const text = documentText(world.write(mechanism, rng, 'train'));
    const ids = tokenizerOf(model).encode(text, { addSpecialTokens: false });
    return known.encode(text).join() === ids.join();
  });
  if (!reads) {
    throw new GlassboxError(`${model.name} does not read the built-in world's tokens`, {
      code: 'no-concepts',
      remedy: 'Give --corpus with text of your own: labels then name tokens instead of concepts.',
      details: { model: model.name },
    });
  }
  const length = contextLength(model.config);
  return conceptTexts(world, { length, trainRows: rows, heldOutRows, seed });
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

/** The same figures for random directions, per dictionary. */
async function baseline(
  context: Context,
  options: {
    readonly model: Model;
    readonly runs: readonly LabelRun[];
    readonly texts: ConceptTexts;
    readonly excluded: readonly number[];
    readonly bar: number;
  },
): Promise<LabelSummary[] | null> {
  const { model, runs, texts, excluded, bar } = options;
  const random: Dictionary[] = [];
  for (const { dictionary, train } of runs) {
    const l0 = train.events.token.length / train.text.tokens;
    random.push(await randomDirections(model, dictionary, { text: texts.train, excluded, l0 }));
  }
  const found = await labelFeatures(model, random, {
    texts,
    excluded,
    bar,
    progress: context.progress,
    signal: context.signal,
  });
  return found ? found.map(({ labels }) => summariseLabels(labels)) : null;
}

const percent = ({ rate, low, high }: LabelSummary['concept']): string =>
  `${fixed(100 * rate, 1)} [${fixed(100 * low, 1)}, ${fixed(100 * high, 1)}]`;

function summaryRow(name: string, summary: LabelSummary): (string | number)[] {
  const { features, fired, conceptReaches, concept, tokens, weak, concepts, quartiles } = summary;
  return [
    name,
    features,
    fired,
    percent(conceptReaches),
    percent(concept),
    percent(tokens),
    percent(weak),
    concepts,
    fixed(quartiles[1], 2),
  ];
}

const head = [
  'dictionary',
  'features',
  'fired',
  'a concept reaches the bar, %',
  'label: concept, %',
  'label: tokens, %',
  'below the bar, %',
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
      .argument('<folders...>', 'dictionaries, or folders that hold some')
      .option(
        '--corpus <text>',
        'text of your own; planted concepts of the built-in world unless told',
      )
      .option('--rows <n>', 'rows to choose labels by', wholeNumber('--rows', 1), 1024)
      .option('--held-out-rows <n>', 'rows to score on', wholeNumber('--held-out-rows', 1), 768)
      .option('--seed <n>', 'seed of the text', wholeNumber('--seed', 0), 5001)
      .option('--bar <x>', 'F1 that a label must reach', realNumber('--bar', 0), LABEL_BAR)
      .option('--exclude <token...>', 'tokens left out; begin-of-text and padding unless told')
      .option('--baseline', 'also label random directions in the same way')
      .option('--dry-run', 'write nothing'),
  async action(context, { args: [folders], options }) {
    const endpoint = openEndpoint(options);
    const opened = await openDictionaries(folders);
    const model = await openModel(context, options);
    const excluded = excludedTokens(model, options.exclude);
    const texts = await openTexts(model, options);
    const { bar } = options;
    const { progress, signal } = context;
    const dictionaries = opened.map(({ dictionary }) => dictionary);
    const labelling = { texts, excluded, bar, progress, signal };
    const runs = await labelFeatures(model, dictionaries, labelling);
    if (!runs) {
      context.result({ interrupted: true }, () => 'Stopped; nothing was written.');
      return EXIT.interrupted;
    }
    const explained: Explained[][] = [];
    for (const [i, run] of runs.entries()) {
      const before = await readLabels(opened[i].folder);
      const same = before?.dictionary === run.labels.dictionary;
      let explanations = (same && before.explanations) || [];
      if (endpoint) {
        const made = await explainRun(context, {
          run,
          model,
          endpoint,
          flags: options,
          known: explanations,
        });
        ({ explanations } = made);
        explained.push(made.explained);
      }
      if (!options.dryRun) await writeLabels(opened[i].folder, { ...run.labels, explanations });
    }
    const random = options.baseline
      ? await baseline(context, { model, runs, texts, excluded, bar })
      : null;
    const found = runs.map(({ labels }, i) => ({
      folder: opened[i].folder,
      summary: summariseLabels(labels),
      random: random?.[i],
      explained: explained[i],
    }));
    const { heldOut, concepts } = runs[0].labels;
    context.result(
      { bar, heldOut, concepts, written: !options.dryRun, dictionaries: found },
      () => {
        const rows = found.flatMap(({ folder, summary, random: beside }) => [
          summaryRow(folder, summary),
          ...(beside ? [summaryRow('  random directions', beside)] : []),
        ]);
        return [
          table(head, rows),
          `bar: F1 ${bar} on ${heldOut.name}; ${heldOut.tokens} tokens, ${concepts} concepts; [95 % interval]`,
          ...explained.map(explanationTable),
        ].join('\n');
      },
    );
    return undefined;
  },
};
