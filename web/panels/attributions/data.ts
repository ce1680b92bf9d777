import { computed } from '@preact/signals';
import type { AttributeRequest, AttributeResponse } from '../../../src/lab/api.ts';
import { post, resource } from '../../api.ts';
import { analysis, modelName } from '../../state/run.ts';
import { state } from '../../state/url.ts';
import { PATIENCE } from '../dictionaries.ts';
import { followed } from '../followed.ts';
import { isTwoPeople, swapNames } from '../two-people.ts';

const request = computed<AttributeRequest | undefined>(() => {
  const direction = followed.value;
  const prompt = state.prompt.value;
  if (state.attributions.value === 'no' || prompt === '' || direction === undefined) {
    return undefined;
  }
  const wordings = state.paraphrases.value.filter((text) => text.trim() !== '');
  return {
    model: modelName.value,
    prompt,
    ...direction,
    paraphrases: wordings.length > 0 ? wordings : undefined,
  };
});

/** The answer shared out over tokens: some thousand runs, so only when asked for. */
export const attributed = resource<AttributeResponse>(
  () => (request.value === undefined ? undefined : post('/api/attribute', request.value)),
  { delay: PATIENCE, progress: true },
);

/** A wording that keeps the answer, where the prompt is about two people; null for none. */
export const swapped = computed<string | null>(() => {
  const prompt = analysis.data.value?.prompt;
  const answer = prompt?.answer;
  if (prompt === undefined || answer?.distractor == null) return null;
  const ids = { target: answer.target.id, distractor: answer.distractor.id };
  const tokens = prompt.tokens.map(({ id }) => id);
  if (!isTwoPeople(tokens, ids)) return null;
  const texts = { target: answer.target.text, distractor: answer.distractor.text };
  return swapNames(state.prompt.value, texts);
});
