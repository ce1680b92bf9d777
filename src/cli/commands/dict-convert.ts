import { mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { GlassboxError } from '../../base/error.ts';
import { checkFileWritable, checkFolderWritable, writeFileAtomic } from '../../base/files.ts';
import {
  circuitTracerRemark,
  dictionaryFormats,
  loadAnyDictionary,
  saveCircuitTracer,
  saveDictionaryLearning,
  saveSaeLens,
  saveSparsify,
  toFeatureJson,
  toNeuronpediaBatch,
  toNeuronpediaPage,
} from '../../microscope/dictionary/formats/index.ts';
import {
  asSet,
  type Dictionary,
  dictionaryHash,
  type FeaturePage,
  findDictionaries,
  loadDictionary,
  saveDictionary,
} from '../../microscope/dictionary/index.ts';
import { oneOf } from '../../microscope/prompt.ts';
import type { CommandSpec } from '../command.ts';
import type { Context } from '../context.ts';
import { dictionaryFolder } from '../dictionaries.ts';
import { openModel, tokenText, withModel } from '../model.ts';
import { wholeNumber } from '../parse.ts';
import { table } from '../table.ts';
import { harvestFolder, openHarvestOf, openLabels } from './dict-features.ts';
import { featureFiles, importFeatures } from './dict-imported.ts';

const targets = [
  'saelens',
  'dictionary_learning',
  'sparsify',
  'circuit-tracer',
  'neuronpedia',
  'anthropic',
] as const;

const featureFormats =
  'feature pages of Neuronpedia (one feature, or a batch), Anthropic, circuit-tracer';

/** Throws `folder-not-empty` for a folder that holds a dictionary, unless it is the same one. */
async function requireFree(folder: string, dictionary?: Dictionary): Promise<void> {
  if ((await findDictionaries(folder, 0)).length === 0) return;
  if (dictionary && dictionaryHash(await loadDictionary(folder)) === dictionaryHash(dictionary)) {
    return;
  }
  throw new GlassboxError(`${folder} holds a dictionary already`, {
    code: 'folder-not-empty',
    remedy: 'Choose another folder, or delete what is there first.',
    details: { folder },
  });
}

/** `--at READS` or `--at READS:WRITES`. */
function placeOf(at: string | undefined) {
  if (at === undefined) return undefined;
  const [reads, writes = reads] = at.split(':');
  return { reads, writes };
}

export const importCommand: CommandSpec = {
  name: 'import',
  writes: { folders: ['out'] },
  summary: `read a dictionary of another project (${dictionaryFormats.slice(1).join(', ')}), or ${featureFormats}`,
  examples: [
    {
      line: 'dict import ./gpt2-res-jb/blocks.8.hook_resid_pre --out ./sae',
      does: 'SAELens; the format is recognised',
    },
    {
      line: 'dict import ./layer_12/width_16k/average_l0_82/params.npz --at blocks.12.hook_resid_post --out ./sae',
      does: 'Gemma Scope, whose file does not say where it belongs',
    },
    {
      line: 'dict import ./transcoders --out ./dictionaries',
      does: 'circuit-tracer or a release of sparsify: a folder per layer',
    },
    {
      line: 'dict import ./6-res-jb-204.json --out ./sae',
      does: 'a feature page of Neuronpedia (GET /api/feature/…), shown with the dictionary in ./sae',
    },
  ],
  define: (command) =>
    command
      .argument(
        '<path>',
        'folder or file; feature JSON, or a folder of NUMBER.json, for feature pages',
      )
      .requiredOption(
        '-o, --out <folder>',
        'folder to write; for feature pages that of their dictionary',
      )
      .option('--at <address>', 'address read, or READ:WRITTEN, where the files do not say'),
  async action(context, { args: [path], options }) {
    const files = await featureFiles(path);
    if (files.length > 0) return importFeatures(context, files, options.out);
    const loaded = await loadAnyDictionary(path, { place: placeOf(options.at) });
    const { format, dictionaries, names } = loaded;
    const several = dictionaries.length > 1;
    const folderOf = (layer: number) =>
      several ? join(options.out, names?.[layer] ?? `layer-${layer}`) : options.out;
    for (const [layer, dictionary] of dictionaries.entries()) {
      await requireFree(folderOf(layer), dictionary);
    }
    const written: {
      folder: string;
      reads: readonly string[];
      writes: readonly string[];
      features: number;
      activation: string;
    }[] = [];
    for (const [layer, dictionary] of dictionaries.entries()) {
      const folder = folderOf(layer);
      await saveDictionary(folder, dictionary);
      const { reads, writes, dDict, activation } = dictionary.config;
      written.push({ folder, reads, writes, features: dDict, activation: activation.kind });
      context.progress({
        label: 'importing',
        done: layer + 1,
        total: dictionaries.length,
        unit: 'dictionaries',
      });
    }
    context.result({ format, dictionaries: written }, () => {
      const rows = written.map(({ folder, reads, features, activation }) => [
        folder,
        reads.join(', '),
        features,
        activation,
      ]);
      return `${table(['folder', 'reads', 'features', 'activation'], rows)}\nread as ${format}`;
    });
    return undefined;
  },
};

interface FeatureExport {
  readonly model: string;
  readonly out: string;
  readonly to: string;
  readonly feature?: number;
}

/** Writes pages out of the harvest beside a dictionary: of all features that ever fired, or of one. */
async function exportFeatures(
  context: Context,
  folder: string,
  options: FeatureExport,
): Promise<undefined> {
  const model = await openModel(context, options);
  const dictionary = await loadDictionary(folder);
  const { config } = dictionary;
  const { dDict } = config;
  if (options.feature !== undefined && options.feature >= dDict) {
    throw new GlassboxError(`there is no feature ${options.feature}, the last is ${dDict - 1}`, {
      code: 'bad-option',
      remedy: `Give --feature from 0 to ${dDict - 1}.`,
    });
  }
  const labelOf = await openLabels(context, folder, dictionary);
  const store = await openHarvestOf(dictionary, { folder: harvestFolder(folder), path: folder });
  try {
    const wanted =
      options.feature === undefined
        ? store.list().flatMap(({ feature, fired }) => (fired > 0 ? [feature] : []))
        : [options.feature];
    const pages: FeaturePage[] = [];
    for (const feature of wanted) {
      context.signal.throwIfAborted();
      pages.push(await store.page(feature, { quantiles: 5 }));
      const done = { done: pages.length, total: wanted.length };
      context.progress({ label: 'pages', ...done, unit: 'features' });
    }
    const layer = /\d+/.exec(config.writes[0])?.[0] ?? '0';
    const common = {
      modelId: model.name,
      layer: `${layer}-${basename(folder)}`,
      dataset: store.info.corpus,
      tokenText: (id: number) => tokenText(model, id),
    };
    if (options.to === 'anthropic') {
      await mkdir(options.out, { recursive: true });
      for (const page of pages) {
        const json = toFeatureJson(page, {
          transcoderId: `${model.name}-${basename(folder)}`,
          tokenText: common.tokenText,
        });
        await writeFileAtomic(
          join(options.out, `${page.feature}.json`),
          `${JSON.stringify(json)}\n`,
        );
      }
    } else if (options.feature === undefined) {
      const batch = toNeuronpediaBatch(pages, common);
      await writeFileAtomic(options.out, `${JSON.stringify(batch)}\n`);
    } else {
      const label = labelOf(options.feature);
      const descriptions = label ? [{ text: label.label, by: label.how }] : [];
      const page = toNeuronpediaPage(pages[0], { ...common, descriptions });
      await writeFileAtomic(options.out, `${JSON.stringify(page)}\n`);
    }
    const result = { format: options.to, out: options.out, features: pages.length, of: dDict };
    context.result(result, () =>
      options.feature === undefined
        ? `wrote ${pages.length} of ${dDict} features to ${options.out}; the others never fired on ${store.info.corpus}`
        : `wrote feature ${options.feature} to ${options.out}`,
    );
  } finally {
    await store.close();
  }
  return undefined;
}

export const exportCommand: CommandSpec = {
  name: 'export',
  summary: 'write a dictionary, or a set, in the form of another project',
  examples: [
    {
      line: 'dict export ./sae --to saelens --out ./for-saelens',
      does: 'cfg.json and sae_weights.safetensors',
    },
    {
      line: 'dict export resid-2 --to neuronpedia --out ./features.json',
      does: 'feature pages from its harvest, as Neuronpedia imports them',
    },
    {
      line: 'dict export resid-2 --to neuronpedia --feature 17 --out ./17.json',
      does: 'one feature as Neuronpedia’s interface answers it; --to anthropic for graph front ends',
    },
    {
      line: 'dict export ./transcoders --to circuit-tracer --out ./for-circuit-tracer',
      does: 'a set it can attribute with',
    },
    {
      line: 'dict export ./transcoders/layer-0 ./transcoders/layer-1 --to sparsify --out ./for-sparsify',
      does: 'a folder per hookpoint (layers.0.mlp), as SparseCoder.load_many reads them',
    },
  ],
  define: (command) =>
    withModel(command)
      .argument(
        '<path>',
        "folder, or the name of one of the model's own; for circuit-tracer and sparsify, several in order of layers",
      )
      .argument('[more...]', 'further layers')
      .requiredOption('--to <format>', `one of ${targets.join(', ')}`)
      .requiredOption('-o, --out <path>', 'folder to write; for neuronpedia a file')
      .option(
        '--feature <n>',
        'with neuronpedia or anthropic: this feature alone; all that fired unless told',
        wholeNumber('--feature', 0),
      ),
  async action(context, { args: [first, more], options }) {
    const to = oneOf('format', options.to, targets);
    await (to === 'neuronpedia' ? checkFileWritable : checkFolderWritable)(options.out);
    const paths = await Promise.all(
      [first, ...more].map((text: string) => dictionaryFolder(text, options)),
    );
    if (to === 'neuronpedia' || to === 'anthropic') {
      if (more.length === 0) return exportFeatures(context, paths[0], options);
      throw new GlassboxError(`${to} takes one dictionary, there are ${paths.length}`, {
        code: 'bad-option',
        remedy: 'Export one at a time.',
      });
    }
    if (options.feature !== undefined) {
      throw new GlassboxError(`--feature is for pages, ${to} stores whole dictionaries`, {
        code: 'bad-option',
        remedy: 'Leave --feature out, or give --to neuronpedia or anthropic.',
      });
    }
    await requireFree(options.out);
    const loaded = await Promise.all(paths.map((path) => loadAnyDictionary(path)));
    const dictionaries = loaded.flatMap((found) => found.dictionaries);
    if (to === 'circuit-tracer') {
      const set = asSet(dictionaries);
      await saveCircuitTracer(options.out, set);
      const remark = circuitTracerRemark(set);
      if (remark) context.note(remark);
    } else if (to === 'sparsify') {
      await saveSparsify(options.out, dictionaries);
    } else {
      if (dictionaries.length > 1) {
        throw new GlassboxError(
          `${to} stores one dictionary per folder, there are ${dictionaries.length}`,
          { code: 'bad-option', remedy: 'Export one folder at a time.' },
        );
      }
      const save = to === 'saelens' ? saveSaeLens : saveDictionaryLearning;
      await save(options.out, dictionaries[0]);
    }
    context.result({ format: to, out: options.out, dictionaries: dictionaries.length }, () => {
      return `wrote ${dictionaries.length} of format ${to} to ${options.out}`;
    });
    return undefined;
  },
};
