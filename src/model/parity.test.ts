import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openSafetensors } from '../base/safetensors/index.ts';
import { nodeRuntime } from '../runtime/node/index.ts';
import { parseModelConfigText } from './config.ts';
import { loadModel, saveModel } from './load.ts';
import { createModel } from './model.ts';
import { verifyAgainstReference } from './verify.ts';
import { readCheckpoint } from './weights/checkpoint.ts';

const fixtures = join(import.meta.dirname, '../../test/fixtures');
const families = readdirSync(join(fixtures, 'families')).filter((name) =>
  existsSync(join(fixtures, 'families', name, 'reference.safetensors')),
);
const runtime = nodeRuntime();

test('there is a reference for every family', async () => {
  const found = new Set<string>();
  for (const name of families) {
    const path = join(fixtures, 'families', name, 'config.json');
    found.add(parseModelConfigText(await readFile(path, 'utf8')).family);
  }
  const all = 'gemma2 gemma3 gpt2 gpt_neox llama mistral phi3 qwen2 qwen3';
  assert.deepEqual([...found].sort().join(' '), all);
});

for (const name of families) {
  const folder = join(fixtures, 'families', name);

  test(`${name} matches transformers to 1e-4 at logits and every activation`, async () => {
    const model = await loadModel(folder, { runtime });
    const found = await verifyAgainstReference(model, join(folder, 'reference.safetensors'));
    assert.ok(found.tensors.some((tensor) => tensor.name === 'logits'));
    assert.ok(found.tensors.some((tensor) => tensor.name === 'blocks.0.hook_resid_post'));
    assert.ok(found.ok, JSON.stringify(found.tensors));
    await model.release();
  });

  test(`${name} loads alike from the configuration as published`, async () => {
    const text = await readFile(join(folder, 'config.hub.json'), 'utf8');
    const config = parseModelConfigText(text);
    const source = await openSafetensors(folder);
    const model = createModel(config, await readCheckpoint(config, source), { runtime });
    await source.close();
    const found = await verifyAgainstReference(model, join(folder, 'reference.safetensors'));
    assert.ok(found.ok, JSON.stringify(found.tensors));
    await model.release();
  });
}

for (const file of readdirSync(join(fixtures, 'transformerlens'))) {
  if (!file.endsWith('.safetensors')) continue;
  const name = file.replace('.safetensors', '');
  test(`${name} matches TransformerLens at every address`, async () => {
    const model = await loadModel(join(fixtures, 'families', name), { runtime });
    const found = await verifyAgainstReference(model, join(fixtures, 'transformerlens', file));
    const compared = new Set(found.tensors.map((tensor) => tensor.name));
    // HookedTransformer has no hook on what the MLP multiplies; the test below checks ours.
    const missing = model.addresses.filter(
      ({ address }) => !compared.has(address) && !address.endsWith('.mlp.hook_in'),
    );
    assert.deepEqual(missing, [], 'every address of the model is in the reference');
    assert.ok(found.ok, JSON.stringify(found.tensors));
    await model.release();
  });
}

for (const name of ['gpt2', 'llama3', 'gemma2', 'gpt-neox']) {
  test(`${name}: the input weight of the MLP takes mlp.hook_in to mlp.hook_pre`, async () => {
    const model = await loadModel(join(fixtures, 'families', name), { runtime });
    const { mlp, dModel, dMlp } = model.config;
    const { cache } = await model.runWithCache([1, 2, 3], 'blocks.1.mlp.{hook_in,hook_pre}');
    const prefix = `blocks.1.mlp.${mlp === 'gated' ? 'gate' : 'in'}`;
    const weight = model.params[`${prefix}.weight`].data as Float32Array;
    const bias = model.params[`${prefix}.bias`]?.data as Float32Array | undefined;
    const [x, pre] = ['in', 'pre'].map((hook) => cache[`blocks.1.mlp.hook_${hook}`].data);
    for (let j = 0; j < dMlp; j++) {
      let sum = bias?.[j] ?? 0;
      for (let i = 0; i < dModel; i++) sum += Number(x[2 * dModel + i]) * weight[i * dMlp + j];
      assert.ok(Math.abs(sum - Number(pre[2 * dMlp + j])) < 1e-4);
    }
  });
}

const nano = join(import.meta.dirname, '../../../shared/data/nano-gpt');
// A trained model that is not part of the repository; its check exists where the folder does.
if (existsSync(nano)) {
  test('a trained GPT-2 matches every tensor of its reference to 1e-5', async () => {
    const model = await loadModel(nano, { runtime });
    const found = await verifyAgainstReference(model, join(nano, 'reference.safetensors'), {
      tolerance: 1e-5,
    });
    assert.ok(found.ok, JSON.stringify(found.tensors));
    assert.equal(found.tensors.length, 16);
    await model.release();
  });
}

test('saving writes the tensors that were loaded, under the same names', async () => {
  const scratch = await mkdtemp(join(tmpdir(), 'glassbox-save-'));
  after(() => rm(scratch, { recursive: true }));
  for (const name of ['gpt2', 'gpt-neox-sequential', 'llama-biases', 'gemma3', 'phi3', 'qwen3']) {
    const folder = join(fixtures, 'families', name);
    const out = join(scratch, name);
    const model = await loadModel(folder, { runtime });
    await saveModel(out, model);
    const [before, saved] = [await openSafetensors(folder), await openSafetensors(out)];
    assert.deepEqual([...saved.names].sort(), [...before.names].sort());
    for (const tensor of before.names) {
      assert.deepEqual(await saved.readTensor(tensor), await before.readTensor(tensor), tensor);
    }
    await before.close();
    await saved.close();
    await model.release();
  }
});
