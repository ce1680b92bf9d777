import assert from 'node:assert/strict';
import { appendFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { writeModelWithDictionaries } from '../../test/support/dictionary-model.ts';
import { loadDictionary, saveDictionary } from '../microscope/dictionary/files.ts';
import { harvest } from '../microscope/dictionary/harvest/harvest.ts';
import type { Dictionary } from '../microscope/dictionary/types.ts';
import { encodePrompt } from '../microscope/prompt.ts';
import { openModel } from '../model/index.ts';
import type { LabPosts } from './api.ts';
import { type Lab, startLab } from './server.ts';
import { labClient } from './testing/client.ts';

const PROMPT = 'When Mary and John went to the store, John gave a drink to';
const ASKED = { prompt: PROMPT, target: ' Mary', distractor: ' John' };
let folder: string;
let lab: Lab;
let client: ReturnType<typeof labClient>;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lab-features-'));
  await writeModelWithDictionaries(join(folder, 'model'));
  const own = join(folder, 'model', 'dictionaries');
  const { config, params } = await loadDictionary(join(own, 'transcoder-1'));
  const at = 'blocks.1.hook_resid_post';
  const autoencoder: Dictionary = { params, config: { ...config, reads: [at], writes: [at] } };
  // Beside the model's own, in a folder that the lab is given: one that fits, one of another model.
  const given = join(folder, 'given');
  await saveDictionary(join(given, 'resid-1'), autoencoder);
  const narrow = { ...config, dIn: 3, dOut: 3, dDict: 2 };
  const zeros = (shape: number[]) => {
    const data = new Float32Array(shape.reduce((a, b) => a * b));
    return { dtype: 'float32' as const, shape, data };
  };
  const foreign = {
    'W_enc.0': zeros([3, 2]),
    b_enc: zeros([2]),
    'W_dec.0': zeros([2, 3]),
    'b_dec.0': zeros([3]),
  };
  await saveDictionary(join(given, 'foreign'), { config: narrow, params: foreign });
  const model = await openModel(join(folder, 'model'));
  const rows = [encodePrompt(model, PROMPT), encodePrompt(model, 'Mary gave John a drink')];
  await harvest(join(given, 'resid-1', 'harvest'), model, autoencoder, {
    tokens: { name: 'two rows', batch: (i) => (i === 0 ? rows : undefined) },
    batches: 1,
  });
  await model.release();
  await mkdir(join(folder, 'runs', 'one'), { recursive: true });
  lab = await startLab({
    model: join(folder, 'model'),
    port: 0,
    warm: false,
    page: null,
    dictionaries: [given],
    runs: [join(folder, 'runs')],
  });
  client = labClient(lab.url);
});

after(async () => {
  await lab.close();
  await rm(folder, { recursive: true });
});

async function ask<P extends keyof LabPosts>(path: P, body: LabPosts[P]['request']) {
  const answer = await client.post(path, body);
  assert.equal(answer.status, 200, JSON.stringify(answer.body.error));
  return answer.body;
}

test('dictionaries of a given folder stand beside the model’s own; those of other models do not', async () => {
  const { set, dictionaries } = await ask('/api/dictionaries', {});
  assert.deepEqual(set?.names, ['transcoder-0', 'transcoder-1', 'transcoder-2', 'transcoder-3']);
  assert.deepEqual(
    dictionaries.map(({ name, kind, layer }) => `${name} ${kind} ${layer}`),
    [...set.names.map((name, layer) => `${name} transcoder ${layer}`), 'resid-1 autoencoder 1'],
  );
});

test('features of autoencoders that fire, with what they do to the answer', async () => {
  const { features, total, target } = await ask('/api/features', {
    ...ASKED,
    of: 'autoencoders',
    limit: 20_000,
  });
  assert.equal(features.length, total);
  assert.match(target.label, /Mary.*John/);
  const sizes = features.map(({ effect }) => Math.abs(effect!));
  assert.deepEqual(
    sizes,
    [...sizes].sort((a, b) => b - a),
  );
  const [first] = features;
  assert.deepEqual([first.dictionary, first.key, first.influence], ['resid-1', null, null]);
  assert.ok(first.density! > 0);

  // Taking the feature off in the whole model moves the answer; its own edit says by how much.
  const edits = [
    {
      at: 'blocks.1.hook_resid_post',
      op: 'feature' as const,
      feature: `resid-1:${first.index}`,
      strength: 0,
    },
  ];
  const { before: clean, after: changed } = await ask('/api/interventions', { ...ASKED, edits });
  assert.notEqual(clean.answer!.metric, changed.answer!.metric);
  const { body } = await client.post('/api/interventions', {
    ...ASKED,
    edits: [{ ...edits[0], feature: 'nothing:0' }],
  });
  assert.equal(body.error.code, 'bad-feature');
});

