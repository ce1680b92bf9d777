import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { dictionaryHash, INDEX } from '../../../microscope/dictionary/harvest/harvest.ts';
import { type FeatureStore, openHarvest } from '../../../microscope/dictionary/harvest/store.ts';
import type { Histogram } from '../../../microscope/dictionary/harvest/types.ts';
import type { Model } from '../../../model/index.ts';
import type { HarvestView, HistogramView } from '../../contract/graph.ts';
import { choice, type Session } from '../session.ts';
import { folderOfLayer, setOf } from './dictionaries.ts';

interface Opened {
  readonly store: FeatureStore;
  /** By feature. */
  readonly densities: readonly number[];
}

const stores = new WeakMap<Model, Map<number, Opened>>();

/** The harvest of a layer's transcoder, where there is one that was made from this very dictionary. */
async function openLayer(session: Session, layer: number): Promise<Opened | null> {
  const kept = stores.get(session.model) ?? new Map<number, Opened>();
  stores.set(session.model, kept);
  const known = kept.get(layer);
  if (known) return known;
  const folder = await folderOfLayer(session, layer);
  if (folder === null || !existsSync(join(folder, 'harvest', INDEX))) return null;
  const store = await openHarvest(join(folder, 'harvest'));
  const { dictionaries } = await setOf(session);
  if (store.info.dictionary !== dictionaryHash(dictionaries[layer])) {
    await store.close();
    return null;
  }
  const opened = { store, densities: store.list().map(({ density }) => density) };
  kept.set(layer, opened);
  return opened;
}

/** How often features fire, by layer and index; null where nothing was harvested. */
export async function densitiesOf(
  session: Session,
): Promise<(layer: number, index: number) => number | null> {
  const layers = session.model.config.nLayers;
  const opened = await Promise.all(
    Array.from({ length: layers }, (_, layer) => openLayer(session, layer)),
  );
  return (layer, index) => opened[layer]?.densities[index] ?? null;
}

function binned({ low, high, counts }: Histogram): HistogramView {
  const step = (high - low) / counts.length;
  return { edges: Array.from({ length: counts.length + 1 }, (_, i) => low + i * step), counts };
}

/** What was collected of one feature, or null. */
export async function harvestOf(
  session: Session,
  { layer, index }: { readonly layer: number; readonly index: number },
): Promise<HarvestView | null> {
  const opened = await openLayer(session, layer);
  if (!opened) return null;
  const { counted, density, max, activations, correlated, groups } = await opened.store.page(
    index,
    { before: 8, after: 6 },
  );
  return {
    tokens: counted,
    density,
    max,
    histogram: density > 0 ? binned(activations) : null,
    correlated: correlated.map(({ feature, value }) => ({ index: feature, correlation: value })),
    groups: groups.map(({ name, low, high, share, examples }) => ({
      name,
      low,
      high,
      share,
      examples: examples.map(({ tokens, acts }) => ({
        tokens: tokens.map((id) => choice(session, id).text),
        activations: acts,
      })),
    })),
  };
}
