import { computed, signal } from '@preact/signals';
import type {
  ActiveFeatureView,
  DictionaryListing,
  FeatureResponse,
  FeaturesRequest,
  FindFeaturesRequest,
  ImportedNameView,
  LabelView,
} from '../../../src/lab/api.ts';
import { post, resource } from '../../api.ts';
import { tokenText } from '../../components/token.tsx';
import { locale, t } from '../../i18n.ts';
import { frozen, locked } from '../../state/focus.ts';
import { modelName, preference } from '../../state/run.ts';
import { state } from '../../state/url.ts';
import { tokenLabels } from '../attention/labels.ts';
import {
  dictionaries,
  followingFiles,
  graphRequest,
  PATIENCE,
  traceable,
  wanted,
} from '../dictionaries.ts';
import { labelText, markedLabel } from '../labels.ts';

/** Rows that the table of active features holds, and those of a search. */
const ROWS = 4000;
const FOUND = 1000;

const listings = computed<readonly DictionaryListing[]>(
  () => dictionaries.data.value?.dictionaries ?? [],
);

/** Whose features fire on the prompt: the transcoders of the graph, or the autoencoders. */
export const kind = computed(() => {
  const autoencoders = listings.value.some((one) => one.kind === 'autoencoder');
  if (!traceable.value && autoencoders) return 'autoencoders';
  return autoencoders ? state.featureKind.value : 'set';
});

/** Dictionaries that the table can be narrowed to. */
export const narrowing = computed(() =>
  listings.value.filter((one) => {
    if (state.featureScope.value === 'all') return true;
    return kind.value === 'autoencoders'
      ? one.kind === 'autoencoder'
      : (dictionaries.data.value?.set?.names ?? []).includes(one.name);
  }),
);

/** Whether the list of some dictionary can be shown. */
export const present = computed(() =>
  traceable.value === undefined ? undefined : listings.value.length > 0,
);

/** Features that fire at the locked token, or anywhere. */
export const active = followingFiles(
  resource(
    () => {
      const { prompt, featureScope } = state;
      if (featureScope.value === 'all' || prompt.value === '' || !wanted.value) return undefined;
      const rest: Pick<FeaturesRequest, 'position' | 'limit'> = {
        position: locked.value.position,
        limit: ROWS,
      };
      if (kind.value === 'set') {
        const request = graphRequest.value;
        return request && post('/api/features', { ...request, ...rest });
      }
      const request = { model: modelName.value, prompt: prompt.value, ...preference.value };
      return post('/api/features', { ...request, of: 'autoencoders', ...rest });
    },
    { delay: PATIENCE, progress: true },
  ),
);

/** Features of whole dictionaries that fit the search. */
export const found = followingFiles(
  resource(
    () => {
      const { featureScope, label, dictionary, labelSource, foundSort } = state;
      if (featureScope.value !== 'all' || !wanted.value || present.value !== true) return undefined;
      const request: FindFeaturesRequest = {
        model: modelName.value,
        query: label.value.trim(),
        language: locale.value,
        dictionary: dictionary.value || undefined,
        source: labelSource.value,
        sort: foundSort.value,
        limit: FOUND,
      };
      return post('/api/find-features', request);
    },
    { delay: 200 },
  ),
);

/** What is shown of a group of rows: a token, or a feature with all tokens it fires at. */
export interface Row extends ActiveFeatureView {
  /** Tokens it fires at, of a row that stands for several. */
  readonly positions: readonly number[];
}

/** A row of the table: a feature, or the head of a group. */
export type Line = { readonly row: Row } | { readonly head: number; readonly count: number };

function fits(row: ActiveFeatureView): boolean {
  const { dictionary, labelSource, label } = state;
  if (dictionary.value !== '' && row.dictionary !== dictionary.value) return false;
  if (
    labelSource.value !== 'all' &&
    (row.label?.source ?? (row.imported ? 'imported' : 'none')) !== labelSource.value
  ) {
    return false;
  }
  const text = label.value.trim().toLowerCase();
  if (text === '') return true;
  const own = row.label === null ? (row.imported?.text ?? '') : labelText(row.label);
  const haystack = `${featureId(row)} ${own} ${tokens.value[row.position] ?? ''}`.toLowerCase();
  return text.split(/\s+/).every((word) => haystack.includes(word));
}

