import assert from 'node:assert/strict';
import { test } from 'node:test';
import { foldValueBiases } from '../../src/microscope/ioi/index.ts';
import { loadFixture, maxDifference } from '../../src/model/testing/fixtures.ts';

// Only the value biases were moved, so published shares of GPT-2's heads, which leave out what the bias of the norm before
// attention makes of the values too, could not have been met.
test('nothing constant is left in the values, and the model says the same', async () => {
  const original = await loadFixture('gpt2');
  const folded = foldValueBiases(original);
  const { dModel, nHeads, dHead } = original.config;
  const tokens = [3, 7, 9, 1];
  const values = 'blocks.1.attn.hook_v';
  const normed = 'blocks.1.ln1.hook_normalized';
  const { cache, logits } = await folded.runWithCache(tokens, [values, normed]);
  const plain = await original.forward(tokens);
  assert.ok(maxDifference(plain.logits, logits) < 1e-4);
  const gain = original.params['blocks.1.ln1.weight'].data as Float32Array;
  const weight = original.params['blocks.1.attn.v.weight'].data as Float32Array;
  const x = cache[normed].data as Float32Array;
  const found = cache[values].data as Float32Array;
  for (let i = 0; i < found.length; i++) {
    const [position, column] = [Math.floor(i / (nHeads * dHead)), i % (nHeads * dHead)];
    let expected = 0;
    for (let d = 0; d < dModel; d++) {
      expected += x[position * dModel + d] * gain[d] * weight[d * nHeads * dHead + column];
    }
    assert.ok(Math.abs(found[i] - expected) < 1e-4, `${i}: ${found[i]} ${expected}`);
  }
});
