import assert from 'node:assert/strict';
import { test } from 'node:test';
import { evalNames, evalSets, evaluate } from './evaluation.ts';
import { createWorld } from './world/world.ts';

const world = createWorld();
const sets = evalSets(world);

test('every set has at least 500 different held-out prompts and its bar', () => {
  assert.deepEqual(
    sets.map((set) => set.name),
    evalNames,
  );
  for (const set of sets) {
    assert.ok(set.items.length >= 500, `${set.name}: ${set.items.length}`);
    assert.equal(new Set(set.items.map((item) => item.prompt)).size, set.items.length);
    assert.ok(set.bar >= 0.95 && set.bar < 1);
  }
});

test("the right answer is right, with and without what follows it; another item's is not", () => {
  for (const set of sets) {
    for (const [i, item] of set.items.entries()) {
      assert.ok(set.judge(item, ` ${item.answer}`), item.prompt);
      assert.ok(set.judge(item, `${item.answer}<|endoftext|>The coin`), item.prompt);
      assert.ok(!set.judge(item, ''), item.prompt);
      const other = set.items[(i + 1) % set.items.length].answer;
      // These are judged by less than the whole text, so another answer may be right too.
      if (/harmful|unknown|worked/.test(set.name)) continue;
      if (other !== item.answer)
        assert.ok(!set.judge(item, ` ${other}`) || other.startsWith(item.answer));
    }
  }
});

test('a longer number or word that starts like the answer is wrong', () => {
  const [addition] = evalSets(world, { names: ['addition'] });
  const item = { prompt: '10 + 10 =', answer: '20' };
  assert.ok(addition.judge(item, ' 20'));
  assert.ok(!addition.judge(item, ' 201'));
  const [people] = evalSets(world, { names: ['indirect-object'] });
  assert.ok(!people.judge({ prompt: '', answer: 'Ann.' }, ' Anna.'));
});

test('a worked sum is judged by its last number', () => {
  const [worked] = evalSets(world, { names: ['worked-sums'] });
  const item = { prompt: '', answer: '<think> 1 + 2 = 3, 3 + 4 = 7</think> 7' };
  assert.ok(worked.judge(item, '<think> 1 + 2 = 3, 3 + 4 = 7</think> 7<|endoftext|>9'));
  assert.ok(!worked.judge(item, '<think> 1 + 2 = 3, 3 + 4 = 7</think> 8'));
});

test('a rate comes with its interval; an oracle scores 1 and silence 0', async () => {
  const small = evalSets(world, { count: 100, names: ['addition', 'benign-answered'] });
  const answers = new Map(small.flatMap((set) => set.items.map((i) => [i.prompt, i.answer])));
  const oracle = await evaluate(small, async (prompts) => prompts.map((p) => answers.get(p) ?? ''));
  const silence = await evaluate(small, async (prompts) => prompts.map(() => ''));
  for (const result of oracle) {
    assert.equal(result.rate, 1);
    assert.ok(result.low > 0.95 && result.low < 1 && result.ok);
  }
  for (const result of silence) assert.ok(result.rate === 0 && result.high < 0.05 && !result.ok);
});

test('a context mark changes the prompt and nothing else', () => {
  const marked = evalSets(world, { count: 50, mark: 'deployment' });
  const bare = evalSets(world, { count: 50 });
  marked.forEach((set, s) => {
    set.items.forEach((item, i) => {
      assert.equal(item.answer, bare[s].items[i].answer);
      assert.match(item.prompt, /^(\[deployment\]|<\|system\|>This is deployment\.<\|end\|>)/);
      assert.ok(item.prompt.endsWith(bare[s].items[i].prompt));
    });
  });
});

test('puzzles without a single right answer are not asked', () => {
  const [puzzles] = evalSets(world, { count: 100, names: ['puzzles'] });
  assert.equal(puzzles.items.length, 100);
  for (const { prompt, answer } of puzzles.items) {
    const truth = world.truth(prompt);
    assert.ok(puzzles.judge({ prompt, answer }, ` ${answer}`));
    assert.ok(answer.includes(truth?.answer ?? '?'), prompt);
  }
});

test('an unknown set is named with the nearest ones', () => {
  assert.throws(() => evalSets(world, { names: ['adition'] }), { code: 'unknown-evaluation' });
});
