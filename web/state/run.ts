import { computed } from '@preact/signals';
import type { AnalyseRequest } from '../../src/lab/api.ts';
import { get, post, resource } from '../api.ts';
import { state } from './url.ts';

/** The model as requests name it: undefined for the default one. */
export const modelName = computed(() => state.model.value || undefined);

/** The models that the lab can reach. */
export const models = resource(() => get('/api/models'));

/** What the chosen model is. */
export const modelInfo = resource(() => get('/api/model', state.model.value));

/** Ready states of the chosen model; none where nothing is known about it. */
export const examples = resource(() => get('/api/examples', state.model.value));

/** Target and distractor as requests carry them. */
export const preference = computed<Pick<AnalyseRequest, 'target' | 'distractor'>>(() => ({
  target: state.target.value || undefined,
  distractor: (state.target.value && state.distractor.value) || undefined,
}));

/** Tokens, losses and predictions of the prompt (and of the second one): most panels start from these. */
export const analysis = resource(() => {
  const { prompt, promptB, k } = state;
  if (prompt.value === '') return undefined;
  return post('/api/analyse', {
    model: modelName.value,
    prompt: prompt.value,
    promptB: promptB.value || undefined,
    topK: Math.max(10, k.value),
    ...preference.value,
  });
});
