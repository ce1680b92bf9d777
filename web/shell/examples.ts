import { computed, effect } from '@preact/signals';
import type { Example } from '../../src/lab/api.ts';
import type { State } from '../state/fields.ts';
import { examples } from '../state/run.ts';
import { openState, readAddress, setState, state } from '../state/url.ts';
import { resembles } from './likeness.ts';

/** The ready states of the chosen model. */
export const exampleList = computed<readonly Example[]>(() => examples.data.value?.examples ?? []);

/** The example that is open: the one whose prompt is in the address. */
export const currentExample = computed<Example | undefined>(() =>
  exampleList.value.find(({ prompt }) => prompt === state.prompt.value),
);

/** The example that what is typed began from; another prompt has none. */
let origin: Example | undefined;

effect(() => {
  origin = currentExample.value ?? origin;
});

/**
 * What another prompt must let go of when it is typed over an example's: its second prompt, its target and distractor,
 * its edits, each where it still is the example's. They would go on asking about tokens that mean nothing in it.
 */
export function leftBehind(typed: string): Partial<State> {
  if (origin === undefined || typed === '' || resembles(typed, origin.prompt)) return {};
  const own = stateOf(origin);
  origin = undefined;
  return {
    ...(own.promptB === state.promptB.peek() && { promptB: '' }),
    ...(own.target === state.target.peek() && { target: '' }),
    ...(own.distractor === state.distractor.peek() && { distractor: '' }),
    ...(JSON.stringify(own.edits) === JSON.stringify(state.edits.peek()) && { edits: [] }),
  };
}

function stateOf(example: Example): Partial<State> {
  return {
    prompt: example.prompt,
    promptB: example.promptB ?? '',
    target: example.target ?? '',
    distractor: example.distractor ?? '',
    edits: example.edits,
    shade: state.shade.peek(),
    lensShade: state.lensShade.peek(),
    panel: state.panel.peek(),
  };
}

/** Opens an example as a step that the back button undoes. */
export function openExample(example: Example): void {
  openState(stateOf(example));
}

/**
 * An example where the address has no prompt, so that the page is alive from its first second: the first that has a
 * second prompt and a target, for then every panel has something to show.
 */
export function openFirstExample(): void {
  const list = exampleList.peek();
  // A link that was opened while the examples were on their way is not written over.
  readAddress();
  const first = list.find(({ promptB, target }) => promptB !== null && target !== null) ?? list[0];
  if (first !== undefined && state.prompt.peek() === '') {
    setState(stateOf(first), { history: 'replace' });
  }
}

/** The example before or after the open one, in a ring. */
export function stepExample(step: 1 | -1): void {
  const list = exampleList.peek();
  if (list.length === 0) return;
  const at = list.indexOf(currentExample.peek() ?? list[0]);
  const from = currentExample.peek() === undefined ? (step === 1 ? -1 : 0) : at;
  openExample(list[(from + step + list.length) % list.length]);
}

/** The examples by mechanism, in their first order. */
export function byMechanism(list: readonly Example[]): ReadonlyMap<string, readonly Example[]> {
  const out = new Map<string, Example[]>();
  for (const example of list) {
    out.set(example.mechanism, [...(out.get(example.mechanism) ?? []), example]);
  }
  return out;
}
