import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { FAMILIES } from '../model/testing/fixtures.ts';
import type { AttentionResponse, Sourced } from './api.ts';
import { startTinyLab, type TinyLab } from './testing/tiny-lab.ts';

let tiny: TinyLab;
let client: TinyLab['client'];
const PROMPT = 'Alice and Tom went to the park. Alice gave a ball to';
const preference = { target: ' Tom', distractor: ' Alice' };

before(async () => {
  tiny = await startTinyLab();
  client = tiny.client;
});

after(() => tiny.close());

function assertSourced({ provenance }: Sourced, program: RegExp): void {
  assert.match(provenance.modelHash, /^[0-9a-f]{64}$/);
  assert.equal(provenance.dataHash, 'd'.repeat(64));
  assert.match(provenance.command ?? '', program);
  assert.ok(provenance.seconds >= 0);
}

test('health and the list of models', async () => {
  const health = await client.get('/api/health');
  assert.equal(health.status, 200);
  assert.equal(health.body.ok, true);
  const { body } = await client.get('/api/models');
  assert.equal(body.default, tiny.folder);
  assert.ok(body.models.some(({ name }) => name === tiny.folder));
});

test('what a model is', async () => {
  const { body, headers } = await client.get('/api/model');
  assert.equal(headers.get('cache-control'), 'no-store');
  assert.equal(headers.get('x-content-type-options'), 'nosniff');
  assert.equal(headers.get('cross-origin-resource-policy'), 'same-origin');
  assert.deepEqual(
    { layers: body.layers, heads: body.heads, context: body.context, world: body.world },
    { layers: 2, heads: 2, context: 96, world: true },
  );
  assert.ok(body.addresses.some(({ address }) => address === 'blocks.1.attn.hook_pattern'));
  const lines: string[] = [];
  for (const name of ['config.json', 'model.safetensors', 'tokenizer.json']) {
    const sum = createHash('sha256').update(await readFile(join(tiny.folder, name)));
    lines.push(`${sum.digest('hex')}  ${name}\n`);
  }
  const expected = createHash('sha256').update(lines.join('')).digest('hex');
  assert.equal(body.provenance.modelHash, expected);
});

