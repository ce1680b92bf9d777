import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FeaturePage } from '../harvest/types.ts';
import { toFeatureJson, toNeuronpediaBatch } from './neuronpedia.ts';

const page: FeaturePage = {
  feature: 7,
  fired: 3,
  counted: 12,
  density: 0.25,
  max: 4,
  mean: 2,
  activations: { low: 0, high: 4, counts: [1, 2] },
  logits: {
    histogram: { low: -1, high: 1, counts: [5, 5] },
    top: [{ id: 1, value: 0.9 }],
    bottom: [{ id: 2, value: -0.8 }],
  },
  neighbours: [{ feature: 3, value: 0.5 }],
  correlated: [{ feature: 9, value: 0.4 }],
  groups: [
    {
      name: 'top',
      low: 3,
      high: 4,
      share: 0.5,
      examples: [{ row: 0, start: 0, tokens: [1, 2], acts: [0, 4], at: 1 }],
    },
  ],
};
const tokenText = (id: number) => `t${id}`;

test("a feature in Neuronpedia's batch form keeps its figures", () => {
  const batch = toNeuronpediaBatch([page], {
    modelId: 'tiny',
    layer: '2-res-16k',
    dataset: 'world',
    tokenText,
  });
  assert.deepEqual([batch.model_id, batch.layer, batch.sae_set], ['tiny', 2, 'res-16k']);
  const [feature] = batch.features;
  assert.equal(feature.feature_index, 7);
  assert.deepEqual([feature.pos_str, feature.pos_values], [['t1'], [0.9]]);
  assert.deepEqual(feature.freq_hist_data_bar_values, [1, 3]);
  assert.deepEqual(feature.freq_hist_data_bar_heights, [1, 2]);
  assert.deepEqual(feature.activations[0].values, [0, 4]);
  assert.equal(feature.activations[0].qualifying_token_index, 1);
  assert.equal(feature.frac_nonzero, 0.25);
});

test("a feature in the form of Anthropic's front end", () => {
  const json = toFeatureJson(page, { tokenText, transcoderId: 'transcoder-2' });
  assert.equal(json.index, 7);
  assert.deepEqual(json.examples_quantiles[0].examples[0].tokens, ['t1', 't2']);
  assert.equal(json.examples_quantiles[0].quantile_name, 'Top activations');
  assert.equal(json.act_max, 4);
});
