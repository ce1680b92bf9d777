import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { randomSet } from '../../../test/support/dictionaries.ts';
import { add, constant, matmul } from '../../graph/build.ts';
import type { Tensor, TensorData } from '../../graph/op.ts';
import { loadModel, type Model } from '../../model/index.ts';
import { randomModel } from '../../model/random.ts';
import type { Edit } from '../../model/run/edit-types.ts';
import type { DictionarySet } from '../dictionary/types.ts';
import { type Attribution, attributePrompt } from './attribute.ts';
import { frozenAddresses } from './frozen.ts';
import { encoderVector } from './sources.ts';

const families = join(import.meta.dirname, '../../../test/fixtures/families');

/** What every feature and logit of a graph reads at the sites of a run. */
function readings(
  set: DictionarySet,
  { graph, targets }: Attribution,
  cache: Readonly<Record<string, TensorData>>,
): (number | null)[] {
  return graph.nodes.map(({ kind, layer, position, index }) => {
    if (kind !== 'feature' && kind !== 'logit') return null;
    const [address, vector] =
      kind === 'logit'
        ? ['ln_final.hook_normalized', targets.find(({ id }) => id === index)!.vector]
        : [set.dictionaries[layer].config.reads[0], encoderVector(set.dictionaries[layer], index)];
    const data = cache[address].data as Float32Array;
    return vector.reduce((sum, v, i) => sum + v * data[position * vector.length + i], 0);
  });
}

/**
 * The frozen model with no sources in it: embeddings are zero, and of what MLPs write only what belongs to no node is
 * left, decoder biases and skip paths (at ignored positions, everything).
 */
async function withoutSources(
  model: Model,
  set: DictionarySet,
  options: {
    tokens: readonly number[];
    ignored: readonly number[];
    clean: Record<string, TensorData>;
  },
): Promise<Record<string, TensorData>> {
  const { tokens, ignored, clean } = options;
  const { dModel, nLayers } = model.config;
  const pos = tokens.length;
  const zeros = { dtype: 'float32', shape: [1, pos, dModel], data: new Float32Array(pos * dModel) };
  const frozen = frozenAddresses(model.config);
  const edits: Edit[] = [
    ...frozen.map((at): Edit => ({ at, op: 'freeze', from: clean })),
    { at: 'hook_embed', op: 'freeze', from: zeros as TensorData },
  ];
  const reads = set.dictionaries.map(({ config }) => config.reads[0]);
  for (let layer = 0; layer < nLayers; layer++) {
    const address = `blocks.${layer}.hook_mlp_out`;
    const { params, config } = set.dictionaries[layer];
    const bias = params['b_dec.0'].data as Float32Array;
    const data = new Float32Array(pos * dModel);
    for (let i = 0; i < data.length; i++) {
      const position = Math.floor(i / dModel);
      data[i] = ignored.includes(position) ? Number(clean[address].data[i]) : bias[i % dModel];
    }
    const skip = config.skip ? params.W_skip : undefined;
    if (skip) {
      // The skip path answers to what is read now, so at ignored positions its clean part comes off.
      const x = clean[reads[layer]].data as Float32Array;
      for (const position of ignored) {
        for (let d = 0; d < dModel; d++) {
          for (let i = 0; i < dModel; i++) {
            data[position * dModel + d] -=
              x[position * dModel + i] * Number(skip.data[i * dModel + d]);
          }
        }
      }
    }
    edits.push({
      at: address,
      op: 'freeze',
      from: { dtype: 'float32', shape: [1, pos, dModel], data },
    });
    if (!skip) continue;
    let read: Tensor;
    edits.push(
      { at: reads[layer], op: 'trace', apply: (x) => (read = x) },
      { at: address, op: 'trace', apply: (x) => add(x, matmul(read, constant(skip))) },
    );
  }
  const { cache } = await model.runWithEdits(tokens, edits, [...reads, 'ln_final.hook_normalized']);
  return cache;
}

/**
 * The edges into a node sum to what it reads, less what it reads when there are no sources: the graph accounts for
 * every part of every pre-activation and of every demeaned logit.
 */
