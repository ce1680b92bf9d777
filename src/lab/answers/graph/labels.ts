import { join } from 'node:path';
import { featureLabels, type LabelLookup } from '../../../microscope/dictionary/labels/show.ts';
import type { Model } from '../../../model/index.ts';
import type { LabelView } from '../../contract/graph.ts';
import type { Session } from '../session.ts';
import { FOLDER, setOf } from './dictionaries.ts';

const lookups = new WeakMap<Model, Promise<LabelLookup>>();

/** The label that a node of a graph carries: one that reached the bar, else none. */
export function standing(label: LabelView | null): string | null {
  return label === null || label.source === 'weak' ? null : label.text;
}

/** Labels of the features of a model's transcoders, read once. */
export async function labelsOf(
  session: Session,
): Promise<(layer: number, index: number) => LabelView | null> {
  const { model, folder } = session;
  let lookup = lookups.get(model);
  if (!lookup) {
    const { dictionaries } = await setOf(session);
    lookup = featureLabels(join(folder, FOLDER), { dictionaries });
    lookup.catch(() => lookups.delete(model));
    lookups.set(model, lookup);
  }
  const found = await lookup;
  return (layer, index) => {
    const shown = found(layer, index);
    if (!shown) return null;
    const { label, how, source, score, low, high, n } = shown;
    return { text: label, method: how, source, score, low, high, n };
  };
}
