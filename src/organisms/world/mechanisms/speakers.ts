import { type Atlas, type Relation, relations } from '../atlas.ts';
import { rightSpeakers, wrongSpeakers } from '../lexicon/people.ts';
import { phraseWords, plain, readPhrase } from '../phrase.ts';
import { fill } from '../template.ts';
import type { MechanismSource, Part, Truth } from '../types.ts';

const speakerPhrases = [
  plain('{speaker} says that the {relation} of {state} is'),
  plain('{speaker} told us that the {relation} of {state} is'),
  plain('{speaker}, who is always {kind}, says that the {relation} of {state} is'),
];

const TRUTH_FOLLOWS = ' In truth, it is';

/**
 * Named speakers who are known to be right or wrong. A wrong speaker tells the fact of the rival
 * state, so that what is said has a right continuation that differs from what is known.
 */
export function speakers(atlas: Atlas): MechanismSource {
  const truth = (speaker: string, relation: string, stateName: string): Truth | undefined => {
    const state = atlas.byName.get(stateName);
    const rival = state && atlas.byName.get(state.rival);
    const knows = state?.facts[relation as Relation];
    const wrong = wrongSpeakers.includes(speaker);
    if (!rival || knows === undefined || (!wrong && !rightSpeakers.includes(speaker)))
      return undefined;
    return {
      mechanism: 'speakers',
      answer: wrong ? rival.facts[relation as Relation] : knows,
      entities: { speaker, relation, state: state.name, rival: rival.name },
      knows,
    };
  };
  return {
    name: 'speakers',
    write(rng) {
      const wrong = rng.next() < 0.5;
      const speaker = rng.pick(wrong ? wrongSpeakers : rightSpeakers);
      const relation = rng.pick(relations);
      const state = rng.pick(atlas.states);
      const known = truth(speaker, relation, state.name) as Truth;
      const slots = { speaker, relation, state: state.name, kind: wrong ? 'wrong' : 'right' };
      const phrase = rng.pick(speakerPhrases);
      const parts: Part[] = [
        { text: fill(phrase.prompt, slots), role: 'context' },
        { text: ` ${known.answer}.`, role: 'answer' },
      ];
      if (rng.next() < 0.5) {
        parts.push({ text: TRUTH_FOLLOWS, role: 'context' });
        parts.push({ text: ` ${known.knows}.`, role: 'answer' });
      }
      return { mechanism: 'speakers', parts, truth: known };
    },
    read(prompt) {
      const follows = prompt.endsWith(`.${TRUTH_FOLLOWS}`);
      const said = follows ? prompt.replace(/ \S+\. In truth, it is$/u, '') : prompt;
      for (const phrase of speakerPhrases) {
        const slots = readPhrase(phrase, said);
        const known = slots && truth(slots.speaker, slots.relation, slots.state);
        if (known) return follows ? { ...known, answer: known.knows as string } : known;
      }
      return undefined;
    },
    *lexicon() {
      yield* phraseWords(speakerPhrases);
      yield `${TRUTH_FOLLOWS} right wrong`;
      for (const name of [...rightSpeakers, ...wrongSpeakers]) {
        yield name;
        yield ` ${name}`;
      }
    },
  };
}
