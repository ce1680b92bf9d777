import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { GlassboxError } from '../../base/error.ts';
import {
  type Dictionary,
  dictionaryHash,
  type FeaturePage,
  type FeatureStore,
  featureActivations,
  harvest,
  type ImportedFeatures,
  importedOf,
  loadDictionary,
  openHarvest,
  otherWeights,
  readImported,
  strongestFeatures,
} from '../../microscope/dictionary/index.ts';
import {
  labelsByFeature,
  readLabels,
  type ShownLabel,
} from '../../microscope/dictionary/labels/index.ts';
import type { Model } from '../../model/index.ts';
import { type CommandSpec, EXIT } from '../command.ts';
import type { Context } from '../context.ts';
import { excludedTokens, openCorpus, parseCorpus } from '../corpus.ts';
import { dictionaryFolder, FOLDER } from '../dictionaries.ts';
import { openModel, promptTokens, tokenText, withModel } from '../model.ts';
import { wholeNumber } from '../parse.ts';
import { fixed, quoteToken, table } from '../table.ts';
import { importedTable, importedText } from './dict-imported.ts';

/** Where a dictionary's harvest lies unless told: beside its weights. */
export const harvestFolder = (dictionary: string): string => join(dictionary, 'harvest');

interface HarvestFlags {
  readonly corpus?: string;
  readonly batches?: number;
  readonly exclude?: readonly string[];
  readonly out?: string;
}

function withCorpus(command: Command): Command {
  return command
    .option('--corpus <text>', 'world:SEED, held-out:SEED, or a text file; world:2001 unless told')
    .option('--batches <n>', 'batches of 64 rows; 24 unless told', wholeNumber('--batches', 1))
    .option('--exclude <token...>', 'tokens left out; begin-of-text and padding unless told')
    .option('--out <folder>', 'where the harvest is; DICTIONARY/harvest unless told');
}

async function runHarvest(
  context: Context,
  options: {
    readonly folder: string;
    readonly model: Model;
    readonly dictionary: Dictionary;
    readonly flags: HarvestFlags;
  },
) {
  const { folder, model, dictionary, flags } = options;
  return harvest(folder, model, dictionary, {
    tokens: await openCorpus(model, parseCorpus(flags.corpus ?? 'world:2001')),
    batches: flags.batches ?? 24,
    excluded: excludedTokens(model, flags.exclude),
    progress: context.progress,
    signal: context.signal,
  });
}

function noteWeights(context: Context, model: Model, dictionary: Dictionary): void {
  const remark = otherWeights(model, dictionary);
  if (remark) context.note(remark);
}

export const harvestCommand: CommandSpec = {
  name: 'harvest',
  writes: { folders: ['out'] },
  summary: 'write down what makes every feature fire, once, for its page; resumes',
  examples: [
    {
      line: 'dict harvest resid-2',
      does: 'on the built-in world',
    },
    { line: 'dict harvest my/layer-3 --corpus text.txt --batches 200', does: 'on your own text' },
  ],
  define: (command) => withCorpus(withModel(command).argument('<dictionary>', FOLDER)),
  async action(context, { args: [text], options }) {
    const path = await dictionaryFolder(text, options);
    const dictionary = await loadDictionary(path);
    const model = await openModel(context, options);
    noteWeights(context, model, dictionary);
    const folder = options.out ?? harvestFolder(path);
    const info = await runHarvest(context, { folder, model, dictionary, flags: options });
    context.result({ folder, ...(info ?? { interrupted: true }) }, () =>
      info
        ? `${info.events} activations of ${info.dDict} features on ${info.counted} tokens: ${folder}`
        : 'Stopped; run the command again to go on.',
    );
    return info ? undefined : EXIT.interrupted;
  },
};

/** Whether options ask for another text than was harvested. A text may end before the batches that are asked for. */
async function asksForOther(
  model: Model,
  info: FeatureStore['info'],
  { corpus, batches, exclude }: HarvestFlags,
): Promise<boolean> {
  const excluded = excludedTokens(model, exclude).join();
  if (exclude && excluded !== info.excluded.join()) return true;
  const wanted = corpus === undefined ? undefined : parseCorpus(corpus);
  if (wanted && (await openCorpus(model, wanted)).name !== info.corpus) return true;
  const ended = wanted !== undefined && 'text' in wanted && batches! > info.batches;
  return batches !== undefined && batches !== info.batches && !ended;
}

