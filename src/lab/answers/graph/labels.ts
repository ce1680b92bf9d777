import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { dictionaryHash } from '../../../microscope/dictionary/harvest/harvest.ts';
import type { ImportedName } from '../../../microscope/dictionary/imported/labels.ts';
import { reaches } from '../../../microscope/dictionary/labels/detect.ts';
import { labelsByFeature, shownLabel } from '../../../microscope/dictionary/labels/show.ts';
import { readLabels } from '../../../microscope/dictionary/labels/store.ts';
import type {
  FeatureLabels,
  LabelledFeature,
  ShownLabel,
} from '../../../microscope/dictionary/labels/types.ts';
import { raisedName, unscoredName } from '../../../microscope/graph/format/unscored-label.ts';
import type { LabelView } from '../../contract/graph.ts';
import type { Session } from '../session.ts';
import { type NamedDictionary, openDictionary, setMembers } from './dictionaries.ts';
import { openedHarvest } from './harvest.ts';
import { importedNamesOf } from './imported.ts';

/** The labels of one dictionary. */
export interface LabelBook {
  readonly labels: FeatureLabels;
  readonly byFeature: ReadonlyMap<number, LabelledFeature>;
  /** The label that a feature is shown with. */
  label(feature: number): LabelView | null;
  /** Whatever else was found for it, best score first. */
  others(feature: number): LabelView[];
}

function view(shown: ShownLabel, found: LabelledFeature | undefined): LabelView {
  const { label, how, source, concept, score, low, high, largest, n } = shown;
  const detected = source === 'concept' ? found?.concept : found?.tokens;
  const { precision, recall } = (source !== 'explanation' && detected) || {};
  const figures = { score, low, high, n, largest, precision, recall };
  return { text: label, concept, method: how, source, ...figures };
}

function book(labels: FeatureLabels): LabelBook {
  const byFeature = new Map(labels.labelled.map((one) => [one.feature, one]));
  const shown = labelsByFeature(labels);
  const label = (feature: number): LabelView | null => {
    const one = shown(feature);
    return one && view(one, byFeature.get(feature));
  };
  return {
    labels,
    byFeature,
    label,
    others(feature) {
      const found = byFeature.get(feature);
      if (!found) return [];
      const own = label(feature);
      // Each kind of label, as if the others had not been found.
      const alone: LabelledFeature[] = [
        { ...found, source: 'concept', tokens: null },
        { ...found, source: reaches(found.tokens, labels) ? 'tokens' : 'weak' },
      ];
      return alone
        .flatMap((one) => shownLabel(labels, one) ?? [])
        .map((one) => view(one, found))
        .filter(({ source, text }) => source !== own?.source && text !== own?.text)
        .sort((a, b) => b.score - a.score);
    },
  };
}

const books = new Map<
  string,
  { readonly time: number; readonly found: Promise<LabelBook | null> }
>();

async function read(folder: string): Promise<LabelBook | null> {
  const labels = await readLabels(folder);
  if (labels?.dictionary !== dictionaryHash(await openDictionary(folder))) return null;
  return book(labels);
}

/** The labels of a dictionary, where there are some that were made for this very dictionary. */
export async function labelBook({ folder }: NamedDictionary): Promise<LabelBook | null> {
  const path = join(folder, 'labels.json');
  if (!existsSync(path)) return null;
  const { mtimeMs: time } = await stat(path);
  const known = books.get(folder);
  if (known?.time === time) return known.found;
  const found = read(folder);
  books.set(folder, { time, found });
  found.catch(() => books.delete(folder));
  return found;
}

/** What a node of a graph is called. */
export interface NodeName {
  readonly label: string;
  /** Id of the planted concept, for its words in other languages. */
  readonly concept?: string;
  /** Who calls it so, where that is another project: the name has no score here. */
  readonly labelFrom?: string;
  /** No label reached the bars; the name says what it fires on or raises, and begins with a mark. */
  readonly unscored?: true;
}

/**
 * A label that reached the bar, else what another project calls the feature, else the label below the bar, else the token
 * it raises most, else none.
 */
function nodeName(
  label: LabelView | null,
  imported: ImportedName | null,
  raised: string | null,
): NodeName | null {
  if (label && label.source !== 'weak') {
    return { label: label.text, ...(label.concept !== null && { concept: label.concept }) };
  }
  if (imported) return { label: imported.text, labelFrom: imported.source };
  if (label) return { label: unscoredName(label.text), unscored: true };
  return raised === null ? null : { label: raisedName(raised), unscored: true };
}

/** Names of the features of the transcoders that graphs are traced with. */
export async function namesOf(
  session: Session,
): Promise<(layer: number, index: number) => NodeName | null> {
  const members = await setMembers(session);
  const books = await Promise.all(members.map(labelBook));
  const imported = await Promise.all(members.map(importedNamesOf));
  const harvests = await Promise.all(members.map(openedHarvest));
  const { tokenizer } = session.model;
  return (layer, index) => {
    const top = harvests[layer]?.list[index]?.top[0];
    const raised = top === undefined ? null : (tokenizer?.tokenStrings([top])[0]?.text ?? null);
    const label = books[layer]?.label(index) ?? null;
    return nodeName(label, imported[layer]?.(index) ?? null, raised);
  };
}
