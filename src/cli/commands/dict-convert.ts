import { basename, join } from 'node:path';
import { GlassboxError } from '../../base/error.ts';
import { writeFileAtomic } from '../../base/files.ts';
import {
  circuitTracerRemark,
  dictionaryFormats,
  loadAnyDictionary,
  saveCircuitTracer,
  saveDictionaryLearning,
  saveSaeLens,
  toNeuronpediaBatch,
} from '../../microscope/dictionary/formats/index.ts';
import {
  asSet,
  type FeaturePage,
  loadDictionary,
  openHarvest,
  saveDictionary,
} from '../../microscope/dictionary/index.ts';
import { oneOf } from '../../microscope/prompt.ts';
import type { CommandSpec } from '../command.ts';
import type { Context } from '../context.ts';
import { openModel, tokenText, withModel } from '../model.ts';
import { table } from '../table.ts';

const targets = ['saelens', 'dictionary_learning', 'circuit-tracer', 'neuronpedia'] as const;

/** `--at READS` or `--at READS:WRITES`. */
function placeOf(at: string | undefined) {
  if (at === undefined) return undefined;
  const [reads, writes = reads] = at.split(':');
  return { reads, writes };
}

export const importCommand: CommandSpec = {
  name: 'import',
  summary: `read a dictionary of another project (${dictionaryFormats.slice(1).join(', ')})`,
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
      does: 'circuit-tracer: a folder per layer',
    },
  ],
  define: (command) =>
    command
      .argument('<path>', 'folder or file')
      .requiredOption('-o, --out <folder>', 'folder to write')
      .option('--at <address>', 'address read, or READ:WRITTEN, where the files do not say'),
  async action(context, { args: [path], options }) {
    const { format, dictionaries } = await loadAnyDictionary(path, { place: placeOf(options.at) });
    const several = dictionaries.length > 1;
    const written: {
      folder: string;
      reads: readonly string[];
      writes: readonly string[];
      features: number;
      activation: string;
    }[] = [];
    for (const [layer, dictionary] of dictionaries.entries()) {
      const folder = several ? join(options.out, `layer-${layer}`) : options.out;
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

/** Writes the pages of all features that ever fired, out of the harvest beside a dictionary. */
async function exportFeatures(
  context: Context,
  folder: string,
  options: { readonly model: string; readonly out: string },
): Promise<undefined> {
  const model = await openModel(context, options);
  const { config } = await loadDictionary(folder);
  const store = await openHarvest(join(folder, 'harvest'));
  try {
    const alive = store.list().filter(({ fired }) => fired > 0);
    const pages: FeaturePage[] = [];
    for (const { feature } of alive) {
      context.signal.throwIfAborted();
      pages.push(await store.page(feature, { quantiles: 5 }));
      context.progress({
        label: 'pages',
        done: pages.length,
        total: alive.length,
        unit: 'features',
      });
    }
    const layer = /\d+/.exec(config.writes[0])?.[0] ?? '0';
    const batch = toNeuronpediaBatch(pages, {
      modelId: model.name,
      layer: `${layer}-${basename(folder)}`,
      dataset: store.info.corpus,
      tokenText: (id) => tokenText(model, id),
    });
    await writeFileAtomic(options.out, `${JSON.stringify(batch)}\n`);
    const { dDict } = config;
    context.result(
      { format: 'neuronpedia', out: options.out, features: pages.length, of: dDict },
      () => {
        return `wrote ${pages.length} of ${dDict} features to ${options.out}; the others never fired on ${store.info.corpus}`;
      },
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
      line: 'dict export models/glassbox-atlas/dictionaries/resid-2 --to neuronpedia --out ./features.json',
      does: 'feature pages from its harvest, as Neuronpedia imports them',
    },
    {
      line: 'dict export ./transcoders --to circuit-tracer --out ./for-circuit-tracer',
      does: 'a set it can attribute with',
    },
  ],
  define: (command) =>
    withModel(command)
      .argument(
        '<path>',
        'folder of a dictionary; for circuit-tracer, several paths in order of layers',
      )
      .argument('[more...]', 'further layers')
      .requiredOption('--to <format>', `one of ${targets.join(', ')}`)
      .requiredOption('-o, --out <path>', 'folder to write; for neuronpedia a file'),
  async action(context, { args: [first, more], options }) {
    const to = oneOf('format', options.to, targets);
    if (to === 'neuronpedia') return exportFeatures(context, first, options);
    const loaded = await Promise.all(
      [first, ...more].map((path: string) => loadAnyDictionary(path)),
    );
    const dictionaries = loaded.flatMap((found) => found.dictionaries);
    if (to === 'circuit-tracer') {
      const set = asSet(dictionaries);
      await saveCircuitTracer(options.out, set);
      const remark = circuitTracerRemark(set);
      if (remark) context.note(remark);
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
