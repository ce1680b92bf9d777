import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { loadFixture } from '../../model/testing/fixtures.ts';
import {
  acdc,
  circuitRunner,
  circuitToJson,
  countEdges,
  edgeAttribution,
  edgeMask,
  evaluateCircuit,
  exactEdgeScores,
  faithfulness,
  faithfulnessCurve,
  findCircuit,
  findEdge,
  nodesOf,
  randomCurve,
  readCircuit,
  topEdges,
  writeCircuit,
} from './index.ts';
import { changedFixture, EXAMPLES } from './testing.ts';

const scratch = await mkdtemp(join(tmpdir(), 'glassbox-circuits-'));
after(() => rm(scratch, { recursive: true }));

/**
 * A model in which only head 1 of layer 0 and the MLP of layer 1 write anything: what the answer depends
 * on beside the input is known.
 */
const planted = () =>
  changedFixture('gpt2', (name, values) => {
    if (/blocks\.1\.attn\.o\.weight|blocks\.0\.mlp\.out/.test(name)) return values.fill(0);
    if (name === 'blocks.0.attn.o.weight') return values.fill(0, 0, values.length / 2);
    if (name === 'blocks.0.attn.o.weight' || name === 'blocks.1.mlp.out.weight') {
      return values.map((x) => x * 4);
    }
    return values;
  });

test('ACDC finds a planted circuit, one by one or several at a time', async () => {
  const model = await planted();
  for (const metric of ['logit-diff', 'kl'] as const) {
    const found = await acdc(model, EXAMPLES, { threshold: 1e-6, metric, batch: 64 });
    const nodes = nodesOf(found.graph, found.mask);
    for (const node of nodes) {
      assert.ok(['input', 'a0.h1', 'm1', 'logits'].includes(node), `${metric}: ${node}`);
    }
    assert.ok(nodes.includes('a0.h1') && nodes.includes('m1'));
    const single = await acdc(model, EXAMPLES, { threshold: 1e-6, metric, lookahead: 1 });
    assert.deepEqual([...single.mask], [...found.mask]);
  }
});

test('a lookahead that would not move is refused', async () => {
  const options = { threshold: 1e-6, lookahead: 0 };
  await assert.rejects(acdc(await planted(), EXAMPLES, options), { code: 'bad-option' });
});

test('a threshold above every effect cuts everything', async () => {
  const { mask } = await acdc(await planted(), EXAMPLES, { threshold: 1e9 });
  assert.ok(mask.every((kept) => kept === 0));
});

test('everything is faithful, nothing is not, and curves end at one', async () => {
  const model = await loadFixture('gpt2');
  const runner = await circuitRunner(model, EXAMPLES);
  const { scores } = await edgeAttribution(model, EXAMPLES);
  const all = await faithfulness(runner, edgeMask(runner.graph));
  const none = await faithfulness(runner, edgeMask(runner.graph, 'none'));
  assert.ok(Math.abs(all.value - 1) < 1e-4 && Math.abs(none.value) < 1e-4);
  const curve = await faithfulnessCurve(runner, scores, { fractions: [0.25, 0.5, 1] });
  assert.deepEqual(
    curve.points.map(({ edges }) => edges),
    [0.25, 0.5, 1].map((share) => Math.floor(share * runner.graph.edges.length)),
  );
  const [a, b, c] = curve.points.map((point) => point.faithfulness.value);
  assert.ok(Math.abs(c - 1) < 1e-4);
  assert.ok(Math.abs(curve.cpr - ((a + b) / 8 + (b + c) / 4)) < 1e-9);
  const gaps = [a, b, c].map((x) => Math.abs(1 - x));
  assert.ok(Math.abs(curve.cmd - ((gaps[0] + gaps[1]) / 8 + (gaps[1] + gaps[2]) / 4)) < 1e-9);
});

test('the whole model is complete, and minimality is the effect of leaving a node out', async () => {
  const model = await loadFixture('gpt2');
  const runner = await circuitRunner(model, EXAMPLES);
  const { graph, scores } = await edgeAttribution(model, EXAMPLES);
  const whole = { graph, scores, mask: edgeMask(graph) };
  const found = await evaluateCircuit(runner, whole, { sets: 3 });
  assert.ok(found.completeness.worst < 1e-6 && found.completeness.sets.length === 3);
  assert.equal(found.minimality.length, graph.nodes.length - 2);
  const part = { graph, scores, mask: topEdges(graph, scores, { count: 12 }) };
  const smaller = await evaluateCircuit(runner, part, { sets: 2 });
  assert.equal(smaller.edges, 12);
  for (const { node, score, effect, without } of smaller.minimality) {
    assert.ok(score >= Math.abs(effect.value) && !without.includes(node), node);
    if (without.length === 0) assert.ok(Math.abs(score - Math.abs(effect.value)) < 1e-12);
  }
  const { mean, sets, worst } = smaller.completeness;
  assert.ok(mean.n === 2 && Math.abs(mean.value - (sets[0].gap + sets[1].gap) / 2) < 1e-12);
  assert.equal(worst, Math.max(sets[0].gap, sets[1].gap));
  const [{ node, effect }] = smaller.minimality;
  const mask = part.mask.slice();
  for (const { name, index } of graph.edges) {
    if (name.startsWith(`${node}->`) || name.includes(`->${node}`)) mask[index] = 0;
  }
  const left = await faithfulness(runner, mask);
  assert.ok(Math.abs(smaller.faithfulness.value - left.value - effect.value) < 1e-5);
});

