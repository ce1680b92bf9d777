import type { Rng } from '../../../base/rng.ts';
import type { Atlas } from '../atlas.ts';
import type { Split } from '../hold-out.ts';
import { storyNames, womenNames } from '../lexicon/people.ts';
import {
  animals,
  feelings,
  objects,
  settings,
  storyColors,
  times,
  weathers,
} from '../lexicon/story-words.ts';
import { chatTurn } from '../phrase.ts';
import { fill } from '../template.ts';
import { type MechanismSource, SPECIAL } from '../types.ts';
import { pickPair } from './indirect-object.ts';

const openings = [
  'One {weather} {time}, {n} went to the {setting} with {his} {animal}.',
  '{n} lived in a small house near {place}.',
  'There was once a {child} named {n} in the village of {place}.',
  'It was a {weather} {time} in {place}, and {n} was at the {setting}.',
  '{n} had a {color} {object} and a {animal}.',
  'Every {time}, {n} walked from {place} to the {setting}.',
];

const middles = [
  '{He} found a {color} {object} under a tree.',
  '{n} felt {feeling} because {reason}.',
  '{He} wanted to show the {object} to {m}.',
  '{m} was at the {setting} too.',
  'The {animal} ran around the {setting}.',
  '{He} put the {object} in a big box.',
  '{n} asked {m} about the {color} {object}.',
  '{m} felt {feeling} because {reason}.',
  '{n} and {m} sat down and talked about {place}.',
  '{He} looked for the {animal} near the {setting}.',
  'The {object} was {color} and very old.',
  '{He} did not want to lose the {object}.',
  '{m} smiled and said thank you.',
  '{n} gave the {object} to {m}.',
];

const endings = [
  'Then they walked home together.',
  'That night, {n} slept very well.',
  'The next day, {he} went back to the {setting}.',
  'In the end, everybody was {feeling}.',
  '{n} and {m} stayed good friends.',
  'After that, {n} never lost the {object} again.',
];

const requests = ['Tell me a story about {n}.', 'Write a short story about {n}.'];

function slotsFor(rng: Rng, atlas: Atlas, split: Split) {
  const [n, m] = pickPair(rng, split);
  const she = womenNames.includes(n);
  return {
    n,
    m,
    he: she ? 'she' : 'he',
    He: she ? 'She' : 'He',
    his: she ? 'her' : 'his',
    child: she ? 'girl' : 'boy',
    object: rng.pick(objects),
    animal: rng.pick(animals),
    place: rng.pick(atlas.uncharted),
    color: rng.pick(storyColors),
  };
}

/** Free text about two people: fluent filler without a right answer. */
export function story(atlas: Atlas): MechanismSource {
  return {
    name: 'story',
    write(rng, split) {
      const fixed = slotsFor(rng, atlas, split);
      const sentence = (templates: readonly string[]) => {
        const [feeling, reason] = rng.pick(feelings);
        return fill(rng.pick(templates), {
          ...fixed,
          feeling,
          reason,
          weather: rng.pick(weathers),
          time: rng.pick(times),
          setting: rng.pick(settings),
        });
      };
      const body = Array.from({ length: 1 + rng.int(3) }, () => sentence(middles));
      const text = [sentence(openings), ...body, sentence(endings)].join(' ');
      const asked = rng.next() < 0.15;
      return {
        mechanism: 'story',
        parts: asked
          ? [
              { text: chatTurn(fill(rng.pick(requests), fixed)), role: 'context' },
              { text: `${text}${SPECIAL.end}`, role: 'context' },
            ]
          : [{ text, role: 'context' }],
      };
    },
    read: () => undefined,
    *lexicon() {
      const text = [...openings, ...middles, ...endings, ...requests];
      for (const template of text) {
        const bare = template.replace(/\{\w+\}/g, '');
        yield bare;
        yield ` ${bare}`;
      }
      const words = [...animals, ...storyColors, ...weathers, ...feelings.flat()];
      for (const word of [...words, 'she', 'he', 'her', 'his', 'girl', 'boy']) yield ` ${word}`;
      yield 'She He She He'
        .split(' ')
        .map((word) => ` ${word}`)
        .join('');
      for (const name of storyNames) yield name;
    },
  };
}