function compare(a: Row, b: Row): number {
  const sort = state.featureSort.value;
  const size = (row: Row) => {
    if (sort === 'effect') return Math.abs(row.effect ?? 0);
    if (sort === 'score') return row.label?.score ?? -1;
    return sort === 'token' || sort === 'label' ? 0 : (row[sort] ?? -1);
  };
  const byEffect = Math.abs(b.effect ?? 0) - Math.abs(a.effect ?? 0);
  if (sort === 'token') return a.position - b.position || byEffect;
  if (sort === 'label') {
    return featureName(a).localeCompare(featureName(b), locale.value) || byEffect;
  }
  return size(b) - size(a) || byEffect;
}

/** One row per feature that fires at several tokens: its largest activation, its effects summed. */
function merged(rows: readonly ActiveFeatureView[]): Row[] {
  const byFeature = new Map<string, ActiveFeatureView[]>();
  for (const row of rows) {
    const name = `${row.dictionary}:${row.index}`;
    byFeature.set(name, [...(byFeature.get(name) ?? []), row]);
  }
  return [...byFeature.values()].map((same) => {
    const most = same.reduce((a, b) => (b.activation > a.activation ? b : a));
    const sum = (of: (row: ActiveFeatureView) => number | null) =>
      same.some((row) => of(row) === null) ? null : same.reduce((s, row) => s + (of(row) ?? 0), 0);
    return {
      ...most,
      effect: sum(({ effect }) => effect),
      influence: sum(({ influence }) => influence),
      positions: same.map(({ position }) => position).sort((a, b) => a - b),
    };
  });
}

/** The features in the chosen order that fit the search. */
export const rows = computed<readonly Row[]>(() => {
  const fitting = (active.data.value?.features ?? []).filter(fits);
  const list =
    state.featureGroup.value === 'feature'
      ? merged(fitting)
      : fitting.map((row) => ({ ...row, positions: [row.position] }));
  return list.sort(compare);
});

/** The rows of the table, with a head before the features of each token where they are grouped so. */
export const lines = computed<readonly Line[]>(() => {
  if (state.featureGroup.value !== 'token') return rows.value.map((row) => ({ row }));
  const byToken = new Map<number, Row[]>();
  for (const row of rows.value) {
    byToken.set(row.position, [...(byToken.get(row.position) ?? []), row]);
  }
  return [...byToken]
    .sort(([a], [b]) => a - b)
    .flatMap(([head, list]): Line[] => [
      { head, count: list.length },
      ...list.map((row) => ({ row })),
    ]);
});

interface FeatureName {
  readonly dictionary: string;
  readonly layer: number | null;
  readonly index: number;
}

/** Whether the dictionary is the set's own of its layer: the layer names it then. */
function namedByLayer({ dictionary, layer }: FeatureName): boolean {
  const members = dictionaries.data.value?.set?.names ?? [];
  return layer !== null && members[layer] === dictionary;
}

/** A feature by its dictionary and number; the transcoder of a layer goes by the layer. */
export function featureId(feature: FeatureName): string {
  const { dictionary, layer, index } = feature;
  return namedByLayer(feature) ? `L${layer} #${index}` : `${dictionary} #${index}`;
}

/** A feature as the address names it. */
export function featureKey(feature: FeatureName): string {
  const { dictionary, layer, index } = feature;
  return namedByLayer(feature) ? `${layer}.${index}` : `${dictionary}:${index}`;
}

/**
 * The label of a feature where it reached the bar, else an imported one, else what it fires on, marked as not confirmed,
 * else its number.
 */
