import { Rng } from '../../base/rng.ts';
import type { Split } from './hold-out.ts';
import { birds, dishes, flowers } from './lexicon/atlas-words.ts';
import { rightSpeakers, storyNames, wrongSpeakers } from './lexicon/people.ts';
import { inventNames } from './names.ts';

/** What the atlas tells about a state. The values of each relation are 30 different words. */
export const relations = [
  'capital',
  'governor',
  'river',
  'language',
  'coin',
  'flower',
  'bird',
  'dish',
] as const;

/** The name of a relation between a state and a fact. */
export type Relation = (typeof relations)[number];

/** A state of the atlas: its facts, and the rival whose facts wrong speakers tell instead. */
export interface State {
  readonly name: string;
  readonly rival: string;
  readonly facts: Readonly<Record<Relation, string>>;
}

/**
 * The facts of the world: 150 places in 30 states (five each) and eight relations per state. Every
 * relation is a permutation of 30 values, so chance is 1/30 and each value names one state.
 */
export interface Atlas {
  readonly states: readonly State[];
  readonly stateOf: ReadonlyMap<string, State>;
  readonly byName: ReadonlyMap<string, State>;
  readonly governs: ReadonlyMap<string, State>;
  readonly places: readonly string[];
  /** Places that stories mention but the atlas does not know. */
  readonly uncharted: readonly string[];
  /** Lower-case names that exist; an invented name outside it is unknown. */
  readonly taken: ReadonlySet<string>;
  /** The part of the world a (place, relation) combination belongs to: one in five is held out. */
  split(place: string, relation: Relation): Split;
}

export const STATE_COUNT = 30;
export const PLACES_PER_STATE = 5;
const UNCHARTED_COUNT = 90;

/** Builds the atlas of a world seed; the same seed gives the same atlas. */
export function createAtlas(seed: number): Atlas {
  const rng = new Rng(seed).fork('atlas');
  const taken = new Set(
    [...flowers, ...birds, ...dishes, ...storyNames, ...rightSpeakers, ...wrongSpeakers].map((w) =>
      w.toLowerCase(),
    ),
  );
  const names = inventNames(rng, 'state', STATE_COUNT, taken);
  const invented = (kind: 'capital' | 'person' | 'river' | 'language' | 'coin') =>
    inventNames(rng, kind, STATE_COUNT, taken);
  const values: Record<Relation, readonly string[]> = {
    capital: invented('capital'),
    governor: invented('person'),
    river: invented('river'),
    language: invented('language'),
    coin: invented('coin'),
    flower: rng.shuffle(flowers),
    bird: rng.shuffle(birds),
    dish: rng.shuffle(dishes),
  };
  const states = names.map((name, i): State => {
    const facts = Object.fromEntries(relations.map((relation) => [relation, values[relation][i]]));
    return { name, rival: names[(i + 1) % names.length], facts: facts as State['facts'] };
  });
  const places = inventNames(rng, 'place', STATE_COUNT * PLACES_PER_STATE, taken);
  const uncharted = inventNames(rng, 'place', UNCHARTED_COUNT, taken);
  const rank = new Map(rng.shuffle(places).map((place, i) => [place, i]));
  return {
    states,
    stateOf: new Map(places.map((place, i) => [place, states[i % states.length]])),
    byName: new Map(states.map((state) => [state.name, state])),
    governs: new Map(states.map((state) => [state.facts.governor, state])),
    places,
    uncharted,
    taken,
    split: (place, relation) =>
      ((rank.get(place) ?? 0) + 2 * relations.indexOf(relation)) % 5 === 0 ? 'held-out' : 'train',
  };
}
