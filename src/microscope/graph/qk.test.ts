import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { randomSet } from '../../../test/support/dictionaries.ts';
import { loadModel } from '../../model/index.ts';
import { attributePrompt } from './attribute.ts';
import { qkAttribution } from './qk.ts';

const families = join(import.meta.dirname, '../../../test/fixtures/families');
const tokens = [3, 14, 15, 9, 2, 6];

for (const name of ['gpt2', 'llama3', 'gpt-neox', 'gemma2', 'qwen3', 'gemma3'] as const) {
  test(`pairs of parts sum to the attention score: ${name}`, async () => {
    const model = await loadModel(join(families, name));
    const set = randomSet(model, {});
    const found = await attributePrompt(model, set, tokens, { tokens: [5], ignoredPositions: [0] });
    const layer = 1;
    const address = `blocks.${layer}.attn.hook_attn_scores`;
    const { cache } = await model.runWithCache(tokens, address);
    const pos = tokens.length;
    const cap = model.config.attnSoftcap;
    for (const [head, query, key] of [
      [0, 5, 2],
      [model.config.nHeads - 1, 4, 4],
      [0, 3, 0],
    ]) {
      const { score, pairs, queries, keys } = await qkAttribution(model, set, found, {
        layer,
        head,
        query,
        key,
      });
      const capped = Number(cache[address].data[(head * pos + query) * pos + key]);
      const expected = cap === null ? capped : cap * Math.atanh(capped / cap);
      assert.ok(Math.abs(score - expected) < 1e-3, `${score} is not ${expected}`);
      const total = (list: readonly { value: number }[]) => list.reduce((s, x) => s + x.value, 0);
      for (const list of [pairs, queries, keys]) assert.ok(Math.abs(total(list) - score) < 1e-4);
      assert.ok(pairs.some((pair) => pair.query.kind === 'node' && pair.key.kind === 'node'));
    }
  });
}

test('a place that does not exist is refused', async () => {
  const model = await loadModel(join(families, 'gpt2'));
  const set = randomSet(model, {});
  const found = await attributePrompt(model, set, tokens, { ignoredPositions: [0] });
  for (const place of [
    { layer: 9, head: 0, query: 3, key: 2 },
    { layer: 1, head: 9, query: 3, key: 2 },
    { layer: 1, head: 0, query: 2, key: 3 },
  ]) {
    await assert.rejects(qkAttribution(model, set, found, place), { code: 'bad-attention-place' });
  }
});
