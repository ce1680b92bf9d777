import assert from 'node:assert/strict';
import { test } from 'node:test';
import { edgeValues } from './graph.ts';
import {
  type CircuitRunner,
  circuitGraph,
  type EdgeMask,
  edgeMask,
  evaluateCircuit,
  faithfulness,
  faithfulnessCurve,
  findEdge,
} from './index.ts';
import { EXAMPLES } from './testing.ts';

type Kept = (name: string) => boolean;

/** A runner whose metric of every example is a formula of the edges that are kept. */
function formulaRunner(
  heads: number,
  metrics: readonly ((kept: Kept) => number)[],
): CircuitRunner & { mask: (...names: string[]) => EdgeMask } {
  const graph = circuitGraph({ nLayers: 1, nHeads: heads, dModel: 4, parallel: false });
  const values = (mask: EdgeMask) =>
    metrics.map((metric) => metric((name) => mask[findEdge(graph, name).index] === 1));
  return {
    graph,
    examples: EXAMPLES,
    metric: 'logit-diff',
    full: values(edgeMask(graph)),
    empty: values(edgeMask(graph, 'none')),
    run: async (masks) => masks.map(values),
    mask(...names) {
      const out = edgeMask(graph, 'none');
      for (const name of names) out[findEdge(graph, name).index] = 1;
      return out;
    },
  };
}

/** 10 straight to the logits, 6 through the head, 4 through the MLP; the same for both examples but for a constant. */
const sum = (kept: Kept) =>
  10 * Number(kept('input->logits')) +
  6 * Number(kept('input->a0.h0<v>') && kept('a0.h0->logits')) +
  4 * Number(kept('input->m0') && kept('m0->logits'));
const additive = () => formulaRunner(1, [sum, (kept) => sum(kept) - 3]);

const near = (value: number, expected: number) =>
  assert.ok(Math.abs(value - expected) < 1e-12, `${value} instead of ${expected}`);

test('faithfulness is the share of the way from nothing to everything', async () => {
  const runner = additive();
  const head = ['input->a0.h0<v>', 'a0.h0->logits'];
  const { value, low, high, n } = await faithfulness(runner, runner.mask('input->logits', ...head));
  for (const figure of [value, low, high]) near(figure, 16 / 20);
  assert.equal(n, 2);
  near((await faithfulness(runner, runner.mask())).value, 0);
  near((await faithfulness(runner, edgeMask(runner.graph))).value, 1);
});

test('CPR and CMD are areas of trapezoids under the curve', async () => {
  const runner = additive();
  const scores = edgeValues(runner.graph);
  for (const [name, score] of [
    ['input->logits', 10],
    ['a0.h0->logits', 3.1],
    ['input->a0.h0<v>', 3],
    ['m0->logits', -2.1],
    ['input->m0', -2],
  ] as const) {
    scores[findEdge(runner.graph, name).index] = score;
  }
  const fractions = [1 / 8, 3 / 8, 5 / 8, 1];
  const { points, cpr, cmd } = await faithfulnessCurve(runner, scores, { fractions });
  assert.deepEqual(
    points.map(({ edges }) => edges),
    [1, 3, 5, 8],
  );
  points.forEach(({ faithfulness: f }, i) => {
    near(f.value, [0.5, 0.8, 1, 1][i]);
  });
  near(cpr, (0.25 * (0.5 + 0.8)) / 2 + (0.25 * (0.8 + 1)) / 2 + 0.375);
  near(cmd, (0.25 * (0.5 + 0.2)) / 2 + (0.25 * 0.2) / 2);
  // By sign the MLP's edges, which were scored as harmful, come last.
  const signed = await faithfulnessCurve(runner, scores, { fractions, by: 'signed' });
  near(signed.points[2].faithfulness.value, 0.8);
});

test('fractions count edges downwards, and half an edge is none', async () => {
  const runner = additive();
  const scores = edgeValues(runner.graph).fill(1);
  const { points } = await faithfulnessCurve(runner, scores, { fractions: [0.001, 0.24, 1] });
  assert.deepEqual(
    points.map(({ edges }) => edges),
    [0, 1, 8],
  );
});

test('completeness is what the rest of the model does without the same nodes', async () => {
  const runner = additive();
  const mask = runner.mask('input->logits', 'input->a0.h0<v>', 'a0.h0->logits');
  const circuit = { graph: runner.graph, scores: edgeValues(runner.graph), mask };
  const { completeness, minimality, metric, nodes } = await evaluateCircuit(runner, circuit, {
    sets: 3,
  });
  // Without the head the circuit has 10 and the model 14, less 1.5 on average for the second example.
  assert.deepEqual(metric, { circuit: 14.5, full: 18.5, empty: -1.5 });
  assert.equal(nodes, 3);
  for (const { removed, circuit: own, model, gap } of completeness.sets) {
    assert.deepEqual(removed, ['a0.h0']);
    near(own, 8.5);
    near(model, 12.5);
    near(gap, 4 / 20);
  }
  near(completeness.mean.value, 0.2);
  near(completeness.worst, 0.2);
  const [only, ...others] = minimality;
  assert.deepEqual([only.node, only.without, others.length], ['a0.h0', [], 0]);
  near(only.effect.value, 6 / 20);
  assert.equal(only.effect.n, 2);
  near(only.score, 6 / 20);
});

test('a backup is needed only where what it stands in for is gone', async () => {
  const either = (kept: Kept) =>
    6 *
    Number(['a0.h0', 'a0.h1'].some((head) => kept(`input->${head}<v>`) && kept(`${head}->logits`)));
  const runner = formulaRunner(2, [either]);
  const names = ['a0.h0', 'a0.h1'].flatMap((head) => [`input->${head}<v>`, `${head}->logits`]);
  const circuit = {
    graph: runner.graph,
    scores: edgeValues(runner.graph),
    mask: runner.mask(...names),
  };
  const { minimality, completeness } = await evaluateCircuit(runner, circuit, { sets: 12 });
  assert.equal(completeness.worst, 0);
  assert.equal(minimality.length, 2);
  for (const { node, effect, score, without } of minimality) {
    assert.equal(effect.value, 0, 'one of two is not missed');
    assert.equal(score, 1);
    assert.deepEqual(without, [node === 'a0.h0' ? 'a0.h1' : 'a0.h0']);
  }
});

test('a circuit without inner nodes misses what all others do, and is not called complete', async () => {
  const runner = additive();
  const circuit = {
    graph: runner.graph,
    scores: edgeValues(runner.graph),
    mask: runner.mask('input->logits'),
  };
  const { completeness } = await evaluateCircuit(runner, circuit);
  near(completeness.worst, 0.5);
  near(completeness.mean.value, 0.5);
  assert.equal(completeness.mean.n, 1);
});
