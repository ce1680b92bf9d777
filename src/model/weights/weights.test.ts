import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  encodeSafetensors,
  openSafetensors,
  safetensorsFromBytes,
  type TensorToStore,
} from '../../base/safetensors/index.ts';
import { type ModelConfig, parseModelConfig } from '../config.ts';
import { randomParameters } from '../random.ts';
import { FAMILIES } from '../testing/fixtures.ts';
import { checkParameters, readCheckpoint, toCheckpoint } from './checkpoint.ts';
import { joinLinear, splitLinear } from './layout.ts';

async function configOf(name: string, change: object = {}): Promise<ModelConfig> {
  const text = await readFile(join(FAMILIES, name, 'config.json'), 'utf8');
  return parseModelConfig({ ...JSON.parse(text), ...change });
}

test('fused and transposed layers come apart into the right places', () => {
  // Two heads of one dimension, input width 2: rows are q0 k0 v0 q1 k1 v1.
  const stored = Float32Array.from([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  const layout = { orientation: 'out_in', inWidth: 2, parts: [2, 2, 2], groups: 2 } as const;
  assert.deepEqual(
    splitLinear(stored, layout).map((part) => [...part]),
    [
      [1, 7, 2, 8],
      [3, 9, 4, 10],
      [5, 11, 6, 12],
    ],
  );
});

test('splitting and joining are inverse for every layout', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('in_out' as const, 'out_in' as const),
      fc.integer({ min: 1, max: 70 }),
      fc.array(fc.integer({ min: 1, max: 24 }), { minLength: 1, maxLength: 3 }),
      fc.integer({ min: 1, max: 3 }),
      (orientation, inWidth, widths, groups) => {
        const parts = widths.map((width) => width * groups);
        const size = inWidth * parts.reduce((a, b) => a + b);
        const stored = Float32Array.from({ length: size }, (_, i) => i);
        const layout = { orientation, inWidth, parts, groups };
        assert.deepEqual(joinLinear(splitLinear(stored, layout), layout), stored);
      },
    ),
    { numRuns: 60 },
  );
});

test('random weights of every family survive a checkpoint', async () => {
  for (const name of ['gpt2', 'gpt-neox', 'llama3', 'qwen2', 'qwen3', 'gemma2', 'gemma3', 'phi3']) {
    const config = await configOf(name);
    const params = randomParameters(config, 5);
    const bytes = encodeSafetensors(toCheckpoint(config, params));
    assert.deepEqual(await readCheckpoint(config, safetensorsFromBytes(bytes)), params);
  }
});

test('same seed, same weights', async () => {
  const config = await configOf('gpt2');
  assert.deepEqual(randomParameters(config, 1), randomParameters(config, 1));
  assert.notDeepEqual(randomParameters(config, 1), randomParameters(config, 2));
});

test('weights that do not belong to the configuration are refused by name', async () => {
  const refused = async (
    name: string,
    options: {
      readonly change?: object;
      readonly edit?: (tensors: Map<string, TensorToStore>) => void;
      readonly code: string;
      readonly names: RegExp;
    },
  ) => {
    const source = await openSafetensors(join(FAMILIES, name));
    const tensors = new Map<string, TensorToStore>();
    for (const tensor of source.names) tensors.set(tensor, await source.readTensor(tensor));
    await source.close();
    options.edit?.(tensors);
    const config = await configOf(name, options.change);
    const read = readCheckpoint(config, safetensorsFromBytes(encodeSafetensors(tensors)));
    await assert.rejects(read, (error: Error & { code?: string }) => {
      assert.equal(error.code, options.code);
      assert.match(error.message, options.names);
      return true;
    });
  };
  await refused('gpt2', {
    change: { n_layer: 3 },
    code: 'missing-weight',
    names: /transformer\.h\.2\./,
  });
  await refused('gpt2', { change: { n_layer: 1 }, code: 'unexpected-weight', names: /h\.1\./ });
  await refused('gpt2', { change: { n_embd: 32 }, code: 'wrong-weight-shape', names: /wte/ });
  await refused('gpt2', {
    change: { tie_word_embeddings: false },
    code: 'missing-weight',
    names: /lm_head/,
  });
  await refused('llama-biases', {
    change: { attention_bias: false },
    code: 'unexpected-weight',
    names: /[qkv]_proj\.bias/,
  });
  await refused('llama3', {
    edit: (tensors) => tensors.delete('model.embed_tokens.weight'),
    code: 'missing-weight',
    names: /embed_tokens/,
  });
  await refused('phi3', {
    edit: (tensors) => {
      const name = 'model.layers.0.self_attn.qkv_proj.weight';
      const { shape, data } = tensors.get(name)!;
      tensors.set(name, { shape, data: Int32Array.from(data as Float32Array) });
    },
    code: 'wrong-weight-type',
    names: /qkv_proj/,
  });
});

test('parameters in memory are checked as strictly', async () => {
  const config = await configOf('gpt2');
  const params = randomParameters(config, 5);
  const { 'ln_final.bias': left, ...rest } = params;
  const refused = (given: typeof params, pattern: RegExp) =>
    assert.throws(() => checkParameters(config, given), {
      code: 'bad-parameters',
      message: pattern,
    });
  checkParameters(config, params);
  refused(rest, /'ln_final.bias' is missing/);
  refused({ ...params, extra: left }, /'extra'/);
  refused({ ...params, 'embed.weight': left }, /'embed.weight' is float32/);
});
