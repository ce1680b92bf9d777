import type { Concept } from '../../microscope/dictionary/labels/types.ts';
import { puzzleRules } from '../world/mechanisms/puzzles.ts';
import { type Marking, type NumberSpan, numbersIn } from './pieces.ts';

const digits = Array.from({ length: 10 }, (_, d) => d);
const perDigit = (id: string, label: string, from = 0): Concept[] =>
  digits.slice(from).map((d) => ({ id: `${id}=${d}`, label: `${label} ${d}` }));

/** Concepts of additions, worked sums and puzzles. */
export const sumConcepts: readonly Concept[] = [
  ...perDigit('digit', 'the digit'),
  ...perDigit('sum/a-tens', 'the tens of the first operand are', 1),
  ...perDigit('sum/a-units', 'the units of the first operand are'),
  ...perDigit('sum/b-tens', 'the tens of the second operand are', 1),
  ...perDigit('sum/b-units', 'the units of the second operand are'),
  ...perDigit('sum/next-first', 'the sum comes next; its first digit is', 1),
  ...perDigit('sum/next-last', 'the last digit of the sum comes next; it is'),
  ...perDigit('sum/units', 'the operands are known; the last digit of the sum is'),
  ...Array.from({ length: 17 }, (_, i) => ({
    id: `sum/tens=${i + 2}`,
    label: `the operands are known; their tens add up to ${i + 2}`,
  })),
  { id: 'sum/first-operand', label: 'the first operand of a sum' },
  { id: 'sum/second-operand', label: 'the second operand of a sum' },
  { id: 'sum/further-operand', label: 'the third operand of a sum or a later one' },
  { id: 'sum/tens-digit', label: 'the tens of an operand' },
  { id: 'sum/units-digit', label: 'the units of an operand' },
  { id: 'sum/carry', label: 'the operands are known and their units carry' },
  { id: 'sum/no-carry', label: 'the operands are known and their units do not carry' },
  { id: 'sum/hundred', label: 'the operands are known and the sum is 100 or more' },
  { id: 'sum/first-digit', label: 'the first digit of a sum' },
  { id: 'sum/middle-digit', label: 'the middle digit of a sum' },
  { id: 'sum/last-digit', label: 'the last digit of a sum' },
  { id: 'sum/before', label: 'just before a sum' },
  { id: 'worked/total', label: 'a running total of a worked sum' },
  { id: 'worked/addend', label: 'the number added in a step of a worked sum' },
  { id: 'worked/final', label: 'the answer after </think>' },
  { id: 'worked/second-step', label: 'in the second step of a worked sum or a later one' },
  ...Object.keys(puzzleRules).map((rule) => ({
    id: `puzzle/${rule}`,
    label: `a puzzle whose rule is ${rule}`,
  })),
  { id: 'puzzle/name', label: 'a puzzle that asks to name the rule' },
  { id: 'puzzle/copy', label: 'a puzzle that asks to copy the result' },
  { id: 'puzzle/solve', label: 'a puzzle that asks to solve it' },
  { id: 'puzzle/result', label: 'the result of a puzzle' },
];

/** Marks digits in any text, and the parts of additions, worked sums and puzzles. */
export function markSums(marking: Marking): void {
  const { document, pieces, answer, at, range, find } = marking;
  pieces.forEach(({ word }, i) => {
    if (/^\d$/.test(word)) at(i, `digit=${word}`);
  });
  const numbers = numbersIn(pieces);
  if (document.mechanism === 'addition') {
    markOperands(marking, numbers.slice(0, -1));
    markSum(marking, numbers);
  }
  if (document.mechanism === 'worked-sums') markWorked(marking, numbers);
  if (document.mechanism === 'puzzles') {
    const result = numbers[2];
    range(result.to - 1, pieces.length, `puzzle/${document.truth?.entities.rule}`);
    range(result.from, result.to, 'puzzle/result');
    for (const verb of ['Name', 'Copy', 'Solve']) {
      const from = find(verb);
      if (from >= 0 && from < answer) range(from, pieces.length, `puzzle/${verb.toLowerCase()}`);
    }
  }
}

function markOperands({ at, range }: Marking, operands: readonly NumberSpan[]): void {
  operands.forEach(({ from, to, digits: text }, i) => {
    range(from, to, `sum/${['first', 'second'][i] ?? 'further'}-operand`);
    if (text.length !== 2) return;
    at(from, 'sum/tens-digit');
    at(to - 1, 'sum/units-digit');
  });
}

/** One equation: two operands, then their sum. */
function markSum({ at, range }: Marking, [a, b, sum]: readonly NumberSpan[]): void {
  if (!sum) return;
  const [x, y] = [Number(a.digits), Number(b.digits)];
  const known = b.to - 1;
  const tens = (value: number) => Math.floor(value / 10) % 10;
  if (x < 100) range(a.from, sum.to, `sum/a-tens=${tens(x)}`);
  range(a.to - 1, sum.to, `sum/a-units=${x % 10}`);
  range(b.from, sum.to, `sum/b-tens=${tens(y)}`);
  range(known, sum.to, `sum/b-units=${y % 10}`);
  range(known, sum.to, `sum/units=${(x + y) % 10}`);
  if (x < 100) range(known, sum.to, `sum/tens=${tens(x) + tens(y)}`);
  range(known, sum.to, (x % 10) + (y % 10) > 9 ? 'sum/carry' : 'sum/no-carry');
  if (x + y >= 100) range(known, sum.to, 'sum/hundred');
  at(sum.from - 1, 'sum/before');
  at(sum.from - 1, `sum/next-first=${sum.digits[0]}`);
  at(sum.to - 2, `sum/next-last=${sum.digits.at(-1)}`);
  at(sum.from, 'sum/first-digit');
  if (sum.digits.length === 3) at(sum.from + 1, 'sum/middle-digit');
  at(sum.to - 1, 'sum/last-digit');
}

function markWorked(marking: Marking, numbers: readonly NumberSpan[]): void {
  const { pieces, at, range, find } = marking;
  const [begin, end] = [find('<think>'), find('</think>')];
  markOperands(
    marking,
    numbers.filter(({ to }) => to <= begin),
  );
  const steps = numbers.filter(({ from }) => from > begin && from < end);
  for (let i = 0; i + 2 < steps.length; i += 3) {
    const step = steps.slice(i, i + 3);
    markSum(marking, step);
    range(step[1].from, step[1].to, 'worked/addend');
    range(step[2].from, step[2].to, 'worked/total');
    if (i === 3) range(step[0].from, end, 'worked/second-step');
  }
  for (const { from, to } of numbers.filter((number) => number.from > end)) {
    at(from - 1, 'sum/before');
    range(from, to, 'worked/final');
  }
  range(end + 1, pieces.length, 'role/answer');
}
