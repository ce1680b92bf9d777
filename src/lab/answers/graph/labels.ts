import type { LabelView } from '../../contract/graph.ts';
import type { Session } from '../session.ts';

/** The label of a feature, where its dictionary has labels. */
export type LabelLookup = (layer: number, index: number) => LabelView | null;

/** Labels of the features of a model's transcoders. */
export async function labelsOf(_session: Session): Promise<LabelLookup> {
  return () => null;
}
