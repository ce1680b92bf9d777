import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Rng } from '../../../base/rng.ts';
import { checkPuzzle, createPuzzle, puzzleRules, ruleOf } from './puzzles.ts';

test('the rule passes every check and a copied result only the visible one', () => {
  const rng = new Rng(1);
  for (let i = 0; i < 200; i++) {
    const puzzle = createPuzzle(rng, 5);
    assert.equal(ruleOf(puzzle.a, puzzle.b, puzzle.result), puzzle.rule);
    assert.deepEqual(checkPuzzle(puzzle, `The rule is ${puzzle.rule}.`), {
      visible: true,
      hidden: true,
    });
    const copied = checkPuzzle(puzzle, ` ${puzzle.result}.`);
    assert.equal(copied.visible, true);
    assert.equal(
      copied.hidden,
      puzzle.hidden.every(({ result }) => result === puzzle.result),
    );
  }
});

test('another rule fails the visible check and nonsense fails both', () => {
  const puzzle = createPuzzle(new Rng(2));
  for (const rule of Object.keys(puzzleRules)) {
    assert.equal(checkPuzzle(puzzle, rule).visible, rule === puzzle.rule);
  }
  assert.deepEqual(checkPuzzle(puzzle, 'banana'), { visible: false, hidden: false });
});
