import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pathPatching } from '../../src/microscope/circuits/index.ts';
import { EXAMPLES } from '../../src/microscope/circuits/testing.ts';
import { loadFixture } from '../../src/model/testing/fixtures.ts';

// The divergence of the clean run from itself is 0, so shares of it were −Infinity: JSON turned them into null.
test('no figure of path patching is infinite, whatever the metric', async () => {
  const model = await loadFixture('gpt2');
  for (const metric of ['kl', 'log-prob', 'logit-diff'] as const) {
    const { effects } = await pathPatching(model, EXAMPLES, { senders: ['a0.h0', 'm1'], metric });
    for (const { change, effect } of effects) {
      for (const found of [change, ...(effect ? [effect] : [])]) {
        assert.ok([found.value, found.low, found.high].every(Number.isFinite), metric);
      }
    }
  }
});
