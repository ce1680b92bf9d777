import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { LabPosts, Sourced } from '../api.ts';
import { type Lab, startLab } from '../server.ts';
import { labClient } from '../testing/client.ts';
import { writeTinyModel } from '../testing/tiny-model.ts';

const SRC = join(import.meta.dirname, '../..');
const PROMPT = 'Alice and Tom\'s "park". Alice gave a ball to';
const preference = { target: ' Tom', distractor: ' Alice' };
const edits = [{ at: 'blocks.0.hook_mlp_out', op: 'zero' as const }];
let folder: string;
let lab: Lab;
let client: ReturnType<typeof labClient>;
let count = 0;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lab-code-'));
  await writeTinyModel(folder);
  lab = await startLab({ model: folder, port: 0, warm: false, page: null });
  client = labClient(lab.url);
});

after(async () => {
  await lab.close();
  await rm(folder, { recursive: true });
});

/** Runs the code of an answer against the sources of this checkout. */
// biome-ignore lint/suspicious/noExplicitAny: each snippet has a result of its own kind.
async function runCode({ provenance }: Sourced): Promise<any> {
  const code = provenance.code!.replace(/'glassbox\/(\w+)'/g, (_, name) =>
    JSON.stringify(pathToFileURL(join(SRC, name, 'index.ts')).href),
  );
  assert.match(code, /\nconsole\.log\(result\);\n$/);
  const path = join(folder, `snippet-${count++}.mts`);
  await writeFile(path, code.replace('console.log(result);', 'export { result };'));
  return (await import(pathToFileURL(path).href)).result;
}

function near(actual: ArrayLike<number | null>, expected: ArrayLike<number | null>): void {
  assert.equal(actual.length, expected.length);
  for (let i = 0; i < actual.length; i++) {
    const [a, b] = [actual[i] ?? 0, expected[i] ?? 0];
    assert.ok(Math.abs(a - b) <= 1e-6 * Math.max(1, Math.abs(b)), `${i}: ${a} and ${b}`);
  }
}

async function ask<P extends keyof LabPosts>(path: P, body: LabPosts[P]['request']) {
  const answer = await client.post(path, body);
  assert.equal(answer.status, 200);
  return answer.body;
}

test('the code of reading answers gives the same numbers', async () => {
  const measured = await ask('/api/analyse', { prompt: PROMPT, topK: 3 });
  near((await runCode(measured)).loss, measured.prompt.loss);

  const lens = await ask('/api/lens', { prompt: PROMPT, target: 'Tom', topK: 2 });
  near((await runCode(lens)).target.prob.flat(), lens.target.prob.flat());

  const heads = await ask('/api/heads', { seed: 2 });
  near(
    (await runCode(heads)).map((score: { induction: number }) => score.induction),
    heads.scores.map(({ induction }) => induction.mean),
  );

  const attention = await ask('/api/attention', { prompt: [1, 2, 3], layers: [1] });
  const bytes = Uint8Array.from(Buffer.from(attention.patterns.data, 'base64'));
  const cache = await runCode(attention);
  assert.deepEqual(Object.keys(cache), ['blocks.1.attn.hook_pattern']);
  near(cache['blocks.1.attn.hook_pattern'].data, new Float32Array(bytes.buffer));

  const parts = await ask('/api/attribution', { prompt: PROMPT, ...preference, position: -2 });
  near([(await runCode(parts)).logitDiff], [parts.logitDiff]);
});

test('the code of interventions gives the same numbers', async () => {
  const changed = await ask('/api/interventions', { prompt: PROMPT, edits, ...preference });
  const compared = await runCode(changed);
  near(compared.kl, changed.kl);
  near([compared.answers.after.metric], [changed.after.answer!.metric]);

  const swept = await ask('/api/dose', {
    prompt: PROMPT,
    edits,
    edit: 0,
    strengths: [0.5, 1],
    baselines: 2,
    seed: 4,
    ...preference,
  });
  type Point = { metric: number; baseline: { mean: number } };
  near(
    (await runCode(swept)).points.flatMap((p: Point) => [p.metric, p.baseline.mean]),
    swept.points.flatMap((p) => [p.metric, p.baseline!.mean]),
  );

  const patched = await ask('/api/patching', {
    clean: 'Alice and Tom',
    corrupted: 'Tom and Tom',
    ...preference,
    site: 'z',
  });
  near((await runCode(patched)).effect.flat(), patched.effect.flat());
});

test('the code of tokens and of generated text gives the same tokens', async () => {
  const split = await ask('/api/tokens', { text: '你好, Tom' });
  assert.deepEqual(
    await runCode(split),
    split.tokens.map(({ id }) => id),
  );
  const found = await ask('/api/token-search', { query: 'To', limit: 1 });
  assert.equal((await runCode(found)).length, found.total);

  const request = { prompt: PROMPT, maxTokens: 4, temperature: 1, seed: 9, edits };
  const lines = await client.lines('/api/generate', request);
  const last = lines.at(-1) as unknown as { generation: { tokens: { id: number }[] } } & Sourced;
  assert.equal(last.provenance.seed, 9);
  const [generated] = await runCode(last);
  assert.deepEqual(
    generated.tokens,
    last.generation.tokens.map(({ id }) => id),
  );
});

test('the code of a model reads its configuration', async () => {
  const { body } = await client.get('/api/model');
  assert.equal((await runCode(body)).nLayers, body.layers);
});
