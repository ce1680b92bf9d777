import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FeaturePage } from '../harvest/types.ts';
import { toFeatureJson, toNeuronpediaBatch, toNeuronpediaPage } from './neuronpedia.ts';
import { readForeignFeatures } from './neuronpedia-read.ts';

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

const options = { modelId: 'tiny', layer: '2-res-16k', dataset: 'world', tokenText };
const example = { tokens: ['t1', 't2'], acts: [0, 4], at: 1 };

test('one feature in the form of Neuronpedia’s interface comes back', () => {
  const descriptions = [{ text: 'places', by: 'a model' }];
  const json = JSON.parse(JSON.stringify(toNeuronpediaPage(page, { ...options, descriptions })));
  assert.deepEqual([json.modelId, json.layer, json.index], ['tiny', '2-res-16k', '7']);
  assert.equal(json.activations[0].maxValueTokenIndex, 1);
  const expected = {
    feature: 7,
    labels: [{ text: 'places', by: 'a model' }],
    density: 0.25,
    max: 4,
    top: [{ text: 't1', value: 0.9 }],
    bottom: [{ text: 't2', value: -0.8 }],
    activations: { low: 0, high: 4, counts: [1, 2] },
    groups: [{ name: 'top', low: 3, high: 4, share: 0.5, examples: [example] }],
  };
  const one = readForeignFeatures(json, 'x.json');
  assert.deepEqual(one, {
    source: { format: 'neuronpedia', name: 'tiny/2-res-16k' },
    layer: 2,
    width: null,
    features: [expected],
  });
  const list = readForeignFeatures([json, { ...json, index: 8, vector: [1, 2, 3] }], 'x.json');
  assert.deepEqual(
    list.features.map(({ feature }) => feature),
    [7, 8],
  );
  assert.equal(list.width, 3);
  const batch = JSON.parse(JSON.stringify(toNeuronpediaBatch([page], options)));
  const read = readForeignFeatures(batch, 'x.json');
  assert.deepEqual(read.source, { format: 'neuronpedia-batch', name: 'tiny/2-res-16k' });
  assert.deepEqual(read.features, [{ ...expected, labels: [] }]);
});

test('Anthropic’s form and the upload of Neuronpedia’s interface are read', () => {
  const json = toFeatureJson(page, { tokenText, transcoderId: 'transcoder-2' });
  const { source, features } = readForeignFeatures({ ...json, clerp: 'mine' }, 'x.json');
  assert.deepEqual(source, { format: 'anthropic', name: 'transcoder-2' });
  assert.deepEqual(features[0].labels, [{ text: 'mine', by: null }]);
  assert.deepEqual(features[0].groups[0].examples, [example]);
  assert.deepEqual(features[0].activations, page.activations);
  const upload = {
    modelId: 'gpt2-small',
    source: '6-res-jb',
    features: [
      {
        index: 3,
        density: 0.1,
        topLogits: [{ token: ' cat', value: 1.5 }],
        explanations: [{ text: 'cats', modelName: 'gpt-4o' }],
        activations: [
          { tokens: ['a', ' cat'], values: [0, 2], quantileMin: 1, quantileMax: 2 },
          { tokens: [' cat'], values: [9], quantileMin: 8, quantileMax: 9 },
        ],
      },
    ],
  };
  const read = readForeignFeatures(upload, 'x.json');
  assert.deepEqual([read.source.name, read.layer], ['gpt2-small/6-res-jb', 6]);
  assert.deepEqual(read.features[0].labels, [{ text: 'cats', by: 'gpt-4o' }]);
  const [first, second] = read.features[0].groups;
  assert.deepEqual([first.name, first.high, second.name], ['top', 9, '1']);
  assert.equal(second.examples[0].at, 1);
});

test('what is wrong with a feature file is named', () => {
  const json = JSON.parse(
    JSON.stringify(toNeuronpediaPage(page, { ...options, descriptions: [] })),
  );
  const cases: [unknown, RegExp][] = [
    [7, /holds no features/],
    [{ a: 1 }, /no modelId, model_id or examples_quantiles/],
    [{ ...json, pos_values: ['x'] }, /pos_values\.0/],
    [{ ...json, index: 'x' }, /index is x/],
    [[json, { ...json, layer: '3-res' }], /several dictionaries: tiny\/2-res-16k, tiny\/3-res/],
    [{ ...json, activations: [{ ...json.activations[0], values: [1] }] }, /2 tokens and 1 values/],
  ];
  for (const [wrong, message] of cases) {
    assert.throws(() => readForeignFeatures(wrong, 'x.json'), {
      code: 'bad-feature-file',
      message,
    });
  }
});
