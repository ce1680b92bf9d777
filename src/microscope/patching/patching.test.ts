import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GlassboxError } from '../../base/error.ts';
import { input } from '../../graph/build.ts';
import { createProgram } from '../../graph/program.ts';
import type { Model } from '../../model/index.ts';
import { parameterInputs } from '../../model/run/program.ts';
import { loadFixture } from '../../model/testing/fixtures.ts';
import { traceForward } from '../../model/transformer/forward.ts';
import { evaluate } from '../../runtime/reference/index.ts';
import { linearFixture } from '../circuits/testing.ts';
import {
  activationPatching,
  attributionPatching,
  averagePatching,
  type PatchSite,
  patchSites,
  siteAddress,
} from './index.ts';

const CLEAN = [3, 7, 9, 11, 4, 8];
const CORRUPTED = [3, 7, 21, 11, 30, 8];
const PAIR = { clean: CLEAN, corrupted: CORRUPTED, target: 5, distractor: 17 };

async function logitDifference(model: Model, tokens: readonly number[], edits: object[]) {
  const { logits } = await model.runWithEdits(tokens, edits as never, [], { logits: 'last' });
  const row = logits!.data as Float32Array;
  return row[PAIR.target] - row[PAIR.distractor];
}

const SITES: Readonly<Record<string, readonly PatchSite[]>> = {
  gpt2: patchSites,
  'gpt-neox': ['mlp_out', 'z'],
  llama3: ['k', 'pattern'],
};

for (const [name, sites] of Object.entries(SITES)) {
  test(`sites equal an edited run of the whole model: ${name}`, async () => {
    const model = await loadFixture(name);
    for (const [i, site] of sites.entries()) {
      const direction = i % 2 ? 'denoise' : 'noise';
      const found = await activationPatching(model, {
        ...PAIR,
        site,
        direction,
        byPosition: true,
        batch: 5,
      });
      const [base, other] = direction === 'denoise' ? [CORRUPTED, CLEAN] : [CLEAN, CORRUPTED];
      const address = siteAddress(site, 1);
      const { cache } = await model.runWithCache(other, address);
      const perHead = found.axes.rows.name === 'layer.head';
      const row = found.axes.rows.labels.indexOf(perHead ? '1.0' : '1');
      const at = { at: address, positions: [4], ...(perHead ? { heads: [0] } : {}) };
      const expected = await logitDifference(model, base, [
        { op: 'patch', from: cache[address], ...at },
      ]);
      const difference = Math.abs(found.logitDiff[row][4] - expected);
      assert.ok(difference < 1e-4, `${site} ${direction}: off by ${difference}`);
    }
  });
}

test('named positions align prompts of different length', async () => {
  const model = await loadFixture('gpt2');
  const longer = [3, 40, 7, 21, 11, 30, 8];
  const positions = { first: [0, 0], changed: [2, 3], end: [-1, -1] } as const;
  const options = { ...PAIR, corrupted: longer, positions, site: 'resid_post' } as const;
  const { axes, effect, logitDiff } = await activationPatching(model, options);
  assert.deepEqual(axes.columns.labels, ['first', 'changed', 'end']);
  // After the last layer only the last position is read.
  assert.ok(Math.abs(effect[1][2] - 1) < 1e-3 && Math.abs(effect[1][0]) < 1e-3);
  const address = siteAddress('resid_post', 0);
  const { cache } = await model.runWithCache(CLEAN, address);
  const { dModel } = model.config;
  const value = (cache[address].data as Float32Array).slice(2 * dModel, 3 * dModel);
  const expected = await logitDifference(model, longer, [
    { op: 'set', value, at: address, positions: [3] },
  ]);
  assert.ok(Math.abs(logitDiff[0][1] - expected) < 1e-4);
  await assert.rejects(activationPatching(model, { ...options, site: 'pattern' }), {
    code: 'prompts-differ-in-length',
  });
  await assert.rejects(
    activationPatching(model, { ...options, positions: { far: [9, 0] } }),
    (error: GlassboxError) => error instanceof GlassboxError && error.code === 'bad-position',
  );
});

test('all positions at once at the first stream is the other run', async () => {
  const model = await loadFixture('gpt2');
  const options = { ...PAIR, site: 'resid_pre', byPosition: false } as const;
  const { axes, effect } = await activationPatching(model, options);
  assert.deepEqual(axes.columns.labels, ['all']);
  for (const [value] of effect) assert.ok(Math.abs(value - 1) < 1e-3);
});

