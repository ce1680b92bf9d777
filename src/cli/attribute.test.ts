import assert from 'node:assert/strict';
import { test } from 'node:test';
import { glassbox, refusal } from '../../test/support/cli.ts';

const PROMPT = 'When Mary and John were at the park, John gave a ball to';

test('attribute shows every method with its stability', async () => {
  const other = 'Mary and John went to the park. John gave a ball to';
  const args = [PROMPT, '--target', 'Mary', '--distractor', 'John', '--samples', '40'];
  const { code, out } = await glassbox('attribute', ...args, '--paraphrase', other, '--json');
  assert.equal(code, 0, out);
  const { results, positions, tokens, unit } = JSON.parse(out);
  assert.equal(unit, 'logits');
  assert.equal(positions.length, tokens.length - 1);
  assert.equal(results.length, 7);
  for (const { values, overParaphrases } of results) {
    assert.equal(values.length, positions.length);
    assert.ok(overParaphrases.pairs === 1);
  }
  const text = await glassbox('attribute', ...args, '--methods', 'patching', 'lime');
  assert.match(text.out, /' Mary'|'Mary'/);
  assert.match(text.out, /rank correlation +runs +over seeds/);
});

test('attribute refuses what it does not know', async () => {
  const args = ['attribute', PROMPT, '--target', 'Mary'];
  for (const [more, code] of [
    [['--methods', 'shap'], 'unknown-method'],
    [['--baseline', 'none'], 'unknown-baseline'],
    [['--seeds', '0'], 'bad-option'],
    [['--paraphrase', ''], 'empty-prompt'],
    [['--distractor', 'Nonesuchname'], 'not-one-token'],
  ] as const) {
    assert.equal(await refusal(...args, ...more), code);
  }
});
