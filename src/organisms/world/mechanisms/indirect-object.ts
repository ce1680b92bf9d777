import type { Rng } from '../../../base/rng.ts';
import { isHeldOut, type Split } from '../hold-out.ts';
import { storyNames } from '../lexicon/people.ts';
import { objects, settings, times } from '../lexicon/story-words.ts';
import { ask, type Phrase, phraseWords, plain, readPhrase } from '../phrase.ts';
import type { MechanismSource, Truth } from '../types.ts';

/** Sentences whose last word is the indirect object: the one of two people who does not act. */
export const indirectObjectPhrases: readonly Phrase[] = [
  plain('{first} and {second} went to the {setting}. {giver} gave a {object} to'),
  plain('Then, {first} and {second} went to the {setting}. {giver} gave a {object} to'),
  plain('When {first} and {second} were at the {setting}, {giver} gave a {object} to'),
  plain('After {first} and {second} left the {setting}, {giver} handed a {object} to'),
  plain('{first} and {second} met at the {setting}. That {time}, {giver} showed a {object} to'),
  plain('While {first} and {second} sat near the {setting}, {giver} passed a {object} to'),
  plain('One {time}, {first} met {second} at the {setting}. {giver} brought a {object} to'),
  plain('{first} saw {second} at the {setting}, so {giver} sent a {object} to'),
];

// The first name of a two-sentence phrase sits before a full stop, which a slot may not span, but
// the phrase itself may: each phrase is matched whole.
const HELD_OUT_PERCENT = 10;

/** Two people who may be used together in this split; the unordered pair is the unit. */
export function pickPair(rng: Rng, split: Split): readonly [string, string] {
  for (;;) {
    const [a, b] = [rng.pick(storyNames), rng.pick(storyNames)];
    if (a === b) continue;
    const key = `pair|${[a, b].sort().join('|')}`;
    if (isHeldOut(key, HELD_OUT_PERCENT) === (split === 'held-out')) return [a, b];
  }
}

/** Indirect-object identification, in the orders ABBA (the second acts) and BABA (the first). */
export function indirectObject(): MechanismSource {
  const known = new Set(storyNames);
  const truth = (first: string, second: string, giver: string): Truth => ({
    mechanism: 'indirect-object',
    answer: giver === first ? second : first,
    entities: { subject: giver, order: giver === first ? 'BABA' : 'ABBA' },
  });
  return {
    name: 'indirect-object',
    write(rng, split) {
      const [first, second] = pickPair(rng, split);
      const giver = rng.next() < 0.5 ? first : second;
      const answer = truth(first, second, giver);
      const slots = {
        first,
        second,
        giver,
        setting: rng.pick(settings),
        object: rng.pick(objects),
        time: rng.pick(times),
        value: answer.answer,
      };
      const parts = ask(rng.pick(indirectObjectPhrases), slots);
      return { mechanism: 'indirect-object', parts, truth: answer };
    },
    read(prompt) {
      for (const phrase of indirectObjectPhrases) {
        const slots = readPhrase(phrase, prompt);
        if (!slots) continue;
        const { first, second, giver } = slots;
        if (!known.has(first) || !known.has(second) || first === second) continue;
        if (giver === first || giver === second) return truth(first, second, giver);
      }
      return undefined;
    },
    *lexicon() {
      yield* phraseWords(indirectObjectPhrases);
      for (const word of [...settings, ...objects, ...times]) yield ` ${word}`;
      for (const name of storyNames) {
        yield name;
        yield ` ${name}`;
      }
    },
  };
}
