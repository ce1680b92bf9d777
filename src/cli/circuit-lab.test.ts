import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { LabPosts, Sourced } from '../lab/api.ts';
import { type Lab, startLab } from '../lab/server.ts';
import { labClient } from '../lab/testing/client.ts';
import { writeTinyModel } from '../lab/testing/tiny-model.ts';
import { circuitGraph } from '../microscope/circuits/index.ts';
import { run } from './run.ts';

const PAIR = {
  clean: 'When Mary and John were at the park, John gave a ball to',
  corrupted: 'When Mary and John were at the park, Mary gave a ball to',
  target: ' Mary',
  distractor: ' John',
};
let folder: string;
let lab: Lab;
let client: ReturnType<typeof labClient>;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'circuit-lab-'));
  await writeTinyModel(folder);
  lab = await startLab({ model: folder, port: 0, warm: false, page: null });
  client = labClient(lab.url);
});

after(async () => {
  await lab.close();
  await rm(folder, { recursive: true });
});

async function ask<P extends keyof LabPosts>(path: P, body: LabPosts[P]['request']) {
  const { status, body: answer } = await client.post(path, body);
  assert.equal(status, 200, JSON.stringify(answer.error));
  return answer;
}

/** Runs the command that the page shows for an answer, split as a shell would. */
// biome-ignore lint/suspicious/noExplicitAny: each command has a document of its own kind.
async function again({ provenance }: Sourced): Promise<any> {
  const words = [...provenance.command!.matchAll(/'([^']*)'|(\S+)/g)].map((m) => m[1] ?? m[2]);
  let out = '';
  const streams = { stdout: { write: (text: string) => (out += text) }, stderr: { write() {} } };
  assert.equal(await run([...words.slice(1), '--json'], streams), 0, out);
  return JSON.parse(out);
}

function near(actual: number, expected: number): void {
  const allowed = 1e-5 * Math.max(1, Math.abs(expected));
  assert.ok(Math.abs(actual - expected) < allowed, `${actual}, ${expected}`);
}

test('the command of a circuit scores and keeps the same edges', async () => {
  for (const request of [
    { ...PAIR, method: 'eap' },
    { ioi: { count: 4, seed: 2 }, method: 'eap-ig-inputs', metric: 'log-prob', steps: 3 },
    { ...PAIR, distractor: undefined, metric: 'log-prob', method: 'exact', ablation: 'zero' },
  ] as const) {
    const found = await ask('/api/circuit', request);
    const { circuit, n } = await again(found);
    assert.equal(n, found.n);
    const kept = new Set(found.kept);
    circuitGraph(found.shape).edges.forEach(({ name }, i) => {
      near(circuit.edges[name].score, found.scores[i]);
      assert.equal(circuit.edges[name].in_graph, kept.has(i), name);
    });
  }
});

test('the commands of a curve and of a size give the same figures', async () => {
  const request = { ...PAIR, method: 'eap' as const };
  const found = await ask('/api/circuit-curve', { ...request, random: 3 });
  const { curve, random } = await again(found);
  near(curve.cpr, found.curve.cpr);
  near(random.cmd, found.random!.cmd);
  const size = await ask('/api/circuit-eval', { ...request, edges: 20 });
  near((await again(size)).faithfulness.value, size.faithfulness.value);
});

test('the command of token attributions gives the same numbers', async () => {
  const found = await ask('/api/attribute', {
    prompt: PAIR.clean,
    target: PAIR.target,
    samples: 24,
    seeds: 2,
    methods: ['patching', 'lime', 'attention'],
    paraphrases: ['Mary and John went to the park. John gave a ball to'],
  });
  const { results } = await again(found);
  for (const [i, { values }] of found.results.entries()) {
    values.forEach((value, j) => {
      near(results[i].values[j], value);
    });
  }
});
