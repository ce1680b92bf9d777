import { computed, type ReadonlySignal, signal } from '@preact/signals';
import { changeTexts, formatFragment, parseFragment, readField, STATE_KEYS } from './codec.ts';
import type { State, StateKey } from './fields.ts';

/**
 * The fragment of the address is the only copy of the page's state; every signal below is derived from
 * it. It is the fragment and not the query so that prompts stay out of server logs and have no
 * length limit.
 */
const fragment = signal(location.hash);
const texts = computed(() => parseFragment(fragment.value));

/** Follows the address. Its events come a little after it has changed, so what writes it reads it first. */
export function readAddress(): void {
  fragment.value = location.hash;
}

window.addEventListener('hashchange', readAddress);
window.addEventListener('popstate', readAddress);

function derive<K extends StateKey>(key: K): ReadonlySignal<State[K]> {
  // Two steps, so that a change of another field does not make a new object of this one.
  const text = computed(() => texts.value.get(key));
  return computed(() => readField(key, text.value));
}

/** Each part of the state as a signal. Read `state.prompt.value` in a view and it follows the address. */
export const state = Object.fromEntries(STATE_KEYS.map((key) => [key, derive(key)])) as {
  readonly [K in StateKey]: ReadonlySignal<State[K]>;
};

/**
 * Changes the state by changing the address. `push` makes a step that the back button undoes: for
 * what a person chose. `replace` is for what moves continuously (typing, dragging).
 */
export function setState(
  change: Partial<State>,
  options: { readonly history?: 'push' | 'replace' } = {},
): void {
  const next = `#${formatFragment(changeTexts(texts.value, change))}`;
  if (next === `#${formatFragment(texts.value)}`) return;
  if (options.history === 'replace') history.replaceState(null, '', next);
  else history.pushState(null, '', next);
  fragment.value = next;
}

/** Opens a state as given, keeping only what belongs to the reader: model, language and theme. */
export function openState(given: Partial<State>): void {
  const { model, lang, theme } = state;
  const kept = { model: model.value, lang: lang.value, theme: theme.value };
  const next = `#${formatFragment(changeTexts(new Map(), { ...kept, ...given }))}`;
  history.pushState(null, '', next);
  fragment.value = next;
}

/** The full address of the state with a change applied. */
export function linkTo(change: Partial<State> = {}): string {
  const next = formatFragment(changeTexts(texts.value, change));
  return `${location.origin}${location.pathname}#${next}`;
}
