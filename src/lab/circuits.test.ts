import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { edgeValues } from '../microscope/circuits/graph.ts';
import { circuitGraph, circuitToJson, edgeMask } from '../microscope/circuits/index.ts';
import type { CircuitResponse } from './api.ts';
import { runSnippet } from './testing/run-code.ts';
import { startTinyLab, type TinyLab } from './testing/tiny-lab.ts';

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

function near(actual: readonly number[], expected: readonly number[]): void {
  assert.equal(actual.length, expected.length);
  const size = expected.reduce((most, x) => Math.max(most, Math.abs(x)), 1e-9);
  actual.forEach((x, i) => {
    assert.ok(Math.abs(x - expected[i]) < 1e-4 * size, `${i}: ${x}, ${expected[i]}`);
  });
}

const edgesOf = ({ shape }: CircuitResponse) => circuitGraph(shape).edges;

/** An answer as a circuit file. */
function fileOf(found: CircuitResponse) {
  const { shape, scores, kept } = found;
  const graph = circuitGraph(shape);
  const circuit = { graph, scores: edgeValues(graph), mask: edgeMask(graph, 'none') };
  graph.edges.forEach(({ index }, i) => {
    circuit.scores[index] = scores[i];
  });
  for (const i of kept) circuit.mask[graph.edges[i].index] = 1;
  return circuitToJson(circuit);
}

test('a circuit scores every edge; its code and its command give the same', async () => {
  const found = await client.ask('/api/circuit', { ...PAIR, method: 'eap' });
  const edges = edgesOf(found);
  const scores = found.scores;
  assert.deepEqual(
    scores.map((_, i) => {
      const { nodes, receivers, sender, receiver } = found;
      return `${nodes[sender[i]]}->${receivers[receiver[i]]}`;
    }),
    edges.map(({ name }) => name),
  );
  assert.deepEqual(found.shape, { nLayers: 2, nHeads: 2, dModel: 16, parallel: false });
  assert.equal(found.unit, 'logits');
  assert.equal(found.n, 1);
  // One pair says nothing about spread.
  assert.deepEqual([found.full.low, found.full.high, found.full.n], [null, null, 1]);
  assert.equal(found.sample.clean.tokens.length, found.sample.corrupted.tokens.length);
  assert.ok(found.kept.length > 0 && found.kept.length <= Math.round(0.05 * edges.length));
  const code = await runSnippet(tiny.folder, found);
  near(
    edges.map(({ index }) => code.scores[index]),
    scores,
  );
});

test('every method answers, and exact cutting agrees with ACDC on what the last edge costs', async () => {
  const answers = new Map<string, CircuitResponse>();
  for (const method of ['eap-ig-inputs', 'eap-ig-activations', 'exact', 'acdc'] as const) {
    answers.set(method, await client.ask('/api/circuit', { ...PAIR, method, threshold: 0.001 }));
  }
  const exact = answers.get('exact')!;
  const acdc = answers.get('acdc')!;
  // ACDC tries the first edge with all others there.
  const edges = edgesOf(exact);
  const last = edges.findLastIndex(({ receiver }) => receiver === edges.at(-1)!.receiver);
  near([acdc.scores[last]], [exact.scores[last]]);
  assert.ok(acdc.kept.length < edges.length);
});

test('the curve ends at one, beside random circuits, and the code gives it again', async () => {
  const request = { ...PAIR, method: 'eap' as const };
  const found = await client.ask('/api/circuit-curve', { ...request, random: 3 });
  assert.equal(found.curve.points.length, 10);
  near([found.curve.points.at(-1)!.faithfulness.value], [1]);
  assert.deepEqual(
    found.random!.points.map(({ faithfulness }) => faithfulness.n),
    new Array(10).fill(3),
  );
  assert.equal(found.provenance.seed, 0);
  const { curve, random } = await runSnippet(tiny.folder, found);
  near([curve.cpr, curve.cmd, random.cpr], [found.curve.cpr, found.curve.cmd, found.random!.cpr]);
  assert.equal((await client.ask('/api/circuit-curve', { ...request, random: 0 })).random, null);
});

test('a size is measured, and with checks every node is left out once', async () => {
  const request = { ...PAIR, method: 'eap' as const, edges: 20 };
  const size = await client.ask('/api/circuit-eval', request);
  assert.ok(size.edges <= 20 && size.checks === null);
  near([(await runSnippet(tiny.folder, size)).value], [size.faithfulness.value]);
  const { metric, faithfulness } = size;
  const share = (metric.circuit - metric.empty) / (metric.full - metric.empty);
  // Random weights hardly tell the prompts apart, and answers have seven digits.
  assert.ok(Math.abs(share - faithfulness.value) < 1e-2);
  const judged = await client.ask('/api/circuit-eval', { ...request, checks: true, sets: 2 });
  assert.equal(judged.checks!.completeness.sets.length, 2);
  const inner = judged.nodes.filter((node) => node !== 'input' && node !== 'logits');
  assert.deepEqual(judged.checks!.minimality.map(({ node }) => node).sort(), [...inner].sort());
  near([judged.faithfulness.value], [faithfulness.value]);
  assert.equal(judged.provenance.command, null);
});

