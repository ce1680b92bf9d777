import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openSafetensors } from '../base/safetensors/index.ts';
import { loadModel, type Model } from '../model/index.ts';
import { directLogitAttribution } from './attribution.ts';
import { headScores } from './heads.ts';
import { logitLens } from './lens.ts';
import { tokenMeasures } from './loss.ts';
import { activationPatching, type PatchSite } from './patching.ts';

// References: scripts/reference/make_microscope.py (TransformerLens on the same weights).
const fixtures = join(import.meta.dirname, '../../test/fixtures');
const reference = JSON.parse(readFileSync(join(fixtures, 'microscope/microscope.json'), 'utf8'));
const tensors = await openSafetensors(join(fixtures, 'microscope/microscope.safetensors'));

async function tokensOf(name: string, row: number): Promise<number[]> {
  const { data, shape } = await tensors.readTensor(name);
  return Array.from((data as BigInt64Array).slice(row * shape[1], (row + 1) * shape[1]), Number);
}

const models = new Map<string, Promise<Model>>();
function load(name: string): Promise<Model> {
  if (!models.has(name)) models.set(name, loadModel(join(fixtures, 'families', name)));
  return models.get(name)!;
}

function close(actual: number, expected: number, tolerance: number, what: string): void {
  assert.ok(
    Math.abs(actual - expected) <= tolerance,
    `${what}: ${actual} is not within ${tolerance} of ${expected}`,
  );
}

test('direct logit attribution equals TransformerLens, component by component', async () => {
  for (const expected of reference.dla) {
    const model = await load(expected.model);
    const found = await directLogitAttribution(model, await tokensOf('tokens', expected.row), {
      target: expected.answer,
      distractor: expected.distractor,
    });
    const of = (name: string) => found.components.find((c) => c.name === name)?.effect ?? 0;
    close(found.logitDiff, expected.logitDiff, 1e-4, expected.model);
    close(found.constant, expected.constant, 1e-4, 'constant');
    close(of('embed'), expected.components.embed, 1e-4, 'embed');
    expected.heads.forEach((heads: number[], layer: number) => {
      for (const [head, effect] of heads.entries()) {
        close(of(`L${layer}H${head}`), effect, 1e-4, `${expected.model} L${layer}H${head}`);
      }
      close(of(`mlp ${layer}`), expected.components[`${layer}_mlp_out`], 1e-4, `mlp ${layer}`);
    });
  }
});

for (const name of ['gpt2', 'gpt-neox', 'llama3', 'qwen3', 'gemma2', 'gemma3', 'phi3', 'mistral']) {
  test(`direct logit attribution sums to the logit difference: ${name}`, async () => {
    const model = await load(name);
    const tokens = await tokensOf('tokens', 0);
    const { components, constant } = await directLogitAttribution(model, tokens, {
      target: 5,
      distractor: 17,
    });
    const { logits } = await model.forward(tokens, { logits: 'last' });
    const cap = model.config.finalSoftcap;
    const uncapped = (x: number) => (cap === null ? x : cap * Math.atanh(x / cap));
    const [a, b] = [5, 17].map((id) => uncapped((logits!.data as Float32Array)[id]));
    const sum = components.reduce((total, { effect }) => total + effect, constant);
    close(sum, a - b, 5e-4, name);
  });
}

test('the logit lens equals TransformerLens at every layer and position', async () => {
  for (const name of ['gpt2', 'llama3', 'gemma2']) {
    const model = await load(name);
    const { data, shape } = await tensors.readTensor(`lens.${name}`);
    const [layers, , pos, vocab] = shape;
    const logits = data as Float32Array;
    const lens = await logitLens(model, await tokensOf('tokens', 0), { topK: 3 });
    assert.equal(lens.layers.length, layers);
    for (let layer = 0; layer < layers; layer++) {
      for (let p = 0; p < pos; p++) {
        const start = (layer * shape[1] * pos + p) * vocab;
        // The reference is the bare unembedding; Gemma 2 caps its logits softly after it.
        const cap = model.config.finalSoftcap;
        const row = Array.from(logits.subarray(start, start + vocab), (x) =>
          cap === null ? x : cap * Math.tanh(x / cap),
        );
        const best = row.indexOf(Math.max(...row));
        const total = row.reduce((sum, x) => sum + Math.exp(x - row[best]), 0);
        assert.equal(lens.top[layer][p][0].id, best, `${name} layer ${layer} position ${p}`);
        close(lens.top[layer][p][0].prob, 1 / total, 1e-5, 'probability');
      }
    }
  }
});

