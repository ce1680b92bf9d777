import { computed } from '@preact/signals';
import type { AnalyseRequest } from '../../src/lab/api.ts';
import { analysis, modelName, preference } from '../state/run.ts';

/**
 * The direction that effects and metrics are measured along: the target and distractor that were
 * chosen, else the model's own likeliest answer, which is known once the prompt has been analysed.
 */
export const followed = computed<Pick<AnalyseRequest, 'target' | 'distractor'> | undefined>(() => {
  if (preference.value.target !== undefined) return preference.value;
  // While another model's first answer is under way, the old model's token means nothing to it.
  const asked = analysis.answered.value as AnalyseRequest | undefined;
  if (asked?.model !== modelName.value) return undefined;
  const likeliest = analysis.data.value?.prompt.next.at(-1)?.[0];
  if (likeliest === undefined) return undefined;
  return { target: likeliest.id, distractor: undefined };
});
