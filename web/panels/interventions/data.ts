import { computed } from '@preact/signals';
import { type Call, post, resource } from '../../api.ts';
import { tokenText } from '../../components/token.tsx';
import type { StackedEdit } from '../../state/edits.ts';
import { locked } from '../../state/focus.ts';
import { analysis, modelInfo, modelName } from '../../state/run.ts';
import { setState, state } from '../../state/url.ts';
import { ordered } from '../attention/data.ts';
import { tokenLabels } from '../attention/labels.ts';
import { featureInUse } from '../dictionaries.ts';
import { followed } from '../followed.ts';
import { activeEdits, activeIndex, strengthKind, sweepStrengths } from './edits.ts';
import { presets } from './presets.ts';

/** Guesses asked for per position: enough that an answer of one run is usually among the other's. */
const GUESSES = 20;

/** The edits that are applied. */
export const active = computed(() => activeEdits(state.edits.value));

/** Puts another stack into the address. */
export function setEdits(edits: readonly StackedEdit[]): void {
  setState({ edits });
}

/** A call that stands until the analysis, which it depends on, is new again. */
function settled<T>(ask: () => Call<T> | undefined): () => Call<T> | undefined {
  let last: Call<T> | undefined;
  return () => {
    const next = ask();
    if (next === undefined || !analysis.busy.value) last = next;
    return last;
  };
}

/** The prompt without and with the edits. */
export const compared = resource(
  settled(() => {
    const { prompt } = state;
    const edits = active.value;
    const direction = followed.value;
    if (prompt.value === '' || edits.length === 0 || direction === undefined) return undefined;
    return post('/api/interventions', {
      model: modelName.value,
      prompt: prompt.value,
      edits,
      topK: GUESSES,
      ...direction,
    });
  }),
);

/** The sweep in the address, as far as the stack still has its edit. */
export const sweep = computed(() => {
  const settings = state.sweep.value;
  if (settings === null) return undefined;
  const edit = state.edits.value[settings.edit];
  const index = activeIndex(state.edits.value, settings.edit);
  const kind = edit === undefined ? null : strengthKind(edit.op);
  if (edit === undefined || index === undefined || kind === null) return undefined;
  return { settings, edit, index, kind };
});

/** The answer at every strength, beside random directions. */
export const dose = resource(
  settled(() => {
    const direction = followed.value;
    const chosen = sweep.value;
    if (state.prompt.value === '' || direction?.target === undefined || chosen === undefined) {
      return undefined;
    }
    return post('/api/dose', {
      model: modelName.value,
      prompt: state.prompt.value,
      edits: active.value,
      edit: chosen.index,
      strengths: sweepStrengths(chosen.settings),
      baselines: chosen.settings.baselines,
      target: direction.target,
      distractor: direction.distractor,
    });
  }),
  { progress: true, delay: 80 },
);

/** One label per token of the prompt. */
export const promptLabels = computed(() => {
  const analysed = analysis.data.value?.prompt;
  return analysed === undefined ? [] : tokenLabels(analysed, tokenText);
});

/** Prompt B where it has as many tokens as the prompt, so that it can be patched from. */
export const patchSource = computed(() => {
  const { prompt, promptB } = analysis.data.value ?? {};
  return promptB && prompt?.tokens.length === promptB.tokens.length ? state.promptB.value : '';
});

/** What a new edit starts from. */
export const editContext = computed(() => ({
  ...followed.value,
  promptB: patchSource.value || state.prompt.value,
  feature: featureInUse.value,
}));

/** Edits worth trying from where the reader is. */
export const suggestions = computed(() => {
  const info = modelInfo.data.value;
  const analysed = analysis.data.value;
  if (info === undefined || analysed === undefined) return [];
  const { head, layer, position } = locked.value;
  const strongest = ordered.value[0];
  const { promptB } = analysed;
  const firstDifference = analysed.prompt.tokens.findIndex(
    ({ id }, i) => id !== promptB?.tokens[i]?.id,
  );
  return presets({
    layers: info.layers,
    tokens: analysed.prompt.tokens.length,
    head: head ?? strongest,
    // Row 0 of the lens is the stream before the first block, row l + 1 the one after block l.
    layer: layer === undefined ? undefined : Math.max(0, layer - 1),
    position,
    ...followed.value,
    promptB: patchSource.value,
    firstDifference: firstDifference < 0 ? undefined : firstDifference,
  });
});
