import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadFixture } from '../../model/testing/fixtures.ts';
import { activationPatching } from '../patching/index.ts';
import { circuitGraph, edgeMask, pruneDeadEnds } from './graph.ts';
import { circuitRunner } from './runner.ts';
import { EXAMPLES } from './testing.ts';

test('GPT-2 small has 158 nodes and 32,491 edges', () => {
  const graph = circuitGraph({ nLayers: 12, nHeads: 12, dModel: 768, parallel: false });
  assert.equal(graph.nodes.length, 158);
  assert.equal(graph.edges.length, 32_491);
});

test('dead ends are cut, paths stay', () => {
  const graph = circuitGraph({ nLayers: 1, nHeads: 2, dModel: 4, parallel: false });
  const mask = edgeMask(graph, 'none');
  const at = (name: string) => graph.edges.find((edge) => edge.name === name)!.index;
  for (const name of ['input->a0.h0<q>', 'a0.h0->m0', 'a0.h1->logits', 'input->logits']) {
    mask[at(name)] = 1;
  }
  const pruned = pruneDeadEnds(graph, mask);
  const left = graph.edges.filter(({ index }) => pruned[index]).map(({ name }) => name);
  assert.deepEqual(left, ['input->logits']);
});

for (const name of ['gpt2', 'gpt-neox', 'llama3', 'gemma2', 'qwen3']) {
  test(`all edges give the clean run, none the corrupted one: ${name}`, async () => {
    const model = await loadFixture(name);
    const runner = await circuitRunner(model, EXAMPLES, { batch: 3 });
    for (const [i, { clean, corrupted, target, distractor }] of EXAMPLES.entries()) {
      for (const [tokens, found] of [
        [clean, runner.full[i]],
        [corrupted, runner.empty[i]],
      ] as const) {
        const { logits } = await model.forward(tokens, { logits: 'last' });
        const row = logits!.data as Float32Array;
        const expected = row[target] - row[distractor];
        assert.ok(Math.abs(found - expected) < 2e-4, `${name} ${i}: ${found} ${expected}`);
      }
    }
  });
}

for (const name of ['gpt2', 'llama3']) {
  test(`cutting all edges of a head is patching its output: ${name}`, async () => {
    const model = await loadFixture(name);
    const runner = await circuitRunner(model, EXAMPLES.slice(0, 1));
    const { effect, logitDiff } = await activationPatching(model, {
      ...EXAMPLES[0],
      site: 'z',
      direction: 'noise',
    });
    assert.ok(effect.length > 0);
    const masks = [0, 1].flatMap((layer) =>
      Array.from({ length: model.config.nHeads }, (_, head) => {
        const mask = edgeMask(runner.graph);
        for (const { sender, index } of runner.graph.edges) {
          const from = runner.graph.senders[sender];
          if (from.kind === 'head' && from.layer === layer && from.head === head) mask[index] = 0;
        }
        return mask;
      }),
    );
    const found = await runner.run(masks);
    const expected = logitDiff.flat();
    found.forEach(([value], i) => {
      assert.ok(Math.abs(value - expected[i]) < 1e-4, `${name} ${i}: ${value} ${expected[i]}`);
    });
  });
}

test('later layers alone give the same when earlier edges are kept', async () => {
  const model = await loadFixture('gpt2');
  for (const metric of ['logit-diff', 'kl', 'log-prob'] as const) {
    const runner = await circuitRunner(model, EXAMPLES, { metric });
    const mask = edgeMask(runner.graph);
    for (const { receiver, index } of runner.graph.edges) {
      const to = runner.graph.receivers[receiver];
      if ((to.kind === 'logits' || to.layer === 1) && index % 3 === 0) mask[index] = 0;
    }
    const [whole] = await runner.run([mask]);
    const [part] = await runner.run([mask], { from: 1 });
    for (const [i, value] of whole.entries()) assert.ok(Math.abs(value - part[i]) < 1e-5);
    if (metric === 'kl') assert.ok(whole[0] < 0 && Math.abs(runner.full[0]) < 1e-6);
  }
});

test('a zero run leaves only biases, a mean run is the same for every example', async () => {
  const model = await loadFixture('gpt2');
  const same = [EXAMPLES[0], { ...EXAMPLES[0], corrupted: [1, 2, 3, 4, 5, 6] }];
  const mean = await circuitRunner(model, same, { ablation: 'mean' });
  assert.ok(Math.abs(mean.empty[0] - mean.empty[1]) < 1e-5);
  const zero = await circuitRunner(model, EXAMPLES, { ablation: 'zero' });
  const layers = Array.from({ length: model.config.nLayers }, (_, l) => l);
  const sites = layers.flatMap((l) => [`blocks.${l}.attn.hook_z`, `blocks.${l}.hook_mlp_out`]);
  const edits = [{ at: ['hook_embed', 'hook_pos_embed', ...sites], op: 'zero' }] as const;
  const { logits } = await model.runWithEdits(EXAMPLES[0].clean, edits, [], { logits: 'last' });
  const row = logits!.data as Float32Array;
  assert.ok(Math.abs(zero.empty[0] - (row[5] - row[17])) < 1e-4);
  await assert.rejects(circuitRunner(model, EXAMPLES, { ablation: 'mean' }), {
    code: 'prompts-differ-in-length',
  });
});
