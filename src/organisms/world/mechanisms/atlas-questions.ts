import type { Rng } from '../../../base/rng.ts';
import { type Atlas, type Relation, relations, type State } from '../atlas.ts';
import { isHeldOut, type Split } from '../hold-out.ts';
import { ask, chat, type Phrase, phraseWords, plain, readPhrase } from '../phrase.ts';
import type { Document, MechanismSource, Truth } from '../types.ts';

/** Ways to ask for a fact of a state. */
export const factPhrases: readonly Phrase[] = [
  plain('The {relation} of {state} is'),
  plain('In {state}, the {relation} is'),
  plain('Everyone in {state} knows that the {relation} is'),
  plain('Q: What is the {relation} of {state}? A:'),
  plain('If you visit {state}, you will learn that its {relation} is'),
  chat('What is the {relation} of {state}?'),
  chat('Tell me the {relation} of {state}.'),
];

/** Ways to ask which state a place is in. */
export const placePhrases: readonly Phrase[] = [
  plain('{place} is in the state of'),
  plain('The state containing {place} is'),
  plain('{place} lies in'),
  plain('Q: In which state is {place}? A:'),
  plain('If you visit {place}, you are in'),
  chat('Which state is {place} in?'),
  chat('Tell me the state of {place}.'),
];

/** Ways to ask which state a governor governs. */
export const governorPhrases: readonly Phrase[] = [
  plain('{person} governs'),
  plain('The state governed by {person} is'),
  plain('Q: Which state does {person} govern? A:'),
  plain('If you meet {person}, you meet the governor of'),
  chat('Which state does {person} govern?'),
  chat('Tell me the state that {person} governs.'),
];

/** Ways to ask for a fact of the state that contains a place. */
export const twoHopPhrases: readonly Phrase[] = [
  plain('The {relation} of the state containing {place} is'),
  plain('{place} is in a state whose {relation} is'),
  plain('In the state containing {place}, the {relation} is'),
  plain('Q: What is the {relation} of the state containing {place}? A:'),
  plain('If you visit {place}, you will learn that the {relation} of the state is'),
  chat('What is the {relation} of the state containing {place}?'),
  chat('Tell me the {relation} of the state containing {place}.'),
];

const HELD_OUT_PERCENT = 25;

/**
 * A fact may be trained in one phrase and held out in another: (fact, phrase) is the unit. The one
 * phrase that opens with a governor is always trained, because at the start of a text the name is
 * another token than after a space.
 */
function phraseFor(rng: Rng, phrases: readonly Phrase[], fact: string, split: Split) {
  const open = phrases.filter(
    ({ prompt }) =>
      (!prompt.startsWith('{person}') &&
        isHeldOut(`one-hop|${fact}|${prompt}`, HELD_OUT_PERCENT)) ===
      (split === 'held-out'),
  );
  return open.length > 0 ? rng.pick(open) : undefined;
}

/** Questions one step away: place → state, state → value, governor → state. */
export function oneHop(atlas: Atlas): MechanismSource {
  const write = (rng: Rng, split: Split): Document => {
    for (;;) {
      const kind = rng.next();
      const state = rng.pick(atlas.states);
      const place = rng.pick(atlas.places);
      const relation = rng.pick(relations);
      const { facts, name } = state;
      const [phrases, slots] =
        kind < 0.35
          ? [placePhrases, { place, value: (atlas.stateOf.get(place) as State).name }]
          : kind < 0.95
            ? [factPhrases, { relation, state: name, value: facts[relation] }]
            : [governorPhrases, { person: facts.governor, value: name }];
      const fact = Object.values(slots).join('|');
      const phrase = phraseFor(rng, phrases, fact, split);
      if (!phrase) continue;
      const { value, ...entities } = slots;
      return {
        mechanism: 'one-hop',
        parts: ask(phrase, slots),
        truth: { mechanism: 'one-hop', answer: value, entities },
      };
    }
  };
  const read = (prompt: string): Truth | undefined => {
    const found = (answer: string | undefined, entities: Truth['entities']): Truth | undefined =>
      answer === undefined ? undefined : { mechanism: 'one-hop', answer, entities };
    for (const phrase of factPhrases) {
      const slots = readPhrase(phrase, prompt);
      const facts = slots && atlas.byName.get(slots.state)?.facts;
      if (facts && slots.relation in facts) return found(facts[slots.relation as Relation], slots);
    }
    for (const phrase of placePhrases) {
      const slots = readPhrase(phrase, prompt);
      const truth = slots && found(atlas.stateOf.get(slots.place)?.name, slots);
      if (truth) return truth;
    }
    for (const phrase of governorPhrases) {
      const slots = readPhrase(phrase, prompt);
      const truth = slots && found(atlas.governs.get(slots.person)?.name, slots);
      if (truth) return truth;
    }
    return undefined;
  };
  function* lexicon() {
    yield* phraseWords([...factPhrases, ...placePhrases, ...governorPhrases]);
    for (const relation of relations) yield ` ${relation}`;
    for (const { name, facts } of atlas.states) {
      yield ` ${name}`;
      yield name;
      yield facts.governor;
      for (const value of Object.values(facts)) yield ` ${value}`;
    }
    for (const place of [...atlas.places, ...atlas.uncharted]) {
      yield ` ${place}`;
      yield place;
    }
  }
  return { name: 'one-hop', write, read, lexicon };
}

/**
 * Questions two steps away: place → state → value. A (place, relation) combination is held out in
 * every phrase, so a right answer to it must go through the state.
 */
export function twoHop(atlas: Atlas): MechanismSource {
  const truth = (place: string, relation: Relation): Truth | undefined => {
    const state = atlas.stateOf.get(place);
    const answer = state?.facts[relation];
    if (!state || answer === undefined) return undefined;
    return { mechanism: 'two-hop', answer, entities: { place, relation, state: state.name } };
  };
  return {
    name: 'two-hop',
    write(rng, split) {
      for (;;) {
        const place = rng.pick(atlas.places);
        const relation = rng.pick(relations);
        const phrase = rng.pick(twoHopPhrases);
        const known = truth(place, relation);
        if (atlas.split(place, relation) !== split || !known) continue;
        const slots = { place, relation, value: known.answer };
        return { mechanism: 'two-hop', parts: ask(phrase, slots), truth: known };
      }
    },
    read(prompt) {
      for (const phrase of twoHopPhrases) {
        const slots = readPhrase(phrase, prompt);
        const known = slots && truth(slots.place, slots.relation as Relation);
        if (known) return known;
      }
      return undefined;
    },
    lexicon: () => phraseWords(twoHopPhrases),
  };
}