test('two prompts analysed side by side', async () => {
  const promptB = 'Alice and Tom went to the park. Tom gave a ball to';
  const { body } = await client.post('/api/analyse', { prompt: PROMPT, promptB, ...preference });
  const { prompt, alignment } = body;
  const length = prompt.tokens.length;
  assert.equal(prompt.loss.length, length);
  assert.equal(prompt.loss[0], null);
  assert.equal(prompt.next[0].length, 10);
  assert.ok(prompt.prob.slice(1).every((p) => p! > 0 && p! < 1));
  assert.equal(prompt.answer?.unit, 'logits');
  assert.equal(prompt.answer?.target.text, ' Tom');
  assert.equal(prompt.truth?.answer, 'Tom');
  assert.equal(body.promptB?.truth?.answer, 'Alice');
  assert.deepEqual(
    alignment!.filter(({ same }) => !same).map(({ a, b }) => [a, b]),
    [[9, 9]],
  );
  assertSourced(body, /^glassbox tokens 'Alice and Tom/);
});

test('tokens that share a character have one group', async () => {
  const { body } = await client.post('/api/tokens', { text: 'née 😀' });
  const emoji = body.groups.at(-1)!;
  assert.equal(emoji.text, '😀');
  assert.ok(emoji.count > 1);
  const members = body.tokens.slice(emoji.first);
  assert.equal(members.length, emoji.count);
  assert.ok(members.every(({ group }) => group === body.groups.length - 1));
  const bytes = body.tokens.flatMap((token) => token.bytes);
  assert.equal(Buffer.from(bytes).toString(), 'née 😀');
  assert.equal(body.single, null);
});

test('tokens are found by text', async () => {
  const single = await client.post('/api/tokens', { text: ' Tom' });
  assert.equal(single.body.single?.text, ' Tom');
  const { body } = await client.post('/api/token-search', { query: 'tom', limit: 3 });
  assert.equal(body.matches[0].text.trim(), 'Tom');
  assert.ok(body.total >= body.matches.length);
  const byId = await client.post('/api/token-search', { query: '#12' });
  assert.deepEqual(
    byId.body.matches.map(({ id }) => id),
    [12],
  );
});

test('the lens ends at the prediction of the model', async () => {
  const { body } = await client.post('/api/lens', { prompt: PROMPT, topK: 3 });
  const analysed = await client.post('/api/analyse', { prompt: PROMPT, topK: 3 });
  assert.deepEqual(body.layers, [
    'blocks.0.hook_resid_pre',
    'blocks.0.hook_resid_post',
    'blocks.1.hook_resid_post',
  ]);
  assert.deepEqual(body.top.at(-1), analysed.body.prompt.next);
  assert.deepEqual(body.target.prob.at(-1)!.slice(0, -1), analysed.body.prompt.prob.slice(1));
  assert.equal(body.target.token, null);
  assertSourced(body, /^glassbox lens .* --top 3 --model /);
});

function unpack({ patterns }: AttentionResponse): Float32Array {
  const bytes = Uint8Array.from(Buffer.from(patterns.data, 'base64'));
  return new Float32Array(bytes.buffer);
}

test('attention patterns are causal distributions, and effects are those of the attribution', async () => {
  const { body } = await client.post('/api/attention', { prompt: PROMPT, ...preference });
  const values = unpack(body);
  const [layers, heads, pos] = body.patterns.shape;
  assert.deepEqual([layers, heads, pos], [2, 2, body.tokens.length]);
  assert.equal(values.length, layers * heads * pos * pos);
  for (let row = 0; row < layers * heads * pos; row++) {
    const query = row % pos;
    const keys = values.subarray(row * pos, (row + 1) * pos);
    const sum = keys.reduce((a, b) => a + b, 0);
    assert.ok(Math.abs(sum - 1) < 1e-5, `row ${row} sums to ${sum}`);
    assert.ok(keys.subarray(query + 1).every((x) => x === 0));
  }
  const parts = await client.post('/api/attribution', { prompt: PROMPT, ...preference });
  const effects = parts.body.components.flatMap(({ kind, layer, head, effect }) =>
    kind === 'head' ? [{ layer, head, effect }] : [],
  );
  assert.deepEqual(body.effects, effects);
  const total = parts.body.components.reduce((sum, part) => sum + part.effect, 0);
  assert.ok(Math.abs(total + parts.body.constant - parts.body.logitDiff) < 1e-4);
});

test('one layer of attention at a time', async () => {
  const all = await client.post('/api/attention', { prompt: PROMPT });
  const one = await client.post('/api/attention', { prompt: PROMPT, layers: [1] });
  assert.deepEqual(one.body.layers, [1]);
  assert.equal(one.body.effects, null);
  const whole = unpack(all.body);
  assert.deepEqual(unpack(one.body), whole.slice(whole.length / 2));
});

test('head scores come with their intervals', async () => {
  const { body } = await client.post('/api/heads', { seed: 3 });
  assert.equal(body.scores.length, 4);
  assert.equal(body.provenance.seed, 3);
  for (const { previousToken, induction } of body.scores) {
    assert.equal(previousToken.n, 16);
    assert.ok(induction.low <= induction.mean && induction.mean <= induction.high);
  }
});

test('interventions show before and after', async () => {
  const edits = [{ at: 'blocks.0.hook_mlp_out', op: 'zero' as const }];
  const { body } = await client.post('/api/interventions', {
    prompt: PROMPT,
    edits,
    ...preference,
  });
  assert.deepEqual(body.edits, edits);
  assert.equal(body.kl.length, body.tokens.length);
  assert.ok(body.kl.some((value) => value > 0));
  assert.notEqual(body.before.answer?.metric, body.after.answer?.metric);
  const plain = await client.post('/api/analyse', { prompt: PROMPT, ...preference });
  assert.deepEqual(body.before.loss, plain.body.prompt.loss);
  assert.deepEqual(body.before.answer, plain.body.prompt.answer);
  const none = await client.post('/api/interventions', { prompt: PROMPT, edits: [] });
  assert.deepEqual(none.body.after, none.body.before);
});

test('a sweep has a baseline and tells progress', async () => {
  const request = {
    prompt: PROMPT,
    edits: [{ at: 'blocks.0.hook_mlp_out', op: 'zero' as const }],
    edit: 0,
    strengths: [0, 0.5, 1],
    baselines: 3,
    ...preference,
  };
  const { body } = await client.post('/api/dose', request);
  assert.deepEqual(
    body.points.map(({ strength }) => strength),
    [0, 0.5, 1],
  );
  assert.ok(Math.abs(body.points[0].metric - body.clean) < 1e-5);
  assert.equal(body.points[2].baseline?.n, 3);
  assert.equal(body.provenance.seed, 0);
  const lines = await client.lines('/api/dose', { ...request, seed: 1 });
  const progress = lines.filter(({ type }) => type === 'progress');
  assert.deepEqual(progress.at(-1), {
    type: 'progress',
    label: 'strengths',
    done: 3,
    total: 3,
    unit: 'strengths',
  });
  assert.equal(lines.at(-1)!.type, 'result');
  const { points } = lines.at(-1)!.result as typeof body;
  assert.deepEqual(
    points.map(({ metric }) => metric),
    body.points.map(({ metric }) => metric),
  );
});

test('patching the whole stream entering the first block restores the clean answer', async () => {
  const { body } = await client.post('/api/patching', {
    clean: PROMPT,
    corrupted: 'Alice and Tom went to the park. Tom gave a ball to',
    ...preference,
  });
  assert.equal(body.site, 'resid_pre');
  assert.equal(body.effect.length, 2);
  const first = body.effect[0];
  assert.ok(Math.abs(first[9] - 1) < 1e-4, `effect ${first[9]} where the prompts differ`);
  assert.ok(first.every((x, at) => at === 9 || Math.abs(x) < 1e-4));
});

test('a text is generated token by token', async () => {
  const lines = await client.lines('/api/generate', { prompt: PROMPT, maxTokens: 3 });
  const tokens = lines.filter(({ type }) => type === 'token');
  const { generation, provenance } = lines.at(-1) as unknown as {
    generation: { text: string; tokens: { id: number }[]; logprobs: number[] };
  } & Sourced;
  assert.deepEqual(
    tokens.map(({ id }) => id),
    generation.tokens.map(({ id }) => id),
  );
  assert.ok(generation.logprobs.every((x) => x <= 0));
  assert.equal(provenance.seed, null);
  const one = { prompt: PROMPT, maxTokens: 3, temperature: 1, seed: 5 };
  const [a, b] = [
    await client.lines('/api/generate', one),
    await client.lines('/api/generate', one),
  ];
  assert.deepEqual(a.slice(0, -1), b.slice(0, -1));
});

test('the gallery has a state for every mechanism, with a second prompt where one can be made', async () => {
  const { body } = await client.get('/api/examples');
  const byId = new Map(body.examples.map((example) => [example.id, example]));
  assert.equal(byId.size, body.examples.length);
  for (const id of ['indirect-object-1', 'one-hop-1', 'two-hop-1', 'addition-1', 'antonyms-zh-1']) {
    const example = byId.get(id)!;
    const { prompt, promptB, target, distractor } = example;
    assert.ok(promptB !== null && target !== null && distractor !== null, id);
    const { body: analysed } = await client.post('/api/analyse', {
      prompt,
      promptB,
      target,
      distractor,
    });
    assert.equal(analysed.prompt.tokens.length, analysed.promptB?.tokens.length, id);
    assert.deepEqual(analysed.prompt.truth, example.truth);
    assert.notEqual(analysed.promptB?.truth?.answer, example.truth?.answer);
    const { edits } = example;
    const changed = await client.post('/api/interventions', { prompt, edits });
    assert.equal(changed.status, 200, id);
    assert.ok(example.truth!.answer.startsWith(target.trim()), `${id}: ${target}`);
  }
  assert.equal(byId.get('story-1')?.truth, null);
});

test('what was asked before comes from memory', async () => {
  const request = { prompt: 'Tom and Alice', topK: 2 };
  const first = await client.post('/api/analyse', request);
  const again = await client.post('/api/analyse', { topK: 2, prompt: 'Tom and Alice' });
  assert.equal(first.body.provenance.cached, false);
  assert.equal(again.body.provenance.cached, true);
  assert.deepEqual(again.body.prompt, first.body.prompt);
});

test('a model without tokenizer takes token ids', async () => {
  const model = join(FAMILIES, 'gpt2');
  const { body } = await client.post('/api/lens', { model, prompt: [1, 2, 3], target: 4 });
  assert.deepEqual(
    body.tokens.map(({ text }) => text),
    ['#1', '#2', '#3'],
  );
  assert.deepEqual(body.target.token, { id: 4, text: '#4' });
  assert.equal(body.provenance.command, null);
  const text = await client.post('/api/lens', { model, prompt: 'text' });
  assert.deepEqual([text.status, text.body.error.code], [400, 'no-tokenizer']);
  const gallery = await client.get('/api/examples', `?model=${encodeURIComponent(model)}`);
  assert.deepEqual(gallery.body.examples, []);
});

test('wrong input is told apart, with a remedy', async () => {
  const long = new Array(97).fill(1);
  const bad: [string, unknown, string][] = [
    ['analyse', { prompt: PROMPT, model: 'no-such-model' }, 'unknown-model'],
    ['analyse', { prompt: '' }, 'empty-prompt'],
    ['analyse', { prompt: [] }, 'empty-prompt'],
    ['analyse', { prompt: long }, 'prompt-too-long'],
    ['analyse', { prompt: [99_999] }, 'bad-token'],
    ['analyse', { prompt: PROMPT, more: 1 }, 'bad-request'],
    ['analyse', { prompt: PROMPT, distractor: ' Tom' }, 'bad-request'],
    ['analyse', { prompt: PROMPT, target: 'Tomorrow and Alice' }, 'not-one-token'],
    ['analyse', [], 'bad-request'],
    ['lens', { prompt: PROMPT, topK: 0 }, 'bad-request'],
    ['attention', { prompt: PROMPT, layers: [2] }, 'bad-layer'],
    ['attention', { prompt: PROMPT, position: 50 }, 'bad-position'],
    ['interventions', { prompt: PROMPT, edits: [{ at: 'x', op: 'zap' }] }, 'bad-edit'],
    ['interventions', { prompt: PROMPT, edits: [{ at: 'x', op: 'zero' }] }, 'unknown-address'],
    [
      'interventions',
      {
        prompt: PROMPT,
        edits: [
          {
            at: 'blocks.0.hook_mlp_out',
            op: 'add',
            strength: 1,
            direction: { vector: [1, 2] },
          },
        ],
      },
      'bad-edit-shape',
    ],
    [
      'interventions',
      { prompt: PROMPT, edits: [{ at: 'hook_embed', op: 'set', value: 1e300 }] },
      'not-finite',
    ],
    ['dose', { prompt: PROMPT, edits: [], edit: 0, strengths: [1], ...preference }, 'bad-edit'],
    [
      'dose',
      {
        prompt: PROMPT,
        edits: [{ at: 'hook_embed', op: 'mean' }],
        edit: 0,
        strengths: [1],
        ...preference,
      },
      'bad-edit',
    ],
    ['patching', { clean: PROMPT, corrupted: 'Tom', ...preference }, 'prompts-differ-in-length'],
    ['patching', { clean: PROMPT, corrupted: PROMPT, ...preference }, 'no-difference'],
    ['generate', { prompt: PROMPT, topP: 0 }, 'bad-request'],
    ['generate', { prompt: '' }, 'empty-prompt'],
  ];
  for (const [question, request, code] of bad) {
    const response = await client.send(`/api/${question}`, request);
    const { error } = (await response.json()) as { error: Record<string, string> };
    assert.equal(error.code, code, `${question} ${JSON.stringify(request)}: ${error.message}`);
    assert.equal(response.status, 400);
    assert.ok(error.message.length > 0 && error.remedy.length > 0);
  }
});

test('what is no request at all is refused', async () => {
  const text = await client.send('/api/analyse', {}, { headers: { 'content-type': 'text/plain' } });
  assert.equal(text.status, 400);
  const broken = await client.send('/api/analyse', {}, { body: '{"prompt":' });
  assert.equal(broken.status, 400);
  const nowhere = await client.send('/api/nothing', {});
  assert.equal(nowhere.status, 404);
  const large = await client.send('/api/analyse', { prompt: 'a'.repeat(9 * 2 ** 20) });
  assert.equal(large.status, 413);
  const lone = await client.post('/api/analyse', { prompt: 'a\ud800b' });
  assert.equal(lone.status, 200);
});