test('averages normalise means and have intervals around them', async () => {
  const model = await loadFixture('gpt2');
  const second = { ...PAIR, corrupted: [3, 7, 21, 12, 30, 8] };
  const third = { ...PAIR, corrupted: [1, 2, 9, 11, 30, 8] };
  const found = await averagePatching(model, [PAIR, second, third], { site: 'z' });
  const single = await Promise.all(
    [PAIR, second, third].map((pair) => activationPatching(model, { ...pair, site: 'z' })),
  );
  const mean = (of: (i: (typeof single)[number]) => number) =>
    single.reduce((sum, one) => sum + of(one), 0) / 3;
  const corrupted = mean(({ metric }) => metric.corrupted);
  const clean = mean(({ metric }) => metric.clean);
  const cell = found.effect[0][1];
  const expected = (mean(({ logitDiff }) => logitDiff[0][1]) - corrupted) / (clean - corrupted);
  assert.ok(Math.abs(cell.value - expected) < 1e-6);
  assert.ok(cell.low <= cell.value && cell.value <= cell.high && cell.n === 3);
  const shorter = { ...PAIR, clean: [1, 2], corrupted: [2, 2] };
  await assert.rejects(averagePatching(model, [PAIR, shorter], { site: 'resid_pre' }), {
    code: 'pairs-do-not-align',
  });
  await assert.rejects(averagePatching(model, [], { site: 'z' }), { code: 'no-prompts' });
});

test('weights that are not finite are named as the cause', async () => {
  const model = await loadFixture('gpt2');
  (model.params['ln_final.weight'].data as Float32Array)[0] = Number.NaN;
  await assert.rejects(activationPatching(model, { ...PAIR, site: 'z' }), { code: 'not-finite' });
});

/** The metric of the corrupted run with the first stream moved a little towards the clean one, in float64. */
async function slopeAtFirstStream(model: Model): Promise<number> {
  const { config, params } = model;
  const address = 'blocks.0.hook_resid_pre';
  const { logits } = traceForward(config, {
    tokens: input('tokens', [1, 'pos'], 'int64'),
    param: parameterInputs(config),
    wants: (at) => at === address,
    hook: () => input('stream', [1, 'pos', config.dModel]),
  });
  const program = createProgram({ logits });
  const runs = await Promise.all(
    [CORRUPTED, CLEAN].map((tokens) => model.runWithCache(tokens, address)),
  );
  const [from, to] = runs.map(({ cache }) => cache[address].data as Float32Array);
  const at = (t: number) => {
    const data = Float64Array.from(from, (x, i) => x + t * (to[i] - x));
    const stream = { dtype: 'float32' as const, shape: [1, CLEAN.length, config.dModel], data };
    const used = program.inputs.map(({ attrs }) => attrs.name).filter((name) => name in params);
    const weights = Object.fromEntries(used.map((name) => [name, params[name]]));
    const { data: out } = evaluate(program, { ...weights, stream }).logits;
    const last = (CLEAN.length - 1) * config.dVocab;
    return out[last + PAIR.target] - out[last + PAIR.distractor];
  };
  return (at(1e-4) - at(-1e-4)) / 2e-4;
}

for (const name of ['gpt2', 'qwen3']) {
  test(`attributions sum to the first-order change of the metric: ${name}`, async () => {
    const model = await loadFixture(name);
    const expected = await slopeAtFirstStream(model);
    const sums = async (site: PatchSite, byPosition?: boolean) => {
      const { logitDiff, metric } = await attributionPatching(model, { ...PAIR, site, byPosition });
      return logitDiff.map((row) => row.reduce((total, x) => total + x - metric.corrupted, 0));
    };
    const [first] = await sums('resid_pre');
    assert.ok(Math.abs(first - expected) < 1e-4 + 1e-3 * Math.abs(expected));
    const [outputs, heads, places] = await Promise.all([
      sums('attn_out'),
      sums('z'),
      sums('z', true),
    ]);
    const each = model.config.nHeads;
    outputs.forEach((total, layer) => {
      assert.ok(Math.abs(total - heads[layer]) < 1e-4, 'heads of a layer sum to its output');
      const own = places.slice(layer * each, (layer + 1) * each).reduce((a, b) => a + b);
      assert.ok(Math.abs(total - own) < 1e-4, 'positions sum to the whole');
    });
  });
}

test('on a linear model the estimate is what patching finds', async () => {
  const model = await linearFixture();
  for (const [site, direction] of [
    ['z', 'noise'],
    ['v', 'denoise'],
  ] as const) {
    const options = { ...PAIR, site, direction, byPosition: true } as const;
    const estimate = (await attributionPatching(model, options)).logitDiff.flat();
    const exact = await activationPatching(model, options);
    const size = Math.abs(exact.metric.clean - exact.metric.corrupted);
    for (const [i, x] of exact.logitDiff.flat().entries()) {
      assert.ok(Math.abs(x - estimate[i]) < 1e-3 * size, `${site} ${i}: ${x} ${estimate[i]}`);
    }
  }
});
