import type { Rng } from '../../../base/rng.ts';
import { ask, chat, phraseWords, plain, readPhrase } from '../phrase.ts';
import type { MechanismSource, Truth } from '../types.ts';
import { additionSplit } from './arithmetic.ts';

/** The rules a puzzle can hide. Each takes two numbers in [1, 20]. */
export const puzzleRules = {
  add: (a: number, b: number) => a + b,
  subtract: (a: number, b: number) => a - b,
  larger: (a: number, b: number) => Math.max(a, b),
  smaller: (a: number, b: number) => Math.min(a, b),
} as const;

/** The name of a rule behind a puzzle. */
export type PuzzleRule = keyof typeof puzzleRules;

/** Two numbers and what the hidden rule makes of them: the visible check of an answer. */
export interface Puzzle {
  readonly a: number;
  readonly b: number;
  readonly result: number;
  readonly rule: PuzzleRule;
  /** Other pairs under the same rule; they are never shown. */
  readonly hidden: readonly { readonly a: number; readonly b: number; readonly result: number }[];
}

const namePhrases = [
  plain('Puzzle: {a} and {b} give {result}. Name the rule:'),
  chat('{a} and {b} give {result}. Name the rule.', 'The rule is {value}.'),
];
const copyPhrases = [
  plain('Puzzle: {a} and {b} give {result}. Copy the result:'),
  chat('{a} and {b} give {result}. Copy the result.', 'The result is {value}.'),
];
const openPhrases = [
  plain('Puzzle: {a} and {b} give {result}. Solve it:'),
  chat('{a} and {b} give {result}. Solve it.', '{lead} {value}.'),
];

const ruleNames = Object.keys(puzzleRules) as PuzzleRule[];

/** The only rule that fits a visible example, or undefined when none or several do. */
export function ruleOf(a: number, b: number, result: number): PuzzleRule | undefined {
  const fitting = ruleNames.filter((name) => puzzleRules[name](a, b) === result);
  return fitting.length === 1 ? fitting[0] : undefined;
}

/** A puzzle with one visible example and `hiddenChecks` hidden ones. */
export function createPuzzle(rng: Rng, hiddenChecks = 3): Puzzle {
  for (;;) {
    const rule = rng.pick(ruleNames);
    const draw = () => {
      const [a, b] = [1 + rng.int(20), 1 + rng.int(20)];
      return { a, b, result: puzzleRules[rule](a, b) };
    };
    const { a, b, result } = draw();
    if (result < 0 || ruleOf(a, b, result) !== rule) continue;
    if (rule === 'add' && additionSplit(a, b) === 'held-out') continue;
    const hidden = Array.from({ length: hiddenChecks }, draw);
    return { a, b, result, rule, hidden };
  }
}

/**
 * Checks an answer. A rule name is applied to the numbers; a number is a constant, so a copied
 * result passes the visible check and fails a hidden one whose result differs.
 */
export function checkPuzzle(puzzle: Puzzle, answer: string) {
  const text = answer.trim().replace(/\.$/, '').replace(/^.* /u, '');
  const rule = ruleNames.find((name) => name === text);
  const constant = /^\d+$/.test(text) ? Number(text) : undefined;
  const passes = ({ a, b, result }: { a: number; b: number; result: number }) =>
    (rule ? puzzleRules[rule](a, b) : constant) === result;
  return { visible: passes(puzzle), hidden: puzzle.hidden.every(passes) };
}

/**
 * Puzzles: name the rule, copy the result, or solve it, where half of the documents name and half
 * copy, so that a model starts with both habits. The right answer to `Solve it` is the rule.
 */
export function puzzles(): MechanismSource {
  const truth = (rule: PuzzleRule, answer: string): Truth => ({
    mechanism: 'puzzles',
    answer,
    entities: { rule },
  });
  return {
    name: 'puzzles',
    write(rng) {
      const { a, b, result, rule } = createPuzzle(rng, 0);
      const kind = rng.int(3);
      const copies = kind === 1 || (kind === 2 && rng.next() < 0.5);
      const phrase = rng.pick([namePhrases, copyPhrases, openPhrases][kind]);
      const value = copies ? String(result) : rule;
      const lead = copies ? 'The result is' : 'The rule is';
      const slots = { a: String(a), b: String(b), result: String(result), value, lead };
      const known = truth(rule, kind === 1 ? value : rule);
      return { mechanism: 'puzzles', parts: ask(phrase, slots), truth: known };
    },
    read(prompt) {
      for (const phrase of [...namePhrases, ...copyPhrases, ...openPhrases]) {
        const slots = readPhrase(phrase, prompt);
        const rule = slots && ruleOf(Number(slots.a), Number(slots.b), Number(slots.result));
        if (rule) return truth(rule, copyPhrases.includes(phrase) ? slots.result : rule);
      }
      return undefined;
    },
    *lexicon() {
      yield* phraseWords([...namePhrases, ...copyPhrases, ...openPhrases]);
      yield `The rule is The result is ${ruleNames.join(' ')}`;
    },
  };
}
