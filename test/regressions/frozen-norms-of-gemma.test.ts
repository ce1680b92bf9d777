import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pathPatching } from '../../src/microscope/circuits/index.ts';
import { changedFixture, EXAMPLES } from '../../src/microscope/circuits/testing.ts';

/**
 * Gemma 2 without its soft cap and last MLP: with all norms held, paths from an early head through the values of
 * the last layer's heads are linear, so two of them together change the logits by the sum of what each does.
 */
const linearPath = () =>
  changedFixture(
    'gemma2',
    (name, values) => (name === 'blocks.2.mlp.out.weight' ? values.fill(0) : values),
    { finalSoftcap: null },
  );

// The norms behind attention and MLP were computed again although norms were said to be held.
test('held norms of Gemma 2 are those behind attention too', async () => {
  const model = await linearPath();
  const examples = EXAMPLES.slice(0, 1);
  const change = async (receivers: readonly string[]) => {
    const options = { senders: ['a1.h1'], receivers, freezeNorms: true };
    const { effects } = await pathPatching(model, examples, options);
    return effects[0].change.value;
  };
  const [first, second] = [await change(['a2.h0<v>']), await change(['a2.h1<v>'])];
  const both = await change(['a2.h0<v>', 'a2.h1<v>']);
  assert.ok(Math.abs(first) > 1e-4 && Math.abs(second) > 1e-4, `${first} ${second}`);
  assert.ok(Math.abs(both - first - second) < 1e-6 + 1e-4 * Math.abs(both), `${both}`);
});
