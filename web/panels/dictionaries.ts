import { computed, effect, signal, untracked } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { TraceRequest } from '../../src/lab/api.ts';
import { askLostAgain, post, type Resource, resource } from '../api.ts';
import { modelName, models, preference } from '../state/run.ts';
import { state } from '../state/url.ts';

/** The dictionaries that lie beside the model. */
export const dictionaries = resource(() => post('/api/dictionaries', { model: modelName.value }));

/** Asks once more when the files beside the model have changed: a label, a harvest, an import, another dictionary. */
export function followingFiles<R extends Resource<unknown>>(answer: R): R {
  let last: string | undefined;
  effect(() => {
    const files = dictionaries.data.value?.files;
    const changed = last !== undefined && files !== undefined && files !== last;
    last = files ?? last;
    if (changed) untracked(() => answer.data.value === undefined || answer.retry());
  });
  return answer;
}

/** Whoever comes back to the page may have trained, labelled or imported something in the terminal. */
window.addEventListener('focus', () => {
  askLostAgain();
  dictionaries.retry();
  models.retry();
});

/** Whether graphs can be traced: undefined until it is known. */
export const traceable = computed(() => {
  const { value } = dictionaries.data;
  // The former model's answer stays until the new one has come, and says nothing about it.
  const asked = dictionaries.answered.value as { readonly model?: string } | undefined;
  if (value === undefined || asked?.model !== modelName.value) return undefined;
  return value.set !== null;
});

/** The chosen feature as edits name it, `dictionary:index`; the first one where none is chosen. */
export const featureInUse = computed(() => {
  const name = state.feature.value;
  if (name.includes(':')) return name;
  const [layer = '0', index = '0'] = name === '' ? [] : name.split('.');
  const { value } = dictionaries.data;
  const first = value?.set?.names[Number(layer)] ?? value?.dictionaries[0]?.name ?? 'dictionary';
  return `${first}:${index}`;
});

/** Whether a panel about features has come into sight: a trace takes seconds, and nobody may want it. */
export const wanted = signal(false);

/** The question that all answers about the prompt's graph share; undefined while there is none to ask. */
export const graphRequest = computed<TraceRequest | undefined>(() => {
  const prompt = state.prompt.value;
  if (!wanted.value || traceable.value !== true || prompt === '') return undefined;
  return { model: modelName.value, prompt, ...preference.value };
});

/**
 * Milliseconds before a graph is asked for. A model answers one question at a time: the quick ones of the other
 * panels go first, and typing or leafing through examples starts no trace.
 */
export const PATIENCE = 500;

/** Tells {@link wanted} once the element that takes the reference comes near the window. */
export function useSight() {
  return useNear(() => {
    wanted.value = true;
  }, [traceable.value]);
}

/** Calls back once the element that takes the reference comes near the window. */
export function useNear(tell: () => void, changes: readonly unknown[]) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const observer = new IntersectionObserver(
      (entries) => {
        if (entries.some(({ isIntersecting }) => isIntersecting)) tell();
      },
      { rootMargin: '200px' },
    );
    observer.observe(element);
    return () => observer.disconnect();
  }, changes);
  return box;
}