test('a circuit from a file is measured as it is, whatever found it', async () => {
  const request = { ...PAIR, method: 'eap' as const };
  const found = await client.ask('/api/circuit', request);
  const file = fileOf(found);
  const own = await client.ask('/api/circuit-eval', request);
  const other = await client.ask('/api/circuit-eval', { ...request, file });
  near([other.faithfulness.value], [own.faithfulness.value]);
  assert.match(other.provenance.code!, /readCircuit\('circuit\.json'\)/);
  const wrong: [object, string][] = [
    [{ ...file, edges: { 'a1.h0->a0.h0<q>': { score: 1, in_graph: true } } }, 'bad-circuit'],
    [{ cfg: file.cfg, nodes: {}, edges: { 'input->m0': { score: 'x' } } }, 'bad-circuit'],
    [{ cfg: { ...file.cfg, d_model: 17 }, nodes: {}, edges: {} }, 'circuit-mismatch'],
  ];
  for (const [other, code] of wrong) {
    const refused = await client.post('/api/circuit-eval', {
      ...request,
      file: other as typeof file,
    });
    assert.equal(refused.status, 400);
    assert.equal(refused.body.error.code, code);
  }
});

test('sentences with two people give intervals', async () => {
  const found = await client.ask('/api/circuit', {
    ioi: { count: 4, seed: 2 },
    method: 'eap',
    metric: 'log-prob',
  });
  assert.equal(found.sentences, 'world');
  assert.equal(found.n, 4);
  assert.equal(found.unit, 'nats');
  assert.ok(found.full.low! <= found.full.value && found.full.value <= found.full.high!);
  assert.equal(found.provenance.seed, 2);
});

test('zero ablation needs no second prompt, gradients do', async () => {
  const { clean, target, distractor } = PAIR;
  const alone = { clean, target, distractor, ablation: 'zero' as const };
  const found = await client.ask('/api/circuit', { ...alone, method: 'exact' });
  assert.equal(found.ablation, 'zero');
  near(
    (await client.ask('/api/circuit', { ...alone, corrupted: PAIR.corrupted, method: 'exact' }))
      .kept,
    found.kept,
  );
  const { status, body } = await client.post('/api/circuit', { ...alone, method: 'eap' });
  assert.equal(status, 400);
  assert.equal(body.error.code, 'bad-option');
});

test('what cannot be compared is refused with what to do', async () => {
  const longer = 'When Mary and John were at the old park, Mary gave a ball to';
  const cases: [object, string][] = [
    [{ ...PAIR, corrupted: longer }, 'prompts-differ-in-length'],
    [{ ...PAIR, corrupted: undefined }, 'bad-request'],
    [{ ...PAIR, distractor: undefined }, 'bad-request'],
    [{ ...PAIR, target: undefined, distractor: undefined }, 'bad-request'],
    [{ ...PAIR, ioi: { count: 2 } }, 'bad-request'],
    [{}, 'bad-request'],
    [{ ...PAIR, clean: '' }, 'empty-prompt'],
    [{ ...PAIR, target: 'no such token at all' }, 'not-one-token'],
    [{ ...PAIR, method: 'guess' }, 'bad-request'],
    [{ ...PAIR, metric: 'kl', method: 'eap' }, 'flat-metric'],
  ];
  for (const [body, code] of cases) {
    const refused = await client.post('/api/circuit', body);
    assert.equal(refused.status, 400, JSON.stringify(body));
    assert.equal(refused.body.error.code, code, JSON.stringify(body));
    assert.ok(refused.body.error.remedy.length > 0);
  }
  const same = await client.post('/api/circuit-curve', { ...PAIR, corrupted: PAIR.clean });
  assert.equal(same.body.error.code, 'no-difference');
});

test('long work tells how far it has come and can be cancelled', async () => {
  const lines = await client.lines('/api/circuit', { ...PAIR, method: 'exact', steps: 7 });
  const progress = lines.filter(({ type }) => type === 'progress');
  assert.ok(progress.length > 0);
  assert.equal(lines.at(-1)!.type, 'result');
  const control = new AbortController();
  const asked = client.send(
    '/api/circuit-curve',
    { ...PAIR, random: 64 },
    { signal: control.signal },
  );
  setTimeout(() => control.abort(), 30);
  await assert.rejects(asked, { name: 'AbortError' });
  // The thread answers the next question all the same.
  await client.ask('/api/circuit', { ...PAIR, method: 'eap' });
});

test('a model that does not solve the task has no head roles to find', async () => {
  const { status, body } = await client.post('/api/ioi', { count: 4 });
  // Random weights prefer either person by chance: an answer or this refusal, never a guess.
  if (status !== 200) assert.equal(body.error.code, 'no-difference');
  else assert.equal(body.heads.length, 4);
});

test('tokens are attributed by every method, with their agreement', async () => {
  const request = {
    prompt: PAIR.clean,
    target: PAIR.target,
    samples: 24,
    seeds: 2,
    steps: 4,
    paraphrases: ['Mary and John went to the park. John gave a ball to'],
  };
  const found = await client.ask('/api/attribute', request);
  assert.equal(found.unit, 'nats');
  assert.equal(found.results.length, found.agreement.length);
  for (const { method, unit, values, overSeeds, overParaphrases } of found.results) {
    assert.equal(values.length, found.positions.length, method);
    assert.equal(unit, method === 'attention' ? 'share' : 'metric');
    assert.equal(overSeeds !== null, ['kernel-shap', 'sampled-shapley', 'lime'].includes(method));
    assert.equal(overParaphrases?.pairs, 1);
  }
  const first = found.results[0];
  const code = await runSnippet(tiny.folder, found);
  near(code.results[0].values, first.values);
  const refused = await client.post('/api/attribute', { prompt: PAIR.clean });
  assert.equal(refused.body.error.code, 'bad-request');
});
