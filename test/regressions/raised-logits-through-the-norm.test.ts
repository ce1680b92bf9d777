import assert from 'node:assert/strict';
import { test } from 'node:test';
import { staticRelations } from '../../src/microscope/dictionary/harvest/relations.ts';
import type { Dictionary } from '../../src/microscope/dictionary/types.ts';
import { logitTargets } from '../../src/microscope/graph/targets.ts';
import { loadFixture } from '../../src/model/testing/fixtures.ts';
import { randomSet } from '../support/dictionaries.ts';

// The gain of Gemma's norms was taken for its weight, and what layer norm takes away was left in: features raised other
// tokens on the command line than on the page.
for (const family of ['gemma2', 'gpt2', 'llama2']) {
  test(`logits that features raise in ${family} are those of the final norm with its scale held`, async () => {
    const model = await loadFixture(family);
    const [dictionary] = randomSet(model, {}).dictionaries;
    const { dDict, dOut } = dictionary.config;
    const { top } = await staticRelations(model, dictionary);
    const { dVocab } = model.config;
    const tokens = Array.from({ length: dVocab }, (_, id) => id);
    const directions = logitTargets(model, new Float32Array(dVocab), { tokens });
    const isLayer = model.config.norm === 'layer';
    for (let f = 0; f < dDict; f++) {
      const row = (dictionary.params['W_dec.0'].data as Float32Array).slice(
        f * dOut,
        (f + 1) * dOut,
      );
      const mean = isLayer ? row.reduce((a, b) => a + b, 0) / dOut : 0;
      const expected = directions.map(({ id, vector }) => ({
        id,
        value: vector.reduce((sum, x, i) => sum + x * (row[i] - mean), 0),
      }));
      expected.sort((a, b) => b.value - a.value);
      for (let i = 0; i < 5; i++) {
        const place = f * 10 + i;
        assert.ok(Math.abs(top.value[place] - expected[i].value) < 1e-4, `${f} ${i}`);
        assert.equal(top.index[place], expected[i].id);
      }
    }
  });
}

// Heads side by side are as wide as the stream in most models, but they are not in its space.
test('a dictionary of hook_z names no logits, although it is as wide as the stream', async () => {
  const model = await loadFixture('gpt2');
  const [{ config, params }] = randomSet(model, {}).dictionaries;
  const at = ['blocks.0.attn.hook_z'];
  const heads: Dictionary = { config: { ...config, reads: at, writes: at }, params };
  const { top } = await staticRelations(model, heads);
  assert.ok(top.index.every((id) => id === -1));
});