async function checkCompleteness(
  model: Model,
  set: DictionarySet,
  tokens: readonly number[],
  ignored: readonly number[],
): Promise<void> {
  const found = await attributePrompt(model, set, tokens, { ignoredPositions: ignored, batch: 5 });
  const { nodes, adjacency } = found.graph;
  const n = nodes.length;
  const { cache: clean } = await model.runWithCache(tokens, [
    ...frozenAddresses(model.config),
    'blocks.*.hook_mlp_out',
    ...set.dictionaries.map(({ config }) => config.reads[0]),
    'ln_final.hook_normalized',
  ]);
  const now = readings(set, found, clean);
  const empty = readings(set, found, await withoutSources(model, set, { tokens, ignored, clean }));
  let checked = 0;
  for (let target = 0; target < n; target++) {
    const row = adjacency.subarray(target * n, (target + 1) * n);
    const total = row.reduce((sum, edge) => sum + edge, 0);
    if (now[target] === null) {
      assert.ok(row.every((edge) => edge === 0));
      continue;
    }
    checked++;
    const expected = now[target]! - empty[target]!;
    const scale = row.reduce((sum, edge) => sum + Math.abs(edge), 1);
    assert.ok(
      Math.abs(total - expected) < 2e-5 * scale,
      `${nodes[target].kind} ${target}: edges sum to ${total}, it reads ${expected}`,
    );
  }
  assert.equal(checked, found.activeFeatures + found.targets.length);
}

const kinds = ['per-layer', 'cross-layer', 'skip'] as const;
function setOf(model: Model, kind: (typeof kinds)[number], seed = 5): DictionarySet {
  return kind === 'skip'
    ? randomSet(model, { skip: true, seed })
    : randomSet(model, { kind, seed });
}

// Every way a family differs in what is frozen: norms, post-norms, caps, parallel blocks, windows, biases.
for (const [name, kind] of [
  ['gemma2', 'skip'],
  ['gemma3', 'cross-layer'],
  ['gpt-neox', 'cross-layer'],
  ['gpt-neox-sequential', 'skip'],
  ['gpt2-untied', 'per-layer'],
  ['llama-biases', 'skip'],
  ['mistral', 'cross-layer'],
  ['phi3-partial-rotary', 'per-layer'],
  ['qwen3', 'skip'],
] as const) {
  test(`edges account for every feature and logit: ${name}, ${kind}`, async () => {
    const model = await loadModel(join(families, name));
    await checkCompleteness(model, setOf(model, kind), [3, 14, 15, 9, 2], [0]);
    await model.release();
  });
}

// Other projects' transcoders read elsewhere before the MLP; ahead of the norm, too, reading is linear.
for (const [name, site, options] of [
  ['gemma2', 'ln2.hook_normalized', {}],
  ['gpt2', 'ln2.hook_normalized', { skip: true }],
  ['llama3', 'hook_resid_mid', { kind: 'cross-layer' }],
  ['qwen3', 'hook_resid_mid', { skip: true }],
  ['gpt-neox', 'hook_resid_pre', {}],
  ['gpt2', 'hook_attn_out', { kind: 'cross-layer' }],
] as const) {
  test(`edges account for every feature that reads ${site}: ${name}`, async () => {
    const model = await loadModel(join(families, name));
    await checkCompleteness(model, randomSet(model, { ...options, site }), [3, 14, 15, 9, 2], [0]);
    await model.release();
  });
}

test('edges account for every feature and logit, whatever the prompt, dictionaries and depth', async () => {
  const models = await Promise.all(
    ['gpt2', 'llama3', 'gemma2', 'gpt-neox'].map((name) => loadModel(join(families, name))),
  );
  // The same families with a single layer and other weights.
  models.push(...models.map(({ config }, i) => randomModel({ ...config, nLayers: 1 }, 40 + i)));
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        model: fc.constantFrom(...models),
        kind: fc.constantFrom(...kinds),
        seed: fc.integer({ min: 0, max: 1000 }),
        tokens: fc.array(fc.integer({ min: 0, max: 47 }), { minLength: 1, maxLength: 8 }),
        ignoreFirst: fc.boolean(),
      }),
      async ({ model, kind, seed, tokens, ignoreFirst }) => {
        const ignored = ignoreFirst && tokens.length > 1 ? [0] : [];
        await checkCompleteness(model, setOf(model, kind, seed), tokens, ignored);
      },
    ),
    { numRuns: 10 },
  );
  for (const model of models) await model.release();
});
