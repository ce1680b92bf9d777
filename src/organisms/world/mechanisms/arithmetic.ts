import type { Rng } from '../../../base/rng.ts';
import { isHeldOut, type Split } from '../hold-out.ts';
import { ask, chat, phraseWords, plain, readPhrase } from '../phrase.ts';
import { type Document, type MechanismSource, SPECIAL, type Truth } from '../types.ts';

const HELD_OUT_PERCENT = 10;

const additionPhrases = [plain('{a} + {b} =', ' {value}'), chat('What is {a} + {b}?')];

const sumPhrases = [
  plain('{sum} =', `${SPECIAL.think} {steps}${SPECIAL.endThink} {value}`),
  chat('What is {sum}?', `${SPECIAL.think} {steps}${SPECIAL.endThink} It is {value}.`),
];

/** Whether an addition is held out; both orders of the operands share one fate. */
export function additionSplit(a: number, b: number): Split {
  const key = `addition|${Math.min(a, b)}|${Math.max(a, b)}`;
  return isHeldOut(key, HELD_OUT_PERCENT) ? 'held-out' : 'train';
}

/** Whether a longer sum is held out; the order of its numbers does not matter. */
export function sumSplit(numbers: readonly number[]): Split {
  const key = `sum|${[...numbers].sort((x, y) => x - y).join('|')}`;
  return isHeldOut(key, HELD_OUT_PERCENT) ? 'held-out' : 'train';
}

const twoDigits = (rng: Rng) => 10 + rng.int(90);

/** Additions of two two-digit numbers. */
export function addition(): MechanismSource {
  const truth = (a: number, b: number): Truth => ({
    mechanism: 'addition',
    answer: String(a + b),
    entities: { a: String(a), b: String(b), carry: String(Number((a % 10) + (b % 10) > 9)) },
  });
  return {
    name: 'addition',
    write(rng, split): Document {
      for (;;) {
        const [a, b] = [twoDigits(rng), twoDigits(rng)];
        if (additionSplit(a, b) !== split) continue;
        const slots = { a: String(a), b: String(b), value: String(a + b) };
        const phrase = rng.next() < 0.9 ? additionPhrases[0] : additionPhrases[1];
        const [operands, answer] = ask(phrase, slots);
        return {
          mechanism: 'addition',
          parts: [{ ...operands, role: 'random' }, answer],
          truth: truth(a, b),
        };
      }
    },
    read(prompt) {
      for (const phrase of additionPhrases) {
        const slots = readPhrase(phrase, prompt);
        if (slots && /^\d{1,2}$/.test(slots.a) && /^\d{1,2}$/.test(slots.b)) {
          return truth(Number(slots.a), Number(slots.b));
        }
      }
      return undefined;
    },
    *lexicon() {
      yield* phraseWords(additionPhrases);
      for (let digit = 0; digit < 10; digit++) yield `${digit} ${digit}`;
    },
  };
}

/** `12 + 45 = 57, 57 + 33 = 90`: the running total of a sum, step by step. */
export function sumSteps(numbers: readonly number[]): string {
  let total = numbers[0];
  return numbers
    .slice(1)
    .map((n) => `${total} + ${n} = ${(total += n)}`)
    .join(', ');
}

/** Sums of three or four two-digit numbers, worked out between `<think>` and `</think>`. */
export function workedSums(): MechanismSource {
  const truth = (numbers: readonly number[]): Truth => ({
    mechanism: 'worked-sums',
    answer: String(numbers.reduce((x, y) => x + y)),
    entities: { steps: sumSteps(numbers) },
  });
  return {
    name: 'worked-sums',
    write(rng, split): Document {
      for (;;) {
        const numbers = Array.from({ length: rng.next() < 0.6 ? 3 : 4 }, () => twoDigits(rng));
        if (sumSplit(numbers) !== split) continue;
        // The first step is a two-digit addition: one that is held out must not be shown here.
        if (split === 'train' && additionSplit(numbers[0], numbers[1]) !== 'train') continue;
        const sum = numbers.join(' + ');
        const known = truth(numbers);
        const slots = { sum, steps: sumSteps(numbers), value: known.answer };
        const phrase = rng.next() < 0.85 ? sumPhrases[0] : sumPhrases[1];
        const [operands, answer] = ask(phrase, slots);
        return {
          mechanism: 'worked-sums',
          parts: [{ ...operands, role: 'random' }, answer],
          truth: known,
        };
      }
    },
    read(prompt) {
      const question = prompt.replace(/<think>.*$/u, '').trimEnd();
      for (const phrase of sumPhrases) {
        const sum = readPhrase(phrase, question)?.sum ?? '';
        if (/^\d{1,2}( \+ \d{1,2}){2,3}$/.test(sum)) return truth(sum.split(' + ').map(Number));
      }
      return undefined;
    },
    lexicon: () => phraseWords(sumPhrases),
  };
}
