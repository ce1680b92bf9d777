import assert from 'node:assert/strict';
import { test } from 'node:test';
import { edgeAttribution, edgeMask, pathPatching } from '../../src/microscope/circuits/index.ts';
import { circuitRunner } from '../../src/microscope/circuits/runner.ts';
import { changedFixture, EXAMPLES } from '../../src/microscope/circuits/testing.ts';

// Scores and paths of a broken model were NaN without a word, and ACDC took NaN for an edge that does not matter.
test('a metric that is not a number is an error in every tool, also after a good start', async () => {
  const broken = await changedFixture('gpt2', (name, values) =>
    name === 'ln_final.weight' ? values.fill(Number.NaN) : values,
  );
  for (const method of ['eap', 'eap-ig-inputs', 'eap-ig-activations'] as const) {
    await assert.rejects(edgeAttribution(broken, EXAMPLES, { method }), { code: 'not-finite' });
  }
  await assert.rejects(pathPatching(broken, EXAMPLES), { code: 'not-finite' });

  const model = await changedFixture('gpt2', (_, values) => values);
  const runner = await circuitRunner(model, EXAMPLES);
  (model.params['ln_final.bias'].data as Float32Array)[0] = Number.NaN;
  await assert.rejects(runner.run([edgeMask(runner.graph)]), { code: 'not-finite' });
});
