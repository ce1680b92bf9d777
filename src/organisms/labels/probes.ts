import { Rng } from '../../base/rng.ts';
import { createTokenizer } from '../tokenizer.ts';
import { mechanisms, SPECIAL } from '../world/types.ts';
import type { World } from '../world/world.ts';
import { conceptTexts } from './text.ts';

/** What is asked of a token, each with one answer out of several. */
export const probeTasks = ['mechanism', 'word', 'state'] as const;
/** One of {@link probeTasks}: the kind of a text, the kind of a word, the state that a place lies in. */
export type ProbeTask = (typeof probeTasks)[number];

/** Token rows with an answer each; `positions` says which token is asked, else any one is. */
export interface ProbeText {
  readonly rows: readonly (readonly number[])[];
  readonly labels: readonly string[];
  readonly positions?: readonly number[];
}

/** Kinds of words that share no word with each other. */
const KINDS = [
  ...['place', 'state', 'capital', 'river', 'bird', 'flower', 'dish', 'woman', 'man'],
  ...['hazard', 'craft', 'material', 'color', 'animal', 'object', 'setting', 'feeling'],
];

/** Rows of held-out text that words are taken from. */
const ROWS = 1024;
const SEED = 6001;

/**
 * Held-out text for probes. `mechanism`: whole documents, by kind of text. `word`: tokens of words, by kind of
 * word (a place, a bird, a feeling, …), where every kind has many words and a feature of its own for some of
 * them can absorb the kind. `state`: places of the atlas, by the state they lie in; every place is one
 * token, so features of single places can absorb the state. Rows of the last two end at the token asked.
 *
 * @param options.count examples per answer at most; answers with fewer than half of them are left out
 */
export function probeText(
  world: World,
  task: ProbeTask,
  options: { readonly count: number; readonly length: number },
): ProbeText {
  const { count, length } = options;
  if (task === 'mechanism') return documents(world, options);
  const { concepts, heldOut } = conceptTexts(world, {
    ...{ length, trainRows: 1, heldOutRows: ROWS, seed: SEED },
  });
  const prefix = task === 'word' ? 'word/' : 'place-of/';
  const answers = new Map<number, string>();
  concepts.forEach(({ id }, i) => {
    const name = id.slice(prefix.length);
    if (!id.startsWith(prefix) || (task === 'word' && !KINDS.includes(name))) return;
    answers.set(i, name);
  });
  const parts = concepts.findIndex(({ id }) => id === 'token/bytes');
  const found = new Map<string, { readonly row: number; readonly position: number }[]>();
  heldOut.held.forEach((row, r) => {
    row.forEach((held, position) => {
      const names = held.flatMap((concept) => answers.get(concept) ?? []);
      if (names.length !== 1 || held.includes(parts)) return;
      found.set(names[0], [...(found.get(names[0]) ?? []), { row: r, position }]);
    });
  });
  const rng = new Rng(SEED).fork(task);
  const chosen = [...found].sort().flatMap(([label, places]) => {
    const some = rng.sample(places, Math.min(count, places.length));
    return some.length < count / 2 ? [] : some.map((place) => ({ label, ...place }));
  });
  return {
    rows: chosen.map(({ row, position }) => heldOut.rows[row].slice(0, position + 1)),
    labels: chosen.map(({ label }) => label),
    positions: chosen.map(({ position }) => position),
  };
}

function documents(
  world: World,
  { count, length }: { readonly count: number; readonly length: number },
): ProbeText {
  const tokenizer = createTokenizer(world);
  const opening = tokenizer.id(SPECIAL.endOfText);
  const rng = new Rng(5);
  const rows = mechanisms.flatMap((name) =>
    Array.from({ length: count }, () => {
      const { parts } = world.write(name, rng, 'held-out');
      const ids = parts.flatMap(({ text }) => tokenizer.encode(text));
      return [opening, ...ids].slice(0, length);
    }),
  );
  return { rows, labels: mechanisms.flatMap((name) => new Array<string>(count).fill(name)) };
}
