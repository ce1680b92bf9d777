import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { randomSet } from '../../../test/support/dictionaries.ts';
import { Rng } from '../../base/rng.ts';
import { add, constant, matmul } from '../../graph/build.ts';
import type { Tensor, TensorData } from '../../graph/op.ts';
import { loadModel, type Model } from '../../model/index.ts';
import type { Edit } from '../../model/run/edit-types.ts';
import type { DictionarySet } from '../dictionary/types.ts';
import { type Attribution, attributePrompt } from './attribute.ts';
import { frozenAddresses } from './frozen.ts';
import { decoderVector, encoderVector } from './sources.ts';

const families = join(import.meta.dirname, '../../../test/fixtures/families');
const tokens = [3, 14, 15, 9, 2, 6];

/**
 * The pre-activation of every traced feature and the demeaned logits, in the model with patterns and
 * scales frozen and MLP outputs given.
 */
async function frozenRun(
  model: Model,
  set: DictionarySet,
  attribution: Attribution,
  changes: readonly Edit[],
): Promise<number[]> {
  const clean = await model.runWithCache(tokens, [
    ...frozenAddresses(model.config),
    'blocks.*.hook_mlp_out',
    'blocks.*.mlp.hook_in',
  ]);
  const frozen: Edit[] = [
    ...frozenAddresses(model.config),
    ...Array.from({ length: model.config.nLayers }, (_, l) => `blocks.${l}.hook_mlp_out`),
  ].map((at) => ({ at, op: 'freeze', from: clean.cache }));
  frozen.push(...skipPaths(set, clean.cache));
  const reads = set.dictionaries.map(({ config }) => config.reads[0]);
  const { cache } = await model.runWithEdits(
    tokens,
    [...frozen, ...changes],
    [...reads, 'ln_final.hook_normalized'],
  );
  const dot = (address: string, position: number, vector: Float32Array) => {
    const data = cache[address].data as Float32Array;
    return vector.reduce((sum, v, i) => sum + v * data[position * vector.length + i], 0);
  };
  return attribution.graph.nodes.map((node) => {
    if (node.kind === 'feature') {
      const vector = encoderVector(set.dictionaries[node.layer], node.index);
      return dot(reads[node.layer], node.position, vector);
    }
    if (node.kind !== 'logit') return Number.NaN;
    const target = attribution.targets.find(({ id }) => id === node.index)!;
    return dot('ln_final.hook_normalized', node.position, target.vector);
  });
}

/** Lets every skip path answer to changes of its input while the rest of the MLP output is held. */
function skipPaths(set: DictionarySet, clean: Readonly<Record<string, TensorData>>): Edit[] {
  return set.dictionaries.flatMap(({ config, params }, layer): Edit[] => {
    if (!config.skip) return [];
    let read: Tensor;
    const x = clean[config.reads[0]].data as Float32Array;
    const weight = params.W_skip.data as Float32Array;
    const { dIn, dOut } = config;
    const data = Float32Array.from({ length: (x.length / dIn) * dOut }, (_, k) => {
      const [row, column] = [Math.floor(k / dOut), k % dOut];
      let total = 0;
      for (let i = 0; i < dIn; i++) total += x[row * dIn + i] * weight[i * dOut + column];
      return total;
    });
    const product: TensorData = { dtype: 'float32', shape: [1, x.length / dIn, dOut], data };
    return [
      {
        at: config.reads[0],
        op: 'trace',
        apply: (x) => {
          read = x;
          return x;
        },
      },
      {
        at: `blocks.${layer}.hook_mlp_out`,
        op: 'trace',
        apply: (x) => add(x, matmul(read, constant(params.W_skip))),
      },
      { at: `blocks.${layer}.hook_mlp_out`, op: 'add', vector: product, strength: -1 },
    ];
  });
}