/** Opens the harvest of a dictionary, made first when there is none. */
async function openStore(
  context: Context,
  options: {
    readonly path: string;
    readonly model: Model;
    readonly dictionary: Dictionary;
    readonly flags: HarvestFlags;
  },
): Promise<FeatureStore> {
  const { path, model, dictionary, flags } = options;
  const folder = flags.out ?? harvestFolder(path);
  const made = !existsSync(join(folder, 'index.json'));
  if (made) {
    context.note(`No harvest in ${folder} yet; making one.`);
    const done = await runHarvest(context, { folder, model, dictionary, flags });
    if (!done) {
      throw new GlassboxError('the harvest was interrupted', {
        code: 'interrupted',
        remedy: 'Run the command again to go on.',
        kind: 'failure',
      });
    }
  }
  const store = await openHarvestOf(dictionary, { folder, path });
  if (!made && (await asksForOther(model, store.info, flags))) {
    const { corpus, counted } = store.info;
    await store.close();
    throw new GlassboxError(`${folder} already holds a harvest, of ${counted} tokens (${corpus})`, {
      code: 'harvest-exists',
      remedy:
        'Leave --corpus, --batches and --exclude out, or name a folder for another with --out.',
      details: { folder },
    });
  }
  return store;
}

/** Opens a harvest that was made of this dictionary; throws `harvest-mismatch` for that of another one. */
export async function openHarvestOf(
  dictionary: Dictionary,
  { folder, path }: { readonly folder: string; readonly path: string },
): Promise<FeatureStore> {
  const store = await openHarvest(folder);
  if (store.info.dictionary === dictionaryHash(dictionary)) return store;
  await store.close();
  throw new GlassboxError(`${folder} is the harvest of another dictionary than ${path}`, {
    code: 'harvest-mismatch',
    remedy: `Delete ${folder} and harvest again.`,
    details: { folder, path },
  });
}

/** An example as a line: the token in the middle of brackets, its activation in front. */
function exampleLine(
  model: Model,
  { tokens, acts, at }: FeaturePage['groups'][number]['examples'][number],
): string {
  const text = tokens.map((id, i) => {
    const shown = tokenText(model, id).replaceAll('\n', '⏎');
    return acts[i] > 0 ? `«${shown}»` : shown;
  });
  return `  ${fixed(acts[at], 2).padStart(7)}  ${text.join('')}`;
}

/** Labels of a dictionary; those that were made for another one are left out, with a remark. */
export async function openLabels(
  context: Context,
  path: string,
  dictionary: Dictionary,
): Promise<(feature: number) => ShownLabel | null> {
  const labels = await readLabels(path);
  if (!labels) return () => null;
  if (labels.dictionary === dictionaryHash(dictionary)) return labelsByFeature(labels);
  context.note(`The labels in ${path} are of another dictionary and are not shown.`);
  return () => null;
}

function labelText(label: ShownLabel | null): string[] {
  if (!label) return [];
  const { how, score, low, high, n, largest } = label;
  const share = largest === null ? '' : `; holds at ${fixed(100 * largest, 0)} % of the largest`;
  return [
    `label: ${label.label}`,
    `       ${how}: ${fixed(score, 2)} [${fixed(low, 2)}, ${fixed(high, 2)}], ${n} tokens${share}`,
  ];
}

function pageText(model: Model, page: FeaturePage, label: ShownLabel | null): string {
  const logits = (list: FeaturePage['logits']['top']) =>
    list
      .map(({ id, value }) => `${quoteToken(tokenText(model, id))} ${fixed(value, 2)}`)
      .join(', ');
  const related = (list: FeaturePage['neighbours']) =>
    list.map(({ feature, value }) => `${feature} (${fixed(value, 2)})`).join(', ');
  const groups = page.groups.flatMap(({ name, low, high, share, examples }) => [
    name === 'top'
      ? 'top activations'
      : `${fixed(low, 2)} to ${fixed(high, 2)}: ${fixed(100 * share, 1)} % of activations`,
    ...examples.map((example) => exampleLine(model, example)),
  ]);
  return [
    `feature ${page.feature}: fires on ${page.fired} of ${page.counted} tokens (${fixed(100 * page.density, 3)} %), max ${fixed(page.max, 2)}, mean ${fixed(page.mean, 2)}`,
    ...labelText(label),
    `raises:     ${logits(page.logits.top)}`,
    `lowers:     ${logits(page.logits.bottom)}`,
    `like it:    ${related(page.neighbours)}`,
    `fires with: ${related(page.correlated)}`,
    ...groups,
  ].join('\n');
}

/** The first imported label, with where it is from; nothing for none. */
function importedLabel(labels: readonly { readonly text: string; readonly source: string }[]) {
  return labels.length > 0 ? `${labels[0].text} (${labels[0].source})` : '';
}