test('activation patching equals TransformerLens on every site', async () => {
  for (const expected of reference.patching) {
    const model = await load(expected.model);
    const clean = await tokensOf('tokens', expected.row);
    const corrupted = await tokensOf('tokensB', expected.row);
    for (const sweep of expected.sweeps) {
      const site = sweep.site.replace(/^(attn\.)?hook_/, '') as PatchSite;
      const found = await activationPatching(model, {
        clean,
        corrupted,
        target: expected.answer,
        distractor: expected.distractor,
        site,
        batch: 5,
      });
      close(found.metric.clean, expected.clean, 1e-4, 'clean');
      close(found.metric.corrupted, expected.corrupted, 1e-4, 'corrupted');
      sweep.effect.forEach((row: number[], i: number) => {
        for (const [j, x] of row.entries()) {
          close(found.logitDiff[i][j], x, 2e-4, `${expected.model} ${site} ${i} ${j}`);
        }
      });
    }
  }
});

test('patching everything at the first residual stream restores the clean answer', async () => {
  const model = await load('gpt2');
  const clean = await tokensOf('tokens', 0);
  const corrupted = [...clean];
  corrupted[2] = (corrupted[2] + 1) % model.config.dVocab;
  const options = { clean, corrupted, target: 5, distractor: 17, site: 'resid_pre' } as const;
  for (const direction of ['denoise', 'noise'] as const) {
    const { effect } = await activationPatching(model, { ...options, direction });
    // Only position 2 differs, so exchanging it at the first layer exchanges the two runs.
    close(effect[0][2], direction === 'denoise' ? 1 : 0, 1e-3, direction);
    close(effect[0][1], direction === 'denoise' ? 0 : 1, 1e-3, direction);
  }
});

test('prompts of different length cannot be patched, and equal ones give nothing to measure', async () => {
  const model = await load('gpt2');
  const options = { target: 5, distractor: 17, site: 'mlp_out' } as const;
  await assert.rejects(
    activationPatching(model, { ...options, clean: [1, 2, 3], corrupted: [1, 2] }),
    { code: 'prompts-differ-in-length' },
  );
  await assert.rejects(
    activationPatching(model, { ...options, clean: [1, 2, 3], corrupted: [1, 2, 3] }),
    { code: 'no-difference' },
  );
});

test('token measures agree with the logits, with and without edits', async () => {
  const model = await load('llama3');
  const tokens = await tokensOf('tokens', 0);
  for (const edits of [[], [{ at: 'logits', op: 'scale', factor: 0.5 }] as const]) {
    const { logits } = await model.runWithEdits(tokens, edits);
    const measures = await tokenMeasures(model, tokens, { edits, topK: 2 });
    const vocab = model.config.dVocab;
    for (let p = 1; p < tokens.length; p++) {
      const row = Array.from((logits!.data as Float32Array).subarray((p - 1) * vocab, p * vocab));
      const logZ = Math.log(row.reduce((sum, x) => sum + Math.exp(x), 0));
      close(measures.loss[p]!, logZ - row[tokens[p]], 1e-4, 'loss');
      assert.equal(measures.rank[p], row.filter((x) => x > row[tokens[p]]).length);
    }
    assert.equal(measures.loss[0], null);
  }
});

test('head scores are attention averages with intervals around them', async () => {
  const gpt2 = await load('gpt2');
  for (const length of [16, 1, 2.5]) {
    await assert.rejects(headScores(gpt2, { length }), { code: 'bad-option' });
  }
  const scores = await headScores(gpt2, { sequences: 4, length: 5, seed: 1 });
  assert.equal(scores.length, 4);
  for (const { intervals } of scores) {
    for (const { mean, low, high, n } of Object.values(intervals)) {
      assert.equal(n, 4);
      assert.ok(low <= mean && mean <= high && low >= 0 && high <= 1);
    }
  }
});
