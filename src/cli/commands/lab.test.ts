import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { runShown } from '../../../test/support/cli.ts';
import type { Sourced } from '../../lab/api.ts';
import { labClient } from '../../lab/testing/client.ts';
import { assertNear } from '../../lab/testing/near.ts';
import { startTinyLab, type TinyLab } from '../../lab/testing/tiny-lab.ts';
import { run } from '../run.ts';

const MAIN = join(import.meta.dirname, '../main.ts');
const PROMPT = "-- Alice and Tom's $park. Alice gave a ball to";
const preference = { target: ' Tom', distractor: ' Alice' };
const edits = [{ at: 'blocks.0.hook_mlp_out', op: 'zero' as const }];
let tiny: TinyLab;
let client: TinyLab['client'];

before(async () => {
  tiny = await startTinyLab();
  client = tiny.client;
});

after(() => tiny.close());

test('the command line of an answer prints the same numbers', async () => {
  const measured = (await client.post('/api/analyse', { prompt: PROMPT })).body;
  assertNear(
    (await runShown(measured)).tokens.map(({ loss }: { loss: number }) => loss),
    measured.prompt.loss,
  );
  const lens = (await client.post('/api/lens', { prompt: PROMPT, target: 'Tom' })).body;
  const printed = await runShown(lens);
  assertNear(printed.target.prob.flat(), lens.target.prob.flat());
  assert.equal(printed.top[0][0].length, lens.top[0][0].length);

  const parts = (await client.post('/api/attribution', { prompt: PROMPT, ...preference })).body;
  assertNear([(await runShown(parts)).dla.logitDiff], [parts.logitDiff]);

  const heads = (await client.post('/api/heads', { seed: 2 })).body;
  assertNear(
    (await runShown(heads)).scores.map((s: { induction: number }) => s.induction),
    heads.scores.map(({ induction }) => induction.mean),
  );
});

test('the command line of an intervention prints the same numbers', async () => {
  const request = { prompt: PROMPT, edits, ...preference };
  const changed = (await client.post('/api/interventions', request)).body;
  assertNear((await runShown(changed)).kl, changed.kl);

  const strengths = [-0.5, 1];
  const sweep = { ...request, edit: 0, strengths, baselines: 2, seed: 4 };
  const swept = (await client.post('/api/dose', sweep)).body;
  assertNear(
    (await runShown(swept)).sweep.points.map((p: { metric: number }) => p.metric),
    swept.points.map(({ metric }) => metric),
  );

  const patched = (
    await client.post('/api/patching', {
      clean: 'Alice and Tom',
      corrupted: 'Tom and Tom',
      ...preference,
      site: 'z',
      byPosition: true,
    })
  ).body;
  assertNear((await runShown(patched)).effect.flat(), patched.effect.flat());
});

test('the command line of a generated text prints the same text', async () => {
  const request = { prompt: PROMPT, maxTokens: 4, temperature: 1, seed: 9, edits, stop: ['qqq'] };
  const lines = await client.lines('/api/generate', request);
  const last = lines.at(-1) as unknown as { generation: { text: string } } & Sourced;
  assert.equal((await runShown(last)).text, last.generation.text);
});

test('a lab prints where it is, serves, and ends on a signal', async () => {
  const args = [MAIN, 'lab', '--json', '--port', '0', '--model', tiny.folder];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.setEncoding('utf8');
  const [line] = await once(child.stdout, 'data');
  const { url, port, pid } = JSON.parse(line);
  assert.equal(url, `http://127.0.0.1:${port}/`);
  assert.equal(pid, child.pid);
  const { status } = await labClient(url).get('/api/health');
  assert.equal(status, 200);
  child.kill('SIGTERM');
  const [code, signal] = await once(child, 'exit');
  assert.deepEqual([code, signal], [0, null]);
});

test('a taken port and an unknown model are bad input', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  let out = '';
  const stdout = { write: (text: string) => (out += text) };
  const code = await run(['lab', '--port', String(port), '--json'], { stdout, stderr: stdout });
  assert.equal(code, 2);
  assert.equal(JSON.parse(out).error.code, 'port-taken');
  server.close();
  out = '';
  const none = ['lab', '--model', join(tiny.folder, 'none'), '--json'];
  assert.equal(await run(none, { stdout, stderr: stdout }), 2);
  assert.equal(JSON.parse(out).error.code, 'unknown-model');
});
