import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { EXAMPLE } from '../../src/cli/commands/dict-train.ts';
import {
  autoencoder,
  loadDictionarySet,
  parseTrainConfig,
  saveDictionary,
  shufflingBuffer,
  storeActivations,
  trainConfigSchema,
  trainDictionaries,
} from '../../src/microscope/dictionary/index.ts';
import { loadModel } from '../../src/model/index.ts';
import { randomModel } from '../../src/model/random.ts';
import { nodeRuntime } from '../../src/runtime/index.ts';
import { randomSet } from '../support/dictionaries.ts';

const folder = await mkdtemp(join(tmpdir(), 'continues-'));
after(() => rm(folder, { recursive: true, force: true }));
const model = await loadModel(join(import.meta.dirname, '../fixtures/families/gpt2'));
const ADDRESS = 'blocks.0.hook_resid_post';
const tokens = { name: 'rows', batch: (i: number) => [[i % 40, 5, 6, 7, 8, 9, 10, 11]] };
const sources = [{ model, addresses: [ADDRESS] }];

// A finished run answered for every later configuration in its folder that named the same dictionaries.
test('a checkpoint of another model, text, or schedule is not continued', async () => {
  const width = model.config.dModel;
  const task = autoencoder({
    name: 'a',
    rule: { kind: 'topk', k: 2 },
    at: ADDRESS,
    width,
    dDict: 8,
  });
  const train = (more: object) =>
    trainDictionaries({
      tasks: [task],
      source: shufflingBuffer({ sources, tokens, rows: 8, seed: 1, capacity: 16 }),
      runtime: nodeRuntime({ threads: 1 }),
      rows: 8,
      steps: 2,
      model: { name: 'one', hash: 'abc' },
      data: { corpus: 'a.txt' },
      checkpoints: { folder: join(folder, 'run'), every: 1 },
      ...more,
    });
  await train({});
  assert.equal((await train({})).step, 2);
  for (const [name, other] of [
    ['model', { model: { name: 'one', hash: 'def' } }],
    ['data', { data: { corpus: 'b.txt' } }],
    ['deadAfter', { deadAfter: 100 }],
    ['warmup', { warmup: 1 }],
  ] as const) {
    await assert.rejects(train(other), {
      code: 'checkpoint-mismatch',
      message: new RegExp(`: ${name} differ`),
    });
  }
});

// Activations on disk were told apart by the name of their text alone.
test('stored activations of another model or filter are not added to', async () => {
  const path = join(folder, 'store');
  const options = { sources, tokens, rows: 16, blockRows: 8 };
  assert.equal(await storeActivations(path, options), 16);
  assert.equal(await storeActivations(path, { ...options, rows: 24 }), 24);
  const twin = randomModel(model.config, 1);
  for (const other of [
    { sources: [{ model: twin, addresses: [ADDRESS] }] },
    { sources: [{ model, addresses: ['blocks.0.hook_mlp_out'] }] },
    { filter: { excluded: [5] } },
  ]) {
    await assert.rejects(storeActivations(path, { ...options, rows: 32, ...other }), {
      code: 'store-mismatch',
    });
  }
});

// `--help` pointed to a file that does not exist.
test('the configuration that --help shows is complete, and the recipe names every field', async () => {
  assert.equal(parseTrainConfig(JSON.parse(EXAMPLE)).dictionaries.length, 1);
  const recipe = await readFile(
    join(import.meta.dirname, '../../docs/recipes/0005-dictionaries.md'),
    'utf8',
  );
  for (const name of Object.keys(trainConfigSchema.shape)) {
    assert.ok(recipe.includes(`\`${name}\``), name);
  }
});

// A folder without dictionaries "holds no transcoder of layer 0"; layers too many were left out in silence.
test('a folder of transcoders for a deeper model, and one without any, are refused by name', async () => {
  const path = join(folder, 'deeper');
  const [dictionary] = randomSet(model, {}).dictionaries;
  for (let layer = 0; layer <= model.config.nLayers; layer++) {
    const [reads, writes] = ['mlp.hook_in', 'hook_mlp_out'].map((at) => [`blocks.${layer}.${at}`]);
    const config = { ...dictionary.config, reads, writes };
    await saveDictionary(join(path, `layer-${layer}`), { ...dictionary, config });
  }
  await assert.rejects(loadDictionarySet(model, path), { code: 'dictionary-mismatch' });
  await mkdir(join(folder, 'empty'));
  await assert.rejects(loadDictionarySet(model, join(folder, 'empty')), {
    code: 'no-dictionary',
    message: /holds no transcoders$/,
  });
});
