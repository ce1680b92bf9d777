import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { runShown } from '../../test/support/cli.ts';
import { startTinyLab, type TinyLab } from '../lab/testing/tiny-lab.ts';
import { circuitGraph } from '../microscope/circuits/index.ts';

const PAIR = {
  clean: 'When Mary and John were at the park, John gave a ball to',
  corrupted: 'When Mary and John were at the park, Mary gave a ball to',
  target: ' Mary',
  distractor: ' John',
};
let tiny: TinyLab;
let client: TinyLab['client'];

before(async () => {
  tiny = await startTinyLab();
  client = tiny.client;
});

after(() => tiny.close());

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
    const found = await client.ask('/api/circuit', request);
    const { circuit, n } = await runShown(found);
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
  const found = await client.ask('/api/circuit-curve', { ...request, random: 3 });
  const { curve, random } = await runShown(found);
  near(curve.cpr, found.curve.cpr);
  near(random.cmd, found.random!.cmd);
  const size = await client.ask('/api/circuit-eval', { ...request, edges: 20 });
  near((await runShown(size)).faithfulness.value, size.faithfulness.value);
});

test('the command of token attributions gives the same numbers', async () => {
  const found = await client.ask('/api/attribute', {
    prompt: PAIR.clean,
    target: PAIR.target,
    samples: 24,
    seeds: 2,
    methods: ['patching', 'lime', 'attention'],
    paraphrases: ['Mary and John went to the park. John gave a ball to'],
  });
  const { results } = await runShown(found);
  for (const [i, { values }] of found.results.entries()) {
    values.forEach((value, j) => {
      near(results[i].values[j], value);
    });
  }
});
