import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Sourced } from '../api.ts';
import { assertNear } from '../testing/near.ts';
import { runSnippet } from '../testing/run-code.ts';
import { startTinyLab, type TinyLab } from '../testing/tiny-lab.ts';

const PROMPT = 'Alice and Tom\'s "park". Alice gave a ball to';
const preference = { target: ' Tom', distractor: ' Alice' };
const edits = [{ at: 'blocks.0.hook_mlp_out', op: 'zero' as const }];
let tiny: TinyLab;
let client: TinyLab['client'];

before(async () => {
  tiny = await startTinyLab();
  client = tiny.client;
});

after(() => tiny.close());

test('the code of reading answers gives the same numbers', async () => {
  const measured = await client.ask('/api/analyse', { prompt: PROMPT, topK: 3 });
  assertNear((await runSnippet(tiny.folder, measured)).loss, measured.prompt.loss);

  const lens = await client.ask('/api/lens', { prompt: PROMPT, target: 'Tom', topK: 2 });
  assertNear((await runSnippet(tiny.folder, lens)).target.prob.flat(), lens.target.prob.flat());

  const heads = await client.ask('/api/heads', { seed: 2 });
  assertNear(
    (await runSnippet(tiny.folder, heads)).map((score: { induction: number }) => score.induction),
    heads.scores.map(({ induction }) => induction.mean),
  );

  const attention = await client.ask('/api/attention', { prompt: [1, 2, 3], layers: [1] });
  const bytes = Uint8Array.from(Buffer.from(attention.patterns.data, 'base64'));
  const cache = await runSnippet(tiny.folder, attention);
  assert.deepEqual(Object.keys(cache), ['blocks.1.attn.hook_pattern']);
  assertNear(cache['blocks.1.attn.hook_pattern'].data, new Float32Array(bytes.buffer));

  const parts = await client.ask('/api/attribution', {
    prompt: PROMPT,
    ...preference,
    position: -2,
  });
  assertNear([(await runSnippet(tiny.folder, parts)).logitDiff], [parts.logitDiff]);
});

test('the code of interventions gives the same numbers', async () => {
  const changed = await client.ask('/api/interventions', { prompt: PROMPT, edits, ...preference });
  const compared = await runSnippet(tiny.folder, changed);
  assertNear(compared.kl, changed.kl);
  assertNear([compared.answers.after.metric], [changed.after.answer!.metric]);

  const swept = await client.ask('/api/dose', {
    prompt: PROMPT,
    edits,
    edit: 0,
    strengths: [0.5, 1],
    baselines: 2,
    seed: 4,
    ...preference,
  });
  type Point = { metric: number; baseline: { mean: number } };
  assertNear(
    (await runSnippet(tiny.folder, swept)).points.flatMap((p: Point) => [
      p.metric,
      p.baseline.mean,
    ]),
    swept.points.flatMap((p) => [p.metric, p.baseline!.mean]),
  );

  const patched = await client.ask('/api/patching', {
    clean: 'Alice and Tom',
    corrupted: 'Tom and Tom',
    ...preference,
    site: 'z',
  });
  assertNear((await runSnippet(tiny.folder, patched)).effect.flat(), patched.effect.flat());
});

test('the code of tokens and of generated text gives the same tokens', async () => {
  const split = await client.ask('/api/tokens', { text: '你好, Tom' });
  assert.deepEqual(
    await runSnippet(tiny.folder, split),
    split.tokens.map(({ id }) => id),
  );
  const found = await client.ask('/api/token-search', { query: 'To', limit: 1 });
  assert.equal((await runSnippet(tiny.folder, found)).length, found.total);

  const request = { prompt: PROMPT, maxTokens: 4, temperature: 1, seed: 9, edits };
  const lines = await client.lines('/api/generate', request);
  const last = lines.at(-1) as unknown as { generation: { tokens: { id: number }[] } } & Sourced;
  assert.equal(last.provenance.seed, 9);
  const [generated] = await runSnippet(tiny.folder, last);
  assert.deepEqual(
    generated.tokens,
    last.generation.tokens.map(({ id }) => id),
  );
});

test('the code of a model reads its configuration', async () => {
  const { body } = await client.get('/api/model');
  assert.equal((await runSnippet(tiny.folder, body)).nLayers, body.layers);
});
