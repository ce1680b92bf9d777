import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadFixture } from '../../model/testing/fixtures.ts';
import { activationPatching } from '../patching/index.ts';
import { circuitRunner, edgeMask, findEdge, receiverName } from './index.ts';
import { pathPatchingProgram } from './path-program.ts';
import { pathPatching } from './paths.ts';
import { changedFixture, EXAMPLES } from './testing.ts';

const ONE = EXAMPLES.slice(0, 1);

// Not Gemma 2: there a head's share of the stream is scaled by its layer's norm, which patching z moves too.
for (const name of ['gpt2', 'llama3', 'gpt-neox', 'qwen3']) {
  test(`all paths out of a head together are activation patching: ${name}`, async () => {
    const model = await loadFixture(name);
    const { graph } = await circuitRunner(model, ONE);
    const receivers = graph.edges.filter((edge) => edge.name.startsWith('a0.h1->'));
    const { effects } = await pathPatching(model, ONE, {
      senders: ['a0.h1'],
      receivers: receivers.map(({ receiver }) => receiverName(graph.receivers[receiver])),
      freezeNorms: false,
    });
    const { logitDiff } = await activationPatching(model, {
      ...ONE[0],
      site: 'z',
      direction: 'noise',
    });
    assert.ok(Math.abs(effects[0].patched[0] - logitDiff[0][1]) < 1e-4);
  });
}

for (const name of ['gpt2', 'gpt-neox', 'gemma2', 'llama3']) {
  test(`one direct path is one edge cut: ${name}`, () => directPaths(name));
}

async function directPaths(name: string): Promise<void> {
  const model = await loadFixture(name);
  for (const freezeNorms of [false, true]) {
    const runner = await circuitRunner(model, EXAMPLES, { freezeNorms });
    for (const [sender, receiver] of [
      ['a0.h0', 'a1.h1<k>'],
      ['m0', 'logits'],
      ['input', 'm1'],
      ['a1.h0', 'logits'],
    ]) {
      const mask = edgeMask(runner.graph);
      mask[findEdge(runner.graph, `${sender}->${receiver}`).index] = 0;
      const [expected] = await runner.run([mask]);
      const found = await pathPatching(model, EXAMPLES, {
        senders: [sender],
        receivers: [receiver],
        freezeNorms,
      });
      for (const [i, value] of expected.entries()) {
        assert.ok(Math.abs(found.effects[0].patched[i] - value) < 1e-4, `${sender}->${receiver}`);
      }
    }
  }
}

test('a direct path to the logits adds the frozen-norm share of the difference', async () => {
  const model = await loadFixture('gpt2');
  const { config, params } = model;
  const { dModel, dHead } = config;
  const [{ clean, corrupted, target, distractor }] = ONE;
  const { effects, clean: plain } = await pathPatching(model, ONE, { senders: ['a1.h1'] });
  const address = ['blocks.1.attn.hook_result', 'ln_final.hook_scale'];
  const [a, b] = await Promise.all(
    [clean, corrupted].map((tokens) => model.runWithCache(tokens, address)),
  );
  const last = clean.length - 1;
  const start = (last * config.nHeads + 1) * dModel;
  const of = (run: typeof a) => run.cache[address[0]].data as Float32Array;
  const change = Array.from({ length: dModel }, (_, i) => of(b)[start + i] - of(a)[start + i]);
  const mean = change.reduce((x, y) => x + y, 0) / dModel;
  const weight = params['ln_final.weight'].data as Float32Array;
  const scale = (a.cache[address[1]].data as Float32Array)[last];
  const unembed = params[config.tieEmbeddings ? 'embed.weight' : 'unembed.weight']
    .data as Float32Array;
  let expected = 0;
  for (let i = 0; i < dModel; i++) {
    const column = unembed[target * dModel + i] - unembed[distractor * dModel + i];
    expected += (((change[i] - mean) * weight[i]) / scale) * column;
  }
  assert.ok(dHead > 0 && Math.abs(effects[0].patched[0] - plain[0] - expected) < 1e-4);
});

test('paths through MLPs are the direct ones when MLPs write nothing, else they differ', async () => {
  const options = { senders: ['a0.h0', 'input'], receivers: ['a1.h0<v>', 'logits'] };
  const silent = await changedFixture('gpt2', (name, values) =>
    name.includes('mlp.out') ? values.fill(0) : values,
  );
  for (const [model, same] of [
    [silent, true],
    [await loadFixture('gpt2'), false],
  ] as const) {
    const direct = await pathPatching(model, EXAMPLES, options);
    const through = await pathPatching(model, EXAMPLES, { ...options, throughMlps: true });
    const gap = Math.max(
      ...direct.effects.flatMap(({ patched }, i) =>
        patched.map((x, j) => Math.abs(x - through.effects[i].patched[j])),
      ),
    );
    assert.equal(gap < 1e-5, same, `${gap}`);
  }
});

test('divergence has a change and no share, and a model that is not a number is named', async () => {
  const model = await loadFixture('gpt2');
  const { effects, clean } = await pathPatching(model, EXAMPLES, {
    senders: ['a1.h0', 'm0'],
    metric: 'kl',
  });
  assert.ok(clean.every((value) => Math.abs(value) < 1e-6));
  for (const { effect, change, patched } of effects) {
    assert.equal(effect, null);
    const mean = (patched[0] + patched[1] - clean[0] - clean[1]) / 2;
    assert.ok(change.value < 0 && Math.abs(change.value - mean) < 1e-9);
  }
});

test('unknown senders and receivers are named with the nearest', async () => {
  const model = await loadFixture('gpt2');
  await assert.rejects(pathPatching(model, ONE, { senders: ['a9.h1'] }), { code: 'unknown-node' });
  await assert.rejects(pathPatching(model, ONE, { receivers: ['a0.h1<x>'] }), {
    code: 'unknown-receiver',
  });
});

test('what comes before the first receiver is not computed again', async () => {
  const { config } = await loadFixture('gpt2');
  const attentions = [0, 1, config.nLayers].map((from) => {
    const options = { metric: 'logit-diff', throughMlps: false, freezeNorms: true, from } as const;
    const { nodes } = pathPatchingProgram(config, options);
    return nodes.filter(({ op }) => op === 'softmax' || op === 'attention').length;
  });
  assert.deepEqual(attentions, [2, 1, 0]);
});
