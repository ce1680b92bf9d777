import { isHeldOut } from '../hold-out.ts';
import {
  englishPairs,
  frenchPairs,
  simplifiedPairs,
  traditionalPairs,
} from '../lexicon/antonyms.ts';
import { ask, chat, type Phrase, phraseWords, plain, readPhrase } from '../phrase.ts';
import type { MechanismSource, Truth } from '../types.ts';

/** One script of a language: its phrases and its opposites. */
export interface AntonymSet {
  readonly phrases: readonly Phrase[];
  readonly pairs: readonly (readonly [string, string])[];
}

const english: AntonymSet = {
  pairs: englishPairs,
  phrases: [
    plain('The opposite of {word} is'),
    plain('The opposite of the word {word} is'),
    plain('{word} is the opposite of'),
    plain('Q: What is the opposite of {word}? A:'),
    plain('It was {word} before, but now it is'),
    plain('One side is {word}, the other side is'),
    plain('She said {word}, but he meant the opposite,'),
    plain('Not {word} but'),
    plain('From the word {word} to its opposite,'),
    chat('What is the opposite of {word}?'),
    chat('Tell me the opposite of {word}.'),
  ],
};

const french: AntonymSet = {
  pairs: frenchPairs,
  phrases: [
    plain('Le contraire du mot {word} est'),
    plain('Le contraire de « {word} » est'),
    plain('{word} est le contraire de'),
    plain('Question : quel est le contraire du mot {word} ? Réponse :'),
    plain('Hier {word}, demain'),
    plain('Un côté est {word}, un autre est'),
    plain('Elle dit {word}, mais il pense le contraire,'),
    plain('Pas {word} mais'),
    plain('Du mot {word} à son contraire,'),
    chat('Quel est le contraire du mot {word} ?', 'Le mot {value}.'),
    chat('Donne le contraire du mot {word}.', 'Le mot {value}.'),
  ],
};

const han = (prompt: string) => plain(prompt, '{value}。');

const simplified: AntonymSet = {
  pairs: simplifiedPairs,
  phrases: [
    han('{word}的反义词是'),
    han('与{word}相反的字是'),
    han('{word}反过来是'),
    han('问：{word}的反义词是什么？答：'),
    han('并非{word}，而是'),
    han('一个{word}，一个'),
    han('他说{word}，她说'),
    han('从前{word}，现在'),
    chat('{word}的反义词是什么？', '是{value}。'),
    chat('请说{word}的反义词。', '是{value}。'),
  ],
};

const traditional: AntonymSet = {
  pairs: traditionalPairs,
  phrases: [
    han('{word}的反義詞是'),
    han('與{word}相反的字是'),
    han('{word}反過來是'),
    han('問：{word}的反義詞是什麼？答：'),
    han('並非{word}，而是'),
    han('一個{word}，一個'),
    han('他說{word}，她說'),
    han('從前{word}，現在'),
    chat('{word}的反義詞是什麼？', '是{value}。'),
    chat('請說{word}的反義詞。', '是{value}。'),
  ],
};

/** The antonym languages with their scripts. */
export const antonymLanguages = {
  'antonyms-en': [english],
  'antonyms-fr': [french],
  'antonyms-zh': [simplified, traditional],
} as const;

const HELD_OUT_PERCENT = 40;

/**
 * A (word, phrase) combination is the unit that is held out. A phrase that opens with the word is
 * always trained: at the start of a text the word is another token than after a space, and a
 * token that was never seen has no opposite.
 */
function isOpen(name: string, word: string, prompt: string): boolean {
  if (name !== 'antonyms-zh' && prompt.startsWith('{word}')) return true;
  return !isHeldOut(`${name}|${word}|${prompt}`, HELD_OUT_PERCENT);
}

/** Opposites of one language: every word is trained in some phrases and asked in the others. */
export function antonyms(name: keyof typeof antonymLanguages): MechanismSource {
  const sets = antonymLanguages[name].map((set) => ({
    ...set,
    opposite: new Map([...set.pairs, ...set.pairs.map(([a, b]) => [b, a] as const)]),
  }));
  const truth = (word: string, answer: string): Truth => ({
    mechanism: name,
    answer,
    entities: { word },
  });
  return {
    name,
    write(rng, split) {
      for (;;) {
        const { opposite, phrases } = rng.pick(sets);
        const word = rng.pick([...opposite.keys()]);
        const value = opposite.get(word) as string;
        const phrase = rng.pick(phrases);
        if (isOpen(name, word, phrase.prompt) !== (split === 'train')) continue;
        return { mechanism: name, parts: ask(phrase, { word, value }), truth: truth(word, value) };
      }
    },
    read(prompt) {
      for (const { opposite, phrases } of sets) {
        for (const phrase of phrases) {
          const word = readPhrase(phrase, prompt)?.word ?? '';
          const answer = opposite.get(word);
          if (answer !== undefined) return truth(word, answer);
        }
      }
      return undefined;
    },
    *lexicon() {
      for (const { opposite, phrases } of sets) {
        yield* phraseWords(phrases);
        for (const word of opposite.keys()) {
          yield word;
          if (name !== 'antonyms-zh') yield ` ${word}`;
        }
      }
    },
  };
}