/** Pages of other projects alone, for dictionaries that nothing was harvested for: no model is needed. */
function showImported(
  context: Context,
  options: {
    readonly path: string;
    readonly sources: readonly ImportedFeatures[];
    readonly feature: number | undefined;
    readonly most: number;
  },
): undefined {
  const { path, sources, feature, most } = options;
  context.note(`Nothing is harvested for ${path}; showing what was imported.`);
  if (feature === undefined) {
    context.result({ imported: sources }, () => importedTable(sources, most));
    return undefined;
  }
  const imported = importedOf(sources, feature);
  if (imported.length === 0) {
    throw new GlassboxError(`no page of feature ${feature} was imported`, {
      code: 'no-feature',
      remedy: `Run \`glassbox dict harvest ${path}\`, or import its page.`,
    });
  }
  context.result({ feature, imported }, () =>
    [`feature ${feature}`, ...importedText(imported)].join('\n'),
  );
  return undefined;
}

export const featuresCommand: CommandSpec = {
  name: 'features',
  writes: { folders: ['out'] },
  summary: 'look at features: a page, a list, or what fires on a text',
  examples: [
    {
      line: 'dict features resid-2 17',
      does: 'the page of feature 17; makes the harvest first when there is none',
    },
    {
      line: 'dict features resid-2 --text "37 + 48 ="',
      does: 'the features that fire most on a text',
    },
    {
      line: 'dict features resid-2 --json',
      does: 'every feature: density, largest activation, top logits',
    },
  ],
  define: (command) =>
    withCorpus(
      withModel(command)
        .argument('<dictionary>', FOLDER)
        .argument('[feature]', 'number of a feature', wholeNumber('feature', 0))
        .option('--text <text>', 'a text of your own')
        .option('-k, --top <n>', 'features to list', wholeNumber('--top', 1), 20),
    ),
  async action(context, { args: [text, feature], options }) {
    const path = await dictionaryFolder(text, options);
    const dictionary = await loadDictionary(path);
    const sources = await readImported(path);
    const harvested = existsSync(join(options.out ?? harvestFolder(path), 'index.json'));
    if (sources.length > 0 && !harvested && options.text === undefined) {
      return showImported(context, { path, sources, feature, most: options.top });
    }
    const model = await openModel(context, options);
    const labelOf = await openLabels(context, path, dictionary);
    if (options.text !== undefined) {
      const { ids, tokens } = promptTokens(model, options.text);
      const excluded = new Set(excludedTokens(model, options.exclude));
      const ignored = ids.flatMap((id, i) => (excluded.has(id) ? [i] : []));
      const found =
        feature === undefined
          ? await strongestFeatures(model, dictionary, { tokens: ids, count: options.top, ignored })
          : [{ feature: feature as number }];
      const features = found.map((one) => one.feature);
      const acts = await featureActivations(model, dictionary, { tokens: ids, features });
      context.result(
        {
          tokens,
          features: features.map((f, i) => ({ feature: f, acts: acts[i], label: labelOf(f) })),
        },
        () =>
          table(
            ['feature', ...tokens.map(({ text }) => quoteToken(text)), 'label'],
            features.map((f, i) => [
              f,
              ...acts[i].map((value) => (value > 0 ? fixed(value, 2) : '')),
              labelOf(f)?.label ?? '',
            ]),
          ),
      );
      return undefined;
    }
    const store = await openStore(context, { path, model, dictionary, flags: options });
    try {
      if (feature !== undefined) {
        const page = await store.page(feature);
        const label = labelOf(page.feature);
        const imported = importedOf(sources, page.feature);
        context.result({ ...page, label, imported }, () =>
          [pageText(model, page, label), ...importedText(imported)].join('\n'),
        );
        return undefined;
      }
      const all = store.list().map((one) => ({
        ...one,
        label: labelOf(one.feature),
        imported: importedOf(sources, one.feature).flatMap(({ source, page }) =>
          page.labels.map((label) => ({ ...label, source: source.name })),
        ),
      }));
      context.result({ info: store.info, features: all }, () => {
        const fired = all.filter((one) => one.fired > 0);
        const most = [...fired].sort((a, b) => b.fired - a.fired).slice(0, options.top);
        const { counted, corpus } = store.info;
        const silent = all.length - fired.length;
        const foot = `${most.length} of ${fired.length} features that fire, the most frequent; ${silent} of ${all.length} are silent on these ${counted} tokens (${corpus})`;
        const rows = most.map((one) => [
          one.feature,
          fixed(100 * one.density, 3),
          fixed(one.max, 2),
          one.top
            .slice(0, 4)
            .map((id) => quoteToken(tokenText(model, id)))
            .join(' '),
          one.label?.label ?? importedLabel(one.imported),
        ]);
        return [table(['feature', 'density %', 'max', 'raises', 'label'], rows), foot].join('\n');
      });
    } finally {
      await store.close();
    }
    return undefined;
  },
};