test('a feature of any dictionary: likes elsewhere, density among all, examples with what comes next', async () => {
  const { features } = await ask('/api/features', { ...ASKED, of: 'autoencoders' });
  const { index } = features[0];
  const found = await ask('/api/feature', { dictionary: 'resid-1', index, prompt: PROMPT });
  assert.deepEqual([found.kind, found.layer, found.of], ['autoencoder', 1, 64]);
  // It has the weights of transcoder-1, so its like there is the same feature.
  assert.deepEqual([found.twins![0].dictionary, found.twins![0].index], ['transcoder-1', index]);
  assert.ok(Math.abs(found.twins![0].value - 1) < 1e-5);
  assert.equal(found.twins!.length, 4);
  const { harvest: shown } = found;
  const fired = shown!.densities.counts.reduce((a, b) => a + b);
  assert.equal(fired + shown!.silent, 64);
  assert.ok(shown!.fired > 0 && Math.abs(shown!.density - shown!.fired / shown!.tokens) < 1e-6);
  assert.ok(found.correlated!.every(({ value }) => Math.abs(value) <= 1.001));

  const [{ examples }] = shown!.groups;
  const { row, start, tokens } = examples[0];
  const asked = { dictionary: 'resid-1', row, start, count: tokens.length };
  const next = await ask('/api/feature-example', asked);
  assert.deepEqual(
    next.tokens.map(({ text }) => text),
    tokens,
  );
  assert.equal(next.next.length, tokens.length);
  assert.ok(next.next.every((list) => list.length === 5 && list[0].prob >= list[1].prob));
  const { body, status } = await client.post('/api/feature-example', { ...asked, row: 99 });
  assert.deepEqual([status, body.error.code], [400, 'bad-example']);
});

test('features are searched over all dictionaries', async () => {
  const all = await ask('/api/find-features', { query: '', limit: 1000 });
  assert.deepEqual([all.total, all.searched], [5 * 64, 5 * 64]);
  const numbered = await ask('/api/find-features', { query: '#7' });
  assert.deepEqual(
    numbered.features.map(({ index }) => index),
    [7, 7, 7, 7, 7],
  );
  const own = await ask('/api/find-features', { query: '', kind: 'autoencoder', sort: 'density' });
  assert.equal(own.searched, 64);
  const densities = own.features.map(({ density }) => density!);
  assert.deepEqual(
    densities,
    [...densities].sort((a, b) => b - a),
  );
  const [token] = own.features.find(({ raises }) => raises.length > 0)!.raises;
  const raised = await ask('/api/find-features', { query: token.trim(), dictionary: 'resid-1' });
  assert.ok(raised.features.some(({ raises }) => raises.includes(token)));
  const second = await ask('/api/find-features', { query: '', offset: 318, limit: 10 });
  assert.equal(second.features.length, 2);
});

test('the comparison leaves open what was not measured, and reads cards that come later', async () => {
  const first = await ask('/api/compare-dictionaries', {});
  assert.equal(first.dictionaries.length, 5);
  assert.ok(first.dictionaries.every(({ figures, labels }) => figures === null && labels === null));
  assert.deepEqual(
    first.dictionaries.filter(({ density }) => density !== null).map(({ name }) => name),
    ['resid-1'],
  );
  assert.deepEqual(first.sets, []);
  const figures = {
    l0: 6,
    explainedVariance: 0.5,
    ceRecovered: 0.4,
    klRecovered: 0.3,
    dead: 0.1,
    l2Ratio: 1,
    cosine: 0.7,
  };
  const spread = Object.fromEntries(
    Object.entries(figures).map(([key, mean]) => [
      key,
      { n: 1, mean, deviation: null, min: mean, max: mean },
    ]),
  );
  const card = { figures, spread, firing: { tokens: 99 }, measuredOn: 'a text' };
  const path = join(folder, 'given', 'resid-1', 'metrics.json');
  await writeFile(path, JSON.stringify(card));
  const { dictionaries } = await ask('/api/compare-dictionaries', {});
  const own = dictionaries.find(({ name }) => name === 'resid-1')!;
  assert.deepEqual(own.figures!.explainedVariance, {
    value: 0.5,
    n: 1,
    mean: 0.5,
    deviation: null,
    min: 0.5,
    max: 0.5,
  });
  assert.deepEqual([own.tokens, own.measuredOn], [99, 'a text']);
  await writeFile(path, '{"figures": 1}');
  const { status, body } = await client.post('/api/compare-dictionaries', {});
  assert.deepEqual([status, body.error.code], [400, 'bad-card']);
  await rm(path);
});

test('a training is followed while its log grows', async () => {
  assert.deepEqual((await client.get('/api/runs')).body.runs, []);
  const path = join(folder, 'runs', 'one', 'events.jsonl');
  const report = { loss: 2, mse: 2, explainedVariance: 0.5, l0: 6, dead: 0, gradNorm: 1 };
  const line = (event: object) => `${JSON.stringify({ time: Date.now(), ...event })}\n`;
  const step = (at: number) =>
    line({ type: 'step', step: at, rowsPerSecond: 10, lr: 1, tasks: { a: report } });
  await writeFile(path, line({ type: 'started', step: 0, steps: 3, tasks: ['a'] }) + step(0));
  const [listed] = (await client.get('/api/runs')).body.runs;
  assert.deepEqual(
    [listed.name, listed.state, listed.step, listed.steps],
    ['one', 'running', 1, 3],
  );
  await appendFile(path, step(1) + line({ type: 'interrupted', step: 2 }));
  const run = (await client.get('/api/run', '?name=one')).body;
  assert.deepEqual([run.state, run.at, run.curves[0].loss.mean], ['interrupted', [1, 2], [2, 2]]);
  const missing = await client.get('/api/run', '?name=other');
  assert.deepEqual([missing.status, missing.body.error.code], [400, 'unknown-run']);
});
