import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type DensityShape, densityShape } from '../../../microscope/dictionary/compare/index.ts';
import { dictionaryHash, INDEX } from '../../../microscope/dictionary/harvest/harvest.ts';
import {
  type FeatureStore,
  type FeatureSummary,
  openHarvest,
} from '../../../microscope/dictionary/harvest/store.ts';
import type { FeaturePage, Histogram } from '../../../microscope/dictionary/harvest/types.ts';
import type { HarvestView, HistogramView } from '../../contract/graph.ts';
import { choice, type Session } from '../session.ts';
import { type NamedDictionary, openDictionary, setMembers } from './dictionaries.ts';

/** A harvest that is open, with what its features have in common. */
export interface OpenedHarvest {
  readonly store: FeatureStore;
  readonly list: readonly FeatureSummary[];
  readonly density: DensityShape;
}

const harvests = new Map<
  string,
  { readonly time: number; readonly found: Promise<OpenedHarvest | null> }
>();

async function open(folder: string): Promise<OpenedHarvest | null> {
  const store = await openHarvest(join(folder, 'harvest'));
  if (store.info.dictionary !== dictionaryHash(await openDictionary(folder))) {
    await store.close();
    return null;
  }
  const list = store.list();
  const densities = list.map(({ density }) => density);
  return { store, list, density: densityShape(densities, store.info.counted) };
}

/** The harvest of a dictionary, where there is one that was made from this very dictionary. */
export async function openedHarvest({ folder }: NamedDictionary): Promise<OpenedHarvest | null> {
  const index = join(folder, 'harvest', INDEX);
  if (!existsSync(index)) return null;
  const { mtimeMs: time } = await stat(index);
  const known = harvests.get(folder);
  if (known?.time === time) return known.found;
  const found = open(folder);
  harvests.set(folder, { time, found });
  found.catch(() => harvests.delete(folder));
  // Nobody reads the former one: questions are answered one at a time.
  known?.found.then((former) => former?.store.close()).catch(() => undefined);
  return found;
}

/** How often features of the transcoders fire, by layer and index; null where nothing was harvested. */
export async function densitiesOf(
  session: Session,
): Promise<(layer: number, index: number) => number | null> {
  const opened = await Promise.all((await setMembers(session)).map(openedHarvest));
  return (layer, index) => opened[layer]?.list[index]?.density ?? null;
}

export function binned({ low, high, counts }: Histogram): HistogramView {
  const step = (high - low) / counts.length;
  return { edges: Array.from({ length: counts.length + 1 }, (_, i) => low + i * step), counts };
}

/** Tokens shown around the one that an example is about. */
const AROUND = { before: 8, after: 6 } as const;

/** What was collected of one feature. */
export function harvestView(
  session: Session,
  { store, density: all }: OpenedHarvest,
  page: FeaturePage,
): HarvestView {
  const { counted, density, fired, max, mean, activations, groups } = page;
  return {
    corpus: store.info.corpus,
    tokens: counted,
    fired,
    density,
    max,
    mean,
    histogram: density > 0 ? binned(activations) : null,
    densities: { edges: all.edges, counts: all.counts },
    silent: all.silent,
    groups: groups.map(({ name, low, high, share, examples }) => ({
      name,
      low,
      high,
      share,
      examples: examples.map(({ row, start, tokens, acts, at }) => ({
        row,
        start,
        at,
        tokens: tokens.map((id) => choice(session, id).text),
        activations: acts,
      })),
    })),
  };
}

/** The page of a feature, or null where nothing was harvested. */
export async function featurePage(
  harvest: OpenedHarvest | null,
  index: number,
): Promise<FeaturePage | null> {
  return harvest && (await harvest.store.page(index, AROUND));
}
