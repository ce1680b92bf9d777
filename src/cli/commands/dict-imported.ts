import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { GlassboxError } from '../../base/error.ts';
import {
  addImported,
  type DictionaryConfig,
  type ForeignFeatures,
  type ImportedFeature,
  type ImportedFeatures,
  type ImportSource,
  loadDictionary,
  readForeignFeatures,
} from '../../microscope/dictionary/index.ts';
import { cantorUnpair } from '../../microscope/graph/index.ts';
import type { Context } from '../context.ts';
import { fixed, quoteToken, table } from '../table.ts';

/** Feature files below a path: the file itself, or a folder of files named after features. */
export async function featureFiles(path: string): Promise<string[]> {
  if (path.endsWith('.json')) return [path];
  const info = await stat(path).catch(() => null);
  if (!info?.isDirectory()) return [];
  const names = await readdir(path);
  return names
    .filter((name) => /^\d+\.json$/.test(name))
    .sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10))
    .map((name) => join(path, name));
}

async function readFeatures(path: string): Promise<ForeignFeatures> {
  const text = await readFile(path, 'utf8').catch((cause) => {
    throw new GlassboxError(`cannot read ${path}: ${cause.message}`, {
      code: 'no-file',
      remedy: 'Give the path of an existing file.',
      cause,
    });
  });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new GlassboxError(`${path}: is not JSON: ${(cause as Error).message}`, {
      code: 'bad-feature-file',
      remedy: 'Give feature JSON of Neuronpedia or of a graph front end.',
      cause,
    });
  }
  return readForeignFeatures(json, path);
}

/** circuit-tracer numbers features by layer and index in one; in files of such, only the index counts. */
function ownIndex(one: ImportedFeature, layer: number | null, dDict: number): ImportedFeature {
  const [of, index] = cantorUnpair(one.feature);
  return one.feature >= dDict && of === layer && index < dDict ? { ...one, feature: index } : one;
}

/** Throws `dictionary-mismatch` when the features cannot be those of a dictionary. */
function checkFits(found: ForeignFeatures, config: DictionaryConfig, path: string): void {
  const { dDict, dOut, reads, writes } = config;
  const problem = (message: string): GlassboxError =>
    new GlassboxError(`${path}: ${message}`, {
      code: 'dictionary-mismatch',
      remedy: 'Give the folder of the dictionary that the features are of.',
      details: { path, source: found.source.name },
    });
  const past = found.features.find(({ feature }) => feature >= dDict);
  if (past) throw problem(`feature ${past.feature} is past the dictionary's ${dDict}`);
  if (found.width !== null && found.width !== dOut) {
    throw problem(`its vectors are ${found.width} wide, the dictionary writes ${dOut}`);
  }
  const layers = [...reads, ...writes].map((address) => /^blocks\.(\d+)\./.exec(address)?.[1]);
  if (found.layer !== null && !layers.includes(String(found.layer))) {
    throw problem(
      `it is of layer ${found.layer} (${found.source.name}), the dictionary of ${reads.join(', ')}`,
    );
  }
}

/** Puts feature pages of another project beside a dictionary. */
export async function importFeatures(
  context: Context,
  files: readonly string[],
  folder: string,
): Promise<undefined> {
  const { config } = await loadDictionary(folder);
  const layer = /^blocks\.(\d+)\./.exec(config.reads[0])?.[1];
  const bySource = new Map<string, ImportedFeatures & { features: ImportedFeature[] }>();
  for (const [i, path] of files.entries()) {
    const read = await readFeatures(path);
    const features = read.features.map((one) =>
      ownIndex(one, layer === undefined ? null : Number(layer), config.dDict),
    );
    checkFits({ ...read, features }, config, path);
    const key = `${read.source.format} ${read.source.name}`;
    const known = bySource.get(key) ?? { source: read.source, features: [] };
    known.features.push(...features);
    bySource.set(key, known);
    context.progress({ label: 'reading', done: i + 1, total: files.length, unit: 'files' });
  }
  for (const imported of bySource.values()) await addImported(folder, imported);
  const sources = [...bySource.values()].map(({ source, features }) => ({
    ...source,
    features: features.length,
    labels: features.reduce((sum, { labels }) => sum + labels.length, 0),
  }));
  context.result({ format: 'features', folder, sources }, () =>
    sources
      .map(
        ({ name, format, features, labels }) =>
          `${features} features with ${labels} labels of ${name} (${format}), beside ${folder}`,
      )
      .join('\n'),
  );
  return undefined;
}

/** What other projects say of a feature, as text. */
export function importedText(
  pages: readonly { readonly source: ImportSource; readonly page: ImportedFeature }[],
): string[] {
  const tokens = (list: ImportedFeature['top']) =>
    list
      .map(({ text, value }) => `${quoteToken(text)}${value === null ? '' : ` ${fixed(value, 2)}`}`)
      .join(', ');
  return pages.flatMap(({ source, page }) => {
    const figures = [
      page.density === null ? null : `fires on ${fixed(100 * page.density, 3)} % of tokens`,
      page.max === null ? null : `max ${fixed(page.max, 2)}`,
    ].filter((one) => one !== null);
    return [
      `from ${source.name} (${source.format})${figures.length > 0 ? `: ${figures.join(', ')}` : ''}`,
      ...page.labels.map(({ text, by }) => `label: ${text}${by ? ` (${by})` : ''}`),
      ...(page.top.length > 0 ? [`raises:     ${tokens(page.top)}`] : []),
      ...(page.bottom.length > 0 ? [`lowers:     ${tokens(page.bottom)}`] : []),
      ...page.groups.flatMap(({ name, low, high, examples }) => [
        name === 'top' || low === null || high === null
          ? name === 'top'
            ? 'top activations'
            : `interval ${name}`
          : `${fixed(low, 2)} to ${fixed(high, 2)}`,
        ...examples.map(({ tokens: texts, acts, at }) => {
          const shown = texts.map((text, i) => {
            const one = text.replaceAll('\n', '⏎');
            return acts[i] > 0 ? `«${one}»` : one;
          });
          return `  ${fixed(acts[at], 2).padStart(7)}  ${shown.join('')}`;
        }),
      ]),
    ];
  });
}

/** All imported features in a table. */
export function importedTable(sources: readonly ImportedFeatures[], most: number): string {
  const rows = sources.flatMap(({ source, features }) =>
    features.slice(0, most).map((one) => [
      one.feature,
      one.density === null ? '' : fixed(100 * one.density, 3),
      one.max === null ? '' : fixed(one.max, 2),
      one.top
        .slice(0, 4)
        .map(({ text }) => quoteToken(text))
        .join(' '),
      one.labels[0]?.text ?? '',
      source.name,
    ]),
  );
  return table(['feature', 'density %', 'max', 'raises', 'label', 'from'], rows);
}