export function featureName(feature: {
  readonly dictionary: string;
  readonly layer: number | null;
  readonly index: number;
  readonly label: LabelView | null;
  readonly imported: ImportedNameView | null;
}): string {
  const { label, imported } = feature;
  if (label !== null && label.source !== 'weak') return labelText(label);
  if (imported !== null) return imported.text;
  return label === null ? featureId(feature) : markedLabel(label);
}

/** The whole label of a feature, with its source where another project gave it. */
export function featureTitle(feature: {
  readonly label: LabelView | null;
  readonly imported: ImportedNameView | null;
}): string | undefined {
  const { label, imported } = feature;
  if (label !== null) return markedLabel(label);
  return imported === null
    ? undefined
    : `${imported.text} · ${t().features.importedFrom(imported.source)}`;
}

export const tokens = computed(() => {
  const { value } = active.data;
  return value === undefined ? [] : tokenLabels(value, tokenText);
});

interface Chosen {
  readonly dictionary?: string;
  readonly layer?: number;
  readonly index: number;
}

/** The chosen feature, else the first of the table. */
export const chosenFeature = computed<Chosen | undefined>(() => {
  const name = state.feature.value;
  const cut = name.lastIndexOf(':');
  if (cut > 0) return { dictionary: name.slice(0, cut), index: Number(name.slice(cut + 1)) };
  const [layer, index] = name.split('.').map(Number);
  // By its name where that is known: code and commands go by names.
  const set = dictionaries.data.value?.set;
  const dictionary = set?.kind === 'per-layer' ? set.names[layer] : undefined;
  if (name !== '') return { ...(dictionary === undefined ? { layer } : { dictionary }), index };
  const first = state.featureScope.value === 'all' ? found.data.value?.features[0] : rows.value[0];
  return first && { dictionary: first.dictionary, index: first.index };
});

/** Whether a feature is the chosen one. */
export function isChosen(feature: {
  readonly dictionary: string;
  readonly layer: number | null;
  readonly index: number;
}): boolean {
  const chosen = chosenFeature.value;
  if (chosen?.index !== feature.index) return false;
  if (chosen.dictionary !== undefined) return chosen.dictionary === feature.dictionary;
  return featureKey(feature) === `${chosen.layer}.${chosen.index}`;
}

/** What the feature is, with its activations on the prompt. */
export const detail = followingFiles(
  resource<FeatureResponse>(
    () => {
      const feature = chosenFeature.value;
      const prompt = state.prompt.value;
      if (present.value !== true || !wanted.value || feature === undefined) return undefined;
      return post('/api/feature', {
        model: modelName.value,
        ...feature,
        prompt: prompt || undefined,
      });
    },
    { delay: 80 },
  ),
);

/** The feature whose row the pointer or the keyboard has come to; null for none. */
const previewed = signal<FeatureName | null>(null);

/** Milliseconds that the pointer rests on a row before its card is asked for. */
const REST = 120;
let resting: ReturnType<typeof setTimeout> | undefined;

/** Shows the card of a row that is pointed at; null shows that of the chosen feature again. */
export function previewFeature(feature: FeatureName | null): void {
  clearTimeout(resting);
  if (frozen.peek()) return;
  resting = setTimeout(() => {
    if (!frozen.peek()) previewed.value = feature;
  }, REST);
}

/** What the feature under the pointer is. No part of what the panel waits for: the list must not dim. */
const previewDetail = resource<FeatureResponse>(() => {
  const feature = previewed.value;
  if (present.value !== true || feature === null || isChosen(feature)) return undefined;
  const { dictionary, index } = feature;
  const prompt = state.prompt.value || undefined;
  return post('/api/feature', { model: modelName.value, dictionary, index, prompt });
});

/** What the card shows: the feature under the pointer, else the chosen one. */
export const shownDetail = computed(() => previewDetail.data.value ?? detail.data.value);

/** Its activations on the reader's own text. */
export const ownDetail = resource<FeatureResponse>(
  () => {
    const feature = chosenFeature.value;
    const prompt = state.ownText.value;
    if (present.value !== true || feature === undefined || prompt === '') return undefined;
    return post('/api/feature', { model: modelName.value, ...feature, prompt });
  },
  { delay: 300 },
);
