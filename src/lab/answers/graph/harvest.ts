import type { HarvestView } from '../../contract/graph.ts';
import type { Session } from '../session.ts';

/** What was collected over a corpus for a model's transcoders. */
export interface Harvest {
  density(layer: number, index: number): number | null;
  read(layer: number, index: number): Promise<HarvestView | null>;
}

/** The harvest in a model's folder, or null. */
export async function harvestOf(_session: Session): Promise<Harvest | null> {
  return null;
}