test('edges cut to zero need no corrupted prompt of the same length', async () => {
  const model = await loadFixture('gpt2');
  const longer = EXAMPLES.map((one) => ({ ...one, corrupted: [...one.corrupted, 3, 1] }));
  const [same, other] = await Promise.all(
    [EXAMPLES, longer].map((examples) => circuitRunner(model, examples, { ablation: 'zero' })),
  );
  assert.deepEqual(other.empty, same.empty);
  const found = await findCircuit(model, longer, {
    method: 'acdc',
    ablation: 'zero',
    threshold: 1e9,
  });
  assert.equal(
    found.mask.reduce((a, b) => a + b),
    0,
  );
  for (const ablation of ['corrupted', 'mean'] as const) {
    await assert.rejects(circuitRunner(model, longer, { ablation }), {
      code: 'prompts-differ-in-length',
      remedy: /--align/,
    });
  }
});

test('exact scores are what cutting each edge alone loses, also where layers are skipped', async () => {
  const model = await loadFixture('gpt2');
  const runner = await circuitRunner(model, EXAMPLES);
  const { graph, full } = runner;
  const scores = await exactEdgeScores(runner);
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  for (const edge of graph.edges) {
    const mask = edgeMask(graph);
    mask[edge.index] = 0;
    const [values] = await runner.run([mask]);
    const expected = mean(full) - mean(values);
    assert.ok(Math.abs(scores[edge.index] - expected) < 1e-5, edge.name);
  }
  const found = await findCircuit(model, EXAMPLES, { method: 'exact', edges: 10 });
  assert.deepEqual([...found.scores], [...scores]);
  assert.ok(countEdges(found.mask) <= 10);
});

test('random circuits of every size: all edges are faithful, none is not', async () => {
  const model = await loadFixture('gpt2');
  const runner = await circuitRunner(model, EXAMPLES);
  const fractions = [0, 0.5, 1];
  const { points } = await randomCurve(runner, { fractions, draws: 4, seed: 3 });
  assert.deepEqual(
    points.map(({ faithfulness: { n } }) => n),
    [4, 4, 4],
  );
  const [none, some, all] = points.map(({ faithfulness: found }) => found);
  assert.ok(Math.abs(none.value) < 1e-4 && none.high - none.low < 1e-6);
  assert.ok(some.high > some.low);
  assert.ok(Math.abs(all.value - 1) < 1e-4);
  const again = await randomCurve(runner, { fractions, draws: 4, seed: 3 });
  assert.deepEqual(again.points, points);
});

test('gradients are not scores of another ablation', async () => {
  const model = await loadFixture('gpt2');
  await assert.rejects(findCircuit(model, EXAMPLES, { ablation: 'zero' }), { code: 'bad-option' });
  const exact = await findCircuit(model, EXAMPLES, { ablation: 'zero', method: 'exact' });
  assert.ok(exact.scores.some((score) => score !== 0));
});

test('examples that do not differ have no faithfulness', async () => {
  const model = await loadFixture('gpt2');
  const [{ clean, target, distractor }] = EXAMPLES;
  const same = [{ clean, corrupted: clean, target, distractor }];
  const runner = await circuitRunner(model, same);
  await assert.rejects(faithfulness(runner, edgeMask(runner.graph)), { code: 'no-difference' });
});

test('circuit files come back as they went, and wrong ones are named', async () => {
  const model = await loadFixture('gpt2');
  const { graph, scores } = await edgeAttribution(model, EXAMPLES, { method: 'eap' });
  const circuit = { graph, scores, mask: topEdges(graph, scores, { count: 5, by: 'signed' }) };
  const path = join(scratch, 'circuit.json');
  await writeCircuit(path, circuit);
  const read = await readCircuit(path);
  assert.deepEqual([...read.mask], [...circuit.mask]);
  assert.deepEqual([...read.scores], [...scores]);
  const document = circuitToJson(circuit);
  assert.deepEqual(document.cfg, {
    n_layers: 2,
    n_heads: 2,
    parallel_attn_mlp: false,
    d_model: 16,
  });
  assert.ok('input->a0.h0<q>' in document.edges);
  const broken: [unknown, string][] = [
    [{ ...document, edges: { 'a1.h0->a0.h0<q>': { score: 1, in_graph: true } } }, 'bad-circuit'],
    [{ ...document, nodes: { 'a9.h0': { in_graph: true } } }, 'bad-circuit'],
    [{ nodes: {}, edges: {} }, 'bad-circuit'],
  ];
  for (const [content, code] of broken) {
    await writeFile(path, JSON.stringify(content));
    await assert.rejects(readCircuit(path), { code });
  }
  await writeFile(path, '{');
  await assert.rejects(readCircuit(path), { code: 'bad-json' });
  await assert.rejects(readCircuit(join(scratch, 'none.json')), { code: 'no-file' });
  assert.throws(() => findEdge(graph, 'a0.h0->a1.h0<x>'), { code: 'unknown-edge' });
  assert.throws(() => topEdges(graph, scores, { count: 10_000 }), { code: 'bad-option' });
});