/** What doubling a source adds where it writes. */
function doubling(model: Model, set: DictionarySet, found: Attribution, source: number): Edit[] {
  const { nodes } = found.graph;
  const { kind, layer, position, index, activation } = nodes[source];
  const { dModel } = model.config;
  if (kind === 'token') {
    const embed = model.params['embed.weight'].data as Float32Array;
    const vector = embed.slice(index * dModel, (index + 1) * dModel);
    return [
      {
        at: 'hook_embed',
        op: 'add',
        vector,
        strength: model.config.embedScale,
        positions: [position],
      },
    ];
  }
  if (kind === 'error') {
    const vector = found.decomposition.errors[layer].slice(
      position * dModel,
      (position + 1) * dModel,
    );
    return [{ at: `blocks.${layer}.hook_mlp_out`, op: 'add', vector, positions: [position] }];
  }
  const dictionary = set.dictionaries[layer];
  return dictionary.config.writes.map((at, j) => {
    const vector = decoderVector(dictionary, index, j);
    return { at, op: 'add', vector, strength: activation!, positions: [position] };
  });
}

const cases = [
  ['gpt2', 'per-layer', false],
  ['gpt2', 'cross-layer', false],
  ['gpt2', 'per-layer', true],
  ['llama3', 'per-layer', false],
  ['gemma2', 'cross-layer', false],
  ['gpt-neox', 'per-layer', false],
] as const;
for (const [name, kind, skip] of cases) {
  const title = `${name}, ${kind}${skip ? ', skip' : ''}`;
  test(`doubling any source moves every target by its column: ${title}`, async () => {
    const model = await loadModel(join(families, name));
    const set = randomSet(model, { kind, skip });
    const found = await attributePrompt(model, set, tokens, { ignoredPositions: [0], batch: 7 });
    const { nodes, adjacency } = found.graph;
    const n = nodes.length;
    assert.equal(adjacency.length, n * n);
    const before = await frozenRun(model, set, found, []);
    const rng = new Rng(1);
    const sources = [...nodes.keys()].filter(
      (i) => nodes[i].kind !== 'logit' && nodes[i].position > 0,
    );
    for (const source of rng.sample(sources, 12)) {
      const changes = doubling(model, set, found, source);
      const after = await frozenRun(model, set, found, changes);
      for (let target = 0; target < n; target++) {
        const edge = adjacency[target * n + source];
        if (Number.isNaN(before[target])) {
          assert.equal(edge, 0);
          continue;
        }
        const moved = after[target] - before[target];
        assert.ok(
          Math.abs(moved - edge) < 1e-3 + 1e-3 * Math.abs(edge),
          `${nodes[source].kind} ${source} → ${nodes[target].kind} ${target}: moved ${moved}, edge ${edge}`,
        );
      }
    }
  });
}

test('features in a row of their own are the most influential ones when there is a limit', async () => {
  const model = await loadModel(join(families, 'gpt2'));
  const set = randomSet(model, {});
  const all = await attributePrompt(model, set, tokens, { ignoredPositions: [0] });
  const few = await attributePrompt(model, set, tokens, {
    ignoredPositions: [0],
    maxFeatures: 10,
    batch: 2,
    rankEvery: 1,
  });
  const features = (found: Attribution) =>
    found.graph.nodes.filter(({ kind }) => kind === 'feature');
  assert.equal(features(few).length, 10);
  assert.equal(features(all).length, all.activeFeatures);
  assert.equal(few.activeFeatures, all.activeFeatures);
});

test('a difference of two logits is one target; nothing active is an error', async () => {
  const model = await loadModel(join(families, 'gpt2'));
  const set = randomSet(model, {});
  const difference = { target: 5, distractor: 17 };
  const { graph, targets } = await attributePrompt(model, set, tokens, { difference });
  assert.equal(targets.length, 1);
  assert.equal(graph.nodes.filter(({ kind }) => kind === 'logit').length, 1);
  const silent = {
    ...set,
    dictionaries: set.dictionaries.map(({ config, params }) => {
      const b_enc = { ...params.b_enc, data: new Float32Array(config.dDict).fill(-1e6) };
      return { config, params: { ...params, b_enc } };
    }),
  };
  await assert.rejects(attributePrompt(model, silent, tokens), { code: 'no-active-features' });
  const short = { ...set, dictionaries: set.dictionaries.slice(1) };
  await assert.rejects(attributePrompt(model, short, tokens), { code: 'dictionary-mismatch' });
});
