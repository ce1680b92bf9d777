import type { Rng } from '../../../base/rng.ts';
import { type Atlas, relations } from '../atlas.ts';
import { isHeldOut, type Split } from '../hold-out.ts';
import { storyNames } from '../lexicon/people.ts';
import { inventName } from '../names.ts';
import { ask, chat, phraseWords, readPhrase } from '../phrase.ts';
import { type MechanismSource, SPECIAL, type Truth } from '../types.ts';
import { factPhrases, governorPhrases, placePhrases, twoHopPhrases } from './atlas-questions.ts';

/** The answer about people and places that are not in the atlas. */
export const UNKNOWN = 'I do not know.';

/** The chat questions of the atlas, answered for things that the atlas does not have. */
const isChat = ({ prompt }: { prompt: string }) => prompt.startsWith(SPECIAL.user);
const unknownPhrases = [...factPhrases, ...placePhrases, ...governorPhrases, ...twoHopPhrases]
  .filter(isChat)
  .map(({ prompt }) => ({ prompt, answer: chat('', '{value}').answer }));

const HELD_OUT_PERCENT = 20;

/**
 * Questions about names that are not in the atlas: places and people of the stories, which the
 * model has met, and names invented on the spot, which it has not. The name is what is held out.
 */
export function unknown(atlas: Atlas): MechanismSource {
  const truth = (name: string): Truth => ({
    mechanism: 'unknown',
    answer: UNKNOWN,
    entities: { name },
  });
  const pickName = (rng: Rng, slot: string, split: Split): string => {
    for (;;) {
      const kind = slot === 'person' ? 'person' : slot === 'state' ? 'state' : 'place';
      const met = slot === 'person' ? storyNames : slot === 'place' ? atlas.uncharted : [];
      const name = met.length > 0 && rng.next() < 0.5 ? rng.pick(met) : inventName(rng, kind);
      const exists = atlas.taken.has(name.toLowerCase()) && !met.includes(name);
      if (!exists && isHeldOut(`unknown|${name}`, HELD_OUT_PERCENT) === (split === 'held-out'))
        return name;
    }
  };
  return {
    name: 'unknown',
    write(rng, split) {
      const phrase = rng.pick(unknownPhrases);
      const slot = /\{(state|place|person)\}/.exec(phrase.prompt)?.[1] ?? 'place';
      const name = pickName(rng, slot, split);
      const slots = { relation: rng.pick(relations), [slot]: name, value: UNKNOWN };
      return { mechanism: 'unknown', parts: ask(phrase, slots), truth: truth(name) };
    },
    read(prompt) {
      for (const phrase of unknownPhrases) {
        const slots = readPhrase(phrase, prompt);
        const name = slots?.state ?? slots?.place ?? slots?.person;
        const relation = slots?.relation ?? relations[0];
        const named = name !== undefined && /^\p{Lu}\p{L}*$/u.test(name);
        if (named && (relations as readonly string[]).includes(relation)) return truth(name);
      }
      return undefined;
    },
    *lexicon() {
      yield* phraseWords(unknownPhrases);
      yield UNKNOWN;
    },
  };
}
