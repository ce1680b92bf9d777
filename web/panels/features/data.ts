import { computed } from '@preact/signals';
import type { ActiveFeatureView, FeatureResponse } from '../../../src/lab/api.ts';
import { post, resource } from '../../api.ts';
import { tokenText } from '../../components/token.tsx';
import { locked } from '../../state/focus.ts';
import { modelName } from '../../state/run.ts';
import { state } from '../../state/url.ts';
import { tokenLabels } from '../attention/labels.ts';
import { graphRequest, PATIENCE, traceable, wanted } from '../dictionaries.ts';

/** Rows that the table shows. */
export const ROWS = 200;

/** Features that fire at the locked token, or anywhere. */
export const active = resource(
  () => {
    const request = graphRequest.value;
    if (request === undefined) return undefined;
    return post('/api/features', { ...request, position: locked.value.position, limit: ROWS });
  },
  { delay: PATIENCE, progress: true },
);

/** The rows in the chosen order that fit the search. */
export const rows = computed<readonly ActiveFeatureView[]>(() => {
  const { value } = active.data;
  if (value === undefined) return [];
  const sort = state.featureSort.value;
  const text = state.label.value.trim().toLowerCase();
  const size = (row: ActiveFeatureView) =>
    sort === 'effect' ? Math.abs(row.effect) : (row[sort] ?? -1);
  return value.features
    .filter(
      (row) => text === '' || `${featureId(row)} ${row.label ?? ''}`.toLowerCase().includes(text),
    )
    .sort((a, b) => size(b) - size(a));
});

/** A feature by its layer and number. */
export function featureId(row: { readonly layer: number; readonly index: number }): string {
  return `L${row.layer} #${row.index}`;
}

/** The label of a feature where it reached the bar, else its number. */
export function featureName(row: {
  readonly layer: number;
  readonly index: number;
  readonly label: string | null;
  readonly weak: boolean;
}): string {
  return row.label === null || row.weak ? featureId(row) : row.label;
}

export const tokens = computed(() => {
  const { value } = active.data;
  return value === undefined ? [] : tokenLabels(value, tokenText);
});

/** The chosen feature, else the first of the table. */
export const chosenFeature = computed(() => {
  const [layer, index] = state.feature.value.split('.').map(Number);
  if (state.feature.value !== '') return { layer, index };
  const first = rows.value[0];
  return first === undefined ? undefined : { layer: first.layer, index: first.index };
});

/** What the feature is, with its activations on the prompt. */
export const detail = resource<FeatureResponse>(
  () => {
    const feature = chosenFeature.value;
    const prompt = state.prompt.value;
    if (traceable.value !== true || !wanted.value || feature === undefined) return undefined;
    return post('/api/feature', {
      model: modelName.value,
      ...feature,
      prompt: prompt || undefined,
    });
  },
  { delay: 120 },
);

/** Its activations on the reader's own text. */
export const ownDetail = resource<FeatureResponse>(
  () => {
    const feature = chosenFeature.value;
    const prompt = state.ownText.value;
    if (traceable.value !== true || feature === undefined || prompt === '') return undefined;
    return post('/api/feature', { model: modelName.value, ...feature, prompt });
  },
  { delay: 300 },
);
