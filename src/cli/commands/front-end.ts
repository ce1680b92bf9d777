import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { GlassboxError } from '../../base/error.ts';
import { writeFileAtomic } from '../../base/files.ts';
import {
  type Dictionary,
  dictionaryHash,
  type FeatureStore,
  findDictionaries,
  openHarvest,
  toFeatureJson,
} from '../../microscope/dictionary/index.ts';
import { cantorPair, type GraphFile, readGraph } from '../../microscope/graph/index.ts';
import type { Model } from '../../model/index.ts';
import type { Context } from '../context.ts';
import { tokenText } from '../model.ts';

/** Where front ends look for features: below the data that circuit-tracer's server serves. */
const FEATURES = './data/features';

const metadataSchema = z.object({ graphs: z.array(z.looseObject({ slug: z.string() })) });

/** The harvests of dictionaries below a folder, one per dictionary in use; null where there is none. */
async function harvestsOf(
  folder: string,
  dictionaries: readonly Dictionary[],
): Promise<(FeatureStore | null)[]> {
  const found = new Map<string, FeatureStore>();
  for (const path of await findDictionaries(folder)) {
    const harvest = join(path, 'harvest');
    if (!existsSync(join(harvest, 'index.json'))) continue;
    const store = await openHarvest(harvest);
    if (found.has(store.info.dictionary)) await store.close();
    else found.set(store.info.dictionary, store);
  }
  const used = dictionaries.map((one) => found.get(dictionaryHash(one)) ?? null);
  for (const store of found.values()) if (!used.includes(store)) await store.close();
  return used;
}

function listedGraphs(text: string, path: string) {
  try {
    return metadataSchema.parse(JSON.parse(text)).graphs;
  } catch (cause) {
    throw new GlassboxError(`${path} is no list of graphs`, {
      code: 'bad-graph-list',
      remedy: 'Give another folder, or move that file away: it is written anew.',
      details: { path },
      cause,
    });
  }
}

/** Adds a graph to the list that front ends show, in place of an older one of its name. */
async function listGraph(folder: string, metadata: GraphFile['metadata']): Promise<void> {
  const path = join(folder, 'graph-metadata.json');
  const text = await readFile(path, 'utf8').catch(() => '{"graphs":[]}');
  const others = listedGraphs(text, path).filter(({ slug }) => slug !== metadata.slug);
  await writeFileAtomic(path, `${JSON.stringify({ graphs: [...others, metadata] }, null, 2)}\n`);
}

/**
 * Writes a folder that `circuit-tracer start-server --graph_file_dir` and Anthropic's front end show: the graph, its entry in the list
 * of graphs, and what every feature is about, out of the dictionaries' harvests.
 *
 * @returns features written, and those without a harvest
 */
export async function writeFrontEnd(
  context: Context,
  folder: string,
  parts: {
    readonly file: GraphFile;
    readonly model: Model;
    /** The folder that the dictionaries lie in. */
    readonly source: string;
    readonly dictionaries: readonly Dictionary[];
  },
): Promise<{ readonly features: number; readonly without: number }> {
  const { file, model, source, dictionaries } = parts;
  await mkdir(join(folder, 'features'), { recursive: true });
  const wanted = new Map<number, readonly [layer: number, index: number]>();
  for (const { kind, layer, index } of readGraph(file).nodes) {
    if (kind === 'feature') wanted.set(cantorPair(layer, index), [layer, index]);
  }
  const stores = await harvestsOf(source, dictionaries);
  let features = 0;
  try {
    for (const [number, [layer, index]] of wanted) {
      context.signal.throwIfAborted();
      const page = await stores[layer]?.page(index, { quantiles: 5 });
      if (!page) continue;
      const json = toFeatureJson(page, {
        transcoderId: `${model.name}-${layer}`,
        tokenText: (id) => tokenText(model, id),
      });
      await writeFileAtomic(join(folder, 'features', `${number}.json`), JSON.stringify(json));
      features++;
      context.progress({ label: 'features', done: features, total: wanted.size, unit: 'features' });
    }
  } finally {
    for (const store of stores) await store?.close();
  }
  const metadata = { ...file.metadata, scan: FEATURES };
  await writeFileAtomic(
    join(folder, `${metadata.slug}.json`),
    `${JSON.stringify({ ...file, metadata })}\n`,
  );
  await listGraph(folder, metadata);
  return { features, without: wanted.size - features };
}
