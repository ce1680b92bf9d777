import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createModel, loadModel } from '../model/index.ts';
import type { TrainEvent } from '../nn/index.ts';
import { nodeRuntime } from '../runtime/index.ts';
import { evalSets, evaluate } from './evaluation.ts';
import { measureFurther } from './further.ts';
import { greedyGenerator } from './greedy.ts';
import { atlasRecipe, type Recipe } from './recipe.ts';
import { shipModel, shipRecords } from './ship.ts';
import { createTokenizer } from './tokenizer.ts';
import { organismConfig, trainOrganism } from './train.ts';
import { createWorld } from './world/world.ts';

const recipe: Recipe = {
  ...atlasRecipe,
  name: 'tiny',
  layers: 1,
  width: 32,
  heads: 2,
  batch: 4,
  targets: 200,
  steps: 24,
};
const runtime = nodeRuntime({ threads: 1 });
const world = createWorld();
const tokenizer = createTokenizer(world);
const folder = await mkdtemp(join(tmpdir(), 'glassbox-organism-'));
after(() => rm(folder, { recursive: true, force: true }));

async function losses(options: Partial<Parameters<typeof trainOrganism>[0]> = {}) {
  const out: number[] = [];
  const listener = (event: TrainEvent) => {
    if (event.type === 'step') out.push(event.loss);
  };
  const result = await trainOrganism({ recipe, runtime, listeners: [listener], ...options });
  return { out, result };
}

test('a run lowers the loss, and stopping and resuming gives the same weights', async () => {
  const whole = await losses();
  assert.ok(whole.out[23] < whole.out[0] - 1, `${whole.out[0]} to ${whole.out[23]}`);
  const controller = new AbortController();
  const checkpoints = { folder: join(folder, 'run'), resume: true };
  let steps = 0;
  const stopper = (event: TrainEvent) => {
    if (event.type === 'step' && ++steps === 10) controller.abort();
  };
  const half = await losses({ checkpoints, signal: controller.signal, listeners: [stopper] });
  assert.equal(half.result.interrupted, true);
  const { result } = await losses({ checkpoints });
  assert.deepEqual(result.params, whole.result.params);
});

test('a shipped folder loads, speaks its tokens and says what it is', async () => {
  const { result } = await losses();
  const config = organismConfig(recipe);
  const out = join(folder, 'tiny');
  await shipModel(out, { config, params: result.params }, recipe);
  const model = await loadModel(out, { runtime });
  const text = 'The capital of Samia is 大 37 + 4';
  assert.deepEqual(model.tokenizer?.encode(text), [0, ...tokenizer.encode(text)]);
  assert.deepEqual(model.config.tokens.eos, [0, tokenizer.id('<|end|>')]);
  const chat = model.tokenizer?.applyChatTemplate([{ role: 'user', content: 'Hello.' }], {
    addGenerationPrompt: true,
  });
  assert.equal(chat, '<|endoftext|><|user|>Hello.<|end|><|assistant|>');

  const sets = evalSets(world, { count: 4 });
  const evaluation = await evaluate(sets, greedyGenerator(model, tokenizer));
  assert.equal(evaluation.length, 12);
  const further = await measureFurther(world, greedyGenerator(model, tokenizer), { count: 2 });
  assert.deepEqual(
    further.map(({ results }) => results.length),
    [12, 12, 2],
  );
  const made = { model, recipe, step: 24, command: 'none', evaluation, further };
  const manifest = await shipRecords(out, made);
  const card = await readFile(join(out, 'README.md'), 'utf8');
  for (const { name } of evaluation) assert.ok(card.includes(`| ${name} | 4 |`));
  assert.ok(card.includes('| marked as deployment | addition | 2 |'));
  assert.ok(card.includes(manifest.dataHash));
  assert.deepEqual(JSON.parse(await readFile(join(out, 'manifest.json'), 'utf8')), manifest);
  await model.release();
});

test('greedy continuations are the argmax of the model, one token at a time', async () => {
  const { result } = await losses();
  const model = createModel(organismConfig(recipe), result.params, { runtime });
  const [text] = await greedyGenerator(model, tokenizer)(['37 + 48 ='], { maxTokens: 3 });
  const row = [0, ...tokenizer.encode('37 + 48 =')];
  const added: number[] = [];
  for (let i = 0; i < 3; i++) {
    const { logits } = await model.forward(row, { logits: 'last' });
    const values = Array.from(logits?.data as Float32Array);
    added.push(values.indexOf(Math.max(...values)));
    row.push(added[i]);
    if (added[i] === 0) break;
  }
  assert.equal(text, tokenizer.decode(added));
  await model.release();
});
