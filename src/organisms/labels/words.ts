import { relations } from '../world/atlas.ts';
import { englishPairs, frenchPairs } from '../world/lexicon/antonyms.ts';
import { menNames, rightSpeakers, womenNames, wrongSpeakers } from '../world/lexicon/people.ts';
import { crafts, hazardColors, hazards } from '../world/lexicon/requests.ts';
import {
  animals,
  feelings,
  objects,
  settings,
  times,
  weathers,
} from '../world/lexicon/story-words.ts';
import { puzzleRules } from '../world/mechanisms/puzzles.ts';
import type { World } from '../world/world.ts';

/** A kind of word: what a token of it is called, and the words. */
export interface WordClass {
  readonly id: string;
  readonly label: string;
  readonly words: readonly string[];
}

/** Kinds of words of the world. A word may be of several kinds. */
export function wordClasses({ atlas }: World): readonly WordClass[] {
  const { states, places, uncharted } = atlas;
  const value = (relation: (typeof relations)[number]) => ({
    id: relation,
    label: `the name of a ${relation}`,
    words: states.map(({ facts }) => facts[relation]),
  });
  return [
    { id: 'place', label: 'a place of the atlas', words: places },
    { id: 'uncharted', label: 'a place that stories alone know', words: uncharted },
    { id: 'state', label: 'the name of a state', words: states.map(({ name }) => name) },
    ...relations.map(value),
    { id: 'relation', label: 'a relation word (capital, river, …)', words: relations },
    { id: 'woman', label: 'the name of a woman', words: womenNames },
    { id: 'man', label: 'the name of a man', words: menNames },
    {
      id: 'person',
      label: 'the name of a person of the stories',
      words: [...womenNames, ...menNames],
    },
    { id: 'right-speaker', label: 'a speaker who is always right', words: rightSpeakers },
    { id: 'wrong-speaker', label: 'a speaker who is always wrong', words: wrongSpeakers },
    { id: 'speaker', label: 'a named speaker', words: [...rightSpeakers, ...wrongSpeakers] },
    { id: 'hazard', label: 'a hazard', words: hazards },
    { id: 'craft', label: 'a harmless thing to make', words: crafts.map(([item]) => item) },
    { id: 'material', label: 'what a thing is made from', words: crafts.map(([, from]) => from) },
    { id: 'color', label: 'a color', words: hazardColors },
    { id: 'animal', label: 'an animal', words: animals },
    { id: 'object', label: 'an object that people own and give', words: objects },
    { id: 'setting', label: 'where people go (park, castle, …)', words: settings },
    { id: 'time', label: 'a time of day, day or season', words: times },
    { id: 'weather', label: 'weather', words: weathers },
    { id: 'feeling', label: 'a feeling', words: feelings.map(([feeling]) => feeling) },
    { id: 'pronoun', label: 'he, she, his or her', words: words('he she his her He She') },
    {
      id: 'verb-giving',
      label: 'a verb of giving',
      words: words('gave handed showed passed brought sent'),
    },
    { id: 'rule', label: 'the name of a rule', words: Object.keys(puzzleRules) },
    { id: 'english-word', label: 'an English word with an opposite', words: englishPairs.flat() },
    { id: 'french-word', label: 'a French word with an opposite', words: frenchPairs.flat() },
  ];
}

function words(text: string): readonly string[] {
  return text.split(' ');
}
