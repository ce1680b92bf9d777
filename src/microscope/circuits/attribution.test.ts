import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TensorData } from '../../graph/op.ts';
import { loadFixture } from '../../model/testing/fixtures.ts';
import { evaluate } from '../../runtime/reference/index.ts';
import { attributionMethods, edgeAttribution } from './attribution.ts';
import { edgeInterventionProgram } from './edge-program.ts';
import { runNodes } from './examples.ts';
import { edgeMask } from './graph.ts';
import { circuitRunner, meanOf } from './runner.ts';
import { EXAMPLES, linearFixture } from './testing.ts';

test('on a linear model every method equals cutting each edge exactly', async () => {
  const model = await linearFixture();
  const runner = await circuitRunner(model, EXAMPLES, { batch: 64 });
  const full = meanOf(runner.full);
  const masks = runner.graph.edges.map(({ index }) => {
    const mask = edgeMask(runner.graph);
    mask[index] = 0;
    return mask;
  });
  const exact = (await runner.run(masks)).map((values) => full - meanOf(values));
  const size = Math.max(...exact.map(Math.abs));
  assert.ok(size > 1e-3);
  for (const method of attributionMethods) {
    const { scores } = await edgeAttribution(model, EXAMPLES, { method, steps: 2 });
    runner.graph.edges.forEach(({ name, index }, i) => {
      const error = Math.abs(scores[index] - exact[i]);
      assert.ok(error < 1e-3 * size, `${method} ${name}: ${scores[index]} instead of ${exact[i]}`);
    });
  }
});

for (const name of ['gpt2', 'gpt-neox', 'llama3', 'gemma2', 'qwen3']) {
  test(`edge scores are derivatives of the exact intervention: ${name}`, async () => {
    const model = await loadFixture(name);
    const { config, params } = model;
    const examples = EXAMPLES.slice(0, 1);
    const { graph, scores } = await edgeAttribution(model, examples, { method: 'eap' });
    const clean = await runNodes(model, [examples[0].clean]);
    const other = await runNodes(model, [examples[0].corrupted]);
    const program = edgeInterventionProgram(config, {
      metric: 'logit-diff',
      from: 0,
      freezeNorms: false,
    });
    const feeds: Record<string, TensorData> = { ...params };
    for (const [key, value] of Object.entries(clean)) feeds[key.replace('node.', 'clean.')] = value;
    for (const [key, value] of Object.entries(other)) feeds[key.replace('node.', 'other.')] = value;
    const int64 = (x: number): TensorData => ({
      dtype: 'int64',
      shape: [1],
      data: BigInt64Array.of(BigInt(x)),
    });
    const [{ target, distractor }] = examples;
    Object.assign(feeds, { row: int64(0), last: int64(5) });
    Object.assign(feeds, { target: int64(target), distractor: int64(distractor) });
    // One edge into each kind of receiver, by its place in the masks.
    for (const [point, receiver, sender, edge] of [
      ['pre.1', 1, 1, 'a0.h0->a1.h1<q>'],
      ['pre.1', config.nHeads, 0, 'input->a1.h0<k>'],
      ['pre.0', 2 * config.nHeads + 1, 0, 'input->a0.h1<v>'],
      ['mid.1', 0, 2, 'a0.h1->m1'],
      ['end', 0, config.nHeads + 1, 'm0->logits'],
    ] as const) {
      const at = (step: number) => {
        const all: Record<string, TensorData> = {};
        for (const { attrs } of program.inputs) {
          const fed = feeds[attrs.name];
          if (fed) all[attrs.name] = fed;
          if (!attrs.name.startsWith('mask.')) continue;
          const shape = attrs.shape.map((dim) => (dim === 'batch' ? 1 : Number(dim)));
          const data = new Float64Array(shape.reduce((a, b) => a * b, 1)).fill(1);
          if (attrs.name === `mask.${point}`) data[receiver * shape[2] + sender] += step;
          all[attrs.name] = { dtype: 'float32', shape, data: data as never };
        }
        return evaluate(program, all).metric.data[0];
      };
      const slope = (at(1e-4) - at(-1e-4)) / 2e-4;
      const score = scores[graph.edges.find((one) => one.name === edge)!.index];
      assert.ok(
        Math.abs(score - slope) < 1e-5 + 1e-3 * Math.abs(slope),
        `${edge}: ${score} ${slope}`,
      );
    }
  });
}

test('plain attribution has nothing to say about divergence, the integral has', async () => {
  const model = await loadFixture('gpt2');
  await assert.rejects(edgeAttribution(model, EXAMPLES, { method: 'eap', metric: 'kl' }), {
    code: 'flat-metric',
  });
  const { scores } = await edgeAttribution(model, EXAMPLES, { metric: 'kl', steps: 3 });
  assert.ok(scores.some((x) => x !== 0) && scores.every(Number.isFinite));
  await assert.rejects(edgeAttribution(model, [{ ...EXAMPLES[0], corrupted: [1] }]), {
    code: 'prompts-differ-in-length',
  });
  await assert.rejects(edgeAttribution(model, []), { code: 'no-prompts' });
});

// References: scripts/reference/make_circuits.py (EAP-IG's implementation on the same weights).
const file = join(import.meta.dirname, '../../../test/fixtures/microscope/circuits.json');
const reference = JSON.parse(readFileSync(file, 'utf8'));

for (const { model: name, method, steps, scores: expected } of reference.cases) {
  test(`scores equal EAP-IG's implementation on every edge: ${name} ${method}`, async () => {
    const model = await loadFixture(name);
    const { graph, scores } = await edgeAttribution(model, [reference], { method, steps });
    assert.equal(graph.edges.length, Object.keys(expected).length);
    for (const { name: edge, index } of graph.edges) {
      const error = Math.abs(scores[index] - expected[edge]);
      assert.ok(error < 1e-5 + 1e-3 * Math.abs(expected[edge]), `${edge}: ${scores[index]}`);
    }
  });
}
