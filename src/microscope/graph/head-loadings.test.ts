import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { randomSet } from '../../../test/support/dictionaries.ts';
import { loadModel, type Model } from '../../model/index.ts';
import type { Edit } from '../../model/run/edit-types.ts';
import type { DictionarySet } from '../dictionary/types.ts';
import { type Attribution, attributePrompt } from './attribute.ts';
import { frozenAddresses } from './frozen.ts';
import { headLoadings } from './head-loadings.ts';
import { changeEdits } from './intervene.ts';

const families = join(import.meta.dirname, '../../../test/fixtures/families');
const tokens = [3, 14, 15, 9, 2, 6];

/** How far doubling a feature moves the first logit, with one head's output held at the clean value. */
async function movedWithout(
  model: Model,
  set: DictionarySet,
  found: Attribution,
  options: { readonly source: number; readonly layer: number; readonly head: number },
): Promise<number> {
  const mlps = Array.from({ length: model.config.nLayers }, (_, l) => `blocks.${l}.hook_mlp_out`);
  const z = `blocks.${options.layer}.attn.hook_z`;
  const held = [...frozenAddresses(model.config), ...mlps];
  const site = 'ln_final.hook_normalized';
  const clean = await model.runWithCache(tokens, [...held, z, site]);
  const edits: Edit[] = [
    ...held.map((at): Edit => ({ at, op: 'freeze', from: clean.cache })),
    { at: z, op: 'freeze', from: clean.cache, heads: [options.head] },
    ...changeEdits(set, found, [{ node: options.source, factor: 2 }]),
  ];
  const { cache } = await model.runWithEdits(tokens, edits, site);
  const { vector } = found.targets[0];
  const start = (tokens.length - 1) * vector.length;
  return vector.reduce(
    (sum, v, i) =>
      sum + v * (Number(cache[site].data[start + i]) - Number(clean.cache[site].data[start + i])),
    0,
  );
}

for (const [name, kind] of [
  ['gpt2', 'per-layer'],
  ['llama3', 'per-layer'],
  ['gemma2', 'cross-layer'],
  ['gpt-neox', 'per-layer'],
] as const) {
  test(`a head's loading is what the edge loses when the head is held: ${name}`, async () => {
    const model = await loadModel(join(families, name));
    const set = randomSet(model, { kind });
    const found = await attributePrompt(model, set, tokens, { tokens: [5], ignoredPositions: [0] });
    const { nodes } = found.graph;
    const target = nodes.length - 1;
    const source = nodes.findIndex((node) => node.kind === 'feature' && node.position === 2);
    const { edge, layers } = await headLoadings(model, set, found, { source, target });
    assert.equal(layers.length, model.config.nLayers);
    for (const { layer, heads, bypass } of layers) {
      const sum = heads.reduce((a, b) => a + b, bypass);
      assert.ok(Math.abs(sum - edge) < 1e-6);
      for (const [head, loading] of heads.entries()) {
        const left = await movedWithout(model, set, found, { source, layer, head });
        assert.ok(
          Math.abs(edge - left - loading) < 1e-3,
          `layer ${layer} head ${head}: ${loading}, measured ${edge - left}`,
        );
      }
    }
    // A feature of layer 0 cannot have passed through the attention of layer 0.
    assert.equal(nodes[source].layer, 0);
    assert.ok(layers[0].heads.every((loading) => loading === 0));
    await assert.rejects(headLoadings(model, set, found, { source: target, target }), {
      code: 'bad-edge',
    });
  });
}
