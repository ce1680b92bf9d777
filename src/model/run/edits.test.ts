import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isGlassboxError } from '../../base/error.ts';
import { mul, sum, tensorData } from '../../graph/build.ts';
import type { TensorData } from '../../graph/op.ts';
import { nodeRuntime } from '../../runtime/node/index.ts';
import type { Model } from '../model.ts';
import { at, countingRuntime, loadFixture, maxDifference } from '../testing/fixtures.ts';
import type { Edit } from './edit-types.ts';

const runtime = nodeRuntime();
const gpt2 = await loadFixture('gpt2', runtime);
const gemma = await loadFixture('gemma2', runtime);
const neox = await loadFixture('gpt-neox', runtime);
const CLEAN = [3, 14, 15, 9, 26, 5];
const CORRUPTED = [3, 14, 40, 9, 26, 5];

function close(a: ArrayLike<number>, b: ArrayLike<number>, tolerance = 1e-5): void {
  assert.equal(a.length, b.length);
  for (let i = 0; i < a.length; i++) {
    assert.ok(Math.abs(a[i] - b[i]) <= tolerance, `element ${i}: ${a[i]} against ${b[i]}`);
  }
}

async function value(
  model: Model,
  address: string,
  edits: readonly Edit[] = [],
  tokens: readonly number[] = CLEAN,
): Promise<TensorData> {
  return (await model.runWithEdits(tokens, edits, address)).cache[address];
}

test('patching the whole residual stream of a layer carries the other run over', async () => {
  for (const model of [gpt2, gemma, neox]) {
    const clean = await model.runWithCache(CLEAN, 'blocks.1.hook_resid_pre');
    const corrupted = await model.forward(CORRUPTED);
    assert.ok(maxDifference(clean.logits, corrupted.logits) > 1e-2);
    const patched = await model.runWithEdits(CORRUPTED, [
      { at: 'blocks.1.hook_resid_pre', op: 'patch', from: clean.cache },
    ]);
    assert.ok(maxDifference(patched.logits, clean.logits) < 1e-5);
  }
});

test('patching one position leaves the positions before it alone', async () => {
  const clean = await gpt2.runWithCache(CLEAN, 'blocks.1.hook_resid_pre');
  const before = await gpt2.forward(CORRUPTED);
  const { logits } = await gpt2.runWithEdits(CORRUPTED, [
    { at: 'blocks.1.hook_resid_pre', op: 'patch', from: clean.cache, positions: [2] },
  ]);
  close(at(logits!, 0, 1), at(before.logits!, 0, 1));
  assert.ok(Math.abs(at(logits!, 0, 2)[0] - at(before.logits!, 0, 2)[0]) > 1e-4);
});

test('freezing a run at its own pattern and scales changes nothing', async () => {
  for (const model of [gpt2, gemma, neox]) {
    const addresses = ['**.hook_pattern', '**.hook_scale', '**.hook_normalized'];
    const clean = await model.runWithCache(CLEAN, addresses);
    const frozen = await model.runWithEdits(CLEAN, [
      { at: addresses, op: 'freeze', from: clean.cache },
    ]);
    assert.ok(maxDifference(frozen.logits, clean.logits) < 1e-4);
  }
});

test('a frozen norm scale divides the corrupted run by the clean scale', async () => {
  const clean = await gpt2.runWithCache(CLEAN, 'ln_final.hook_scale');
  const { cache } = await gpt2.runWithEdits(
    CORRUPTED,
    [{ at: 'ln_final.hook_scale', op: 'freeze', from: clean.cache }],
    ['ln_final.hook_normalized', 'blocks.1.hook_resid_post'],
  );
  const resid = at(cache['blocks.1.hook_resid_post'], 0, 3);
  const mean = resid.reduce((a, b) => a + b, 0) / resid.length;
  const scale = at(clean.cache['ln_final.hook_scale'], 0, 3)[0];
  close(
    at(cache['ln_final.hook_normalized'], 0, 3),
    resid.map((x) => (x - mean) / scale),
  );
});

test('zeroing heads of z removes exactly their results', async () => {
  const { cache } = await gpt2.runWithCache(CLEAN, ['**.hook_result', '**.hook_attn_out']);
  const edited = await value(gpt2, 'blocks.0.hook_attn_out', [
    { at: 'blocks.0.attn.hook_z', op: 'zero', heads: [1] },
  ]);
  const result = at(cache['blocks.0.attn.hook_result'], 0, 4, 1);
  const expected = at(cache['blocks.0.hook_attn_out'], 0, 4).map((x, i) => x - result[i]);
  close(at(edited, 0, 4), expected);
  const same = await value(gpt2, 'blocks.0.hook_attn_out', [
    { at: 'blocks.0.attn.hook_result', op: 'zero', heads: [1] },
  ]);
  close(at(same, 0, 4), expected);
});

test('heads at keys and values are key/value heads where they are shared', async () => {
  const { nHeads, nKvHeads } = gemma.config;
  assert.ok(nKvHeads < nHeads);
  const edit: Edit = { at: 'blocks.0.attn.hook_v', op: 'zero', heads: [nKvHeads - 1] };
  const z = await value(gemma, 'blocks.0.attn.hook_z', [edit]);
  close(at(z, 0, 5, nHeads - 1), new Float32Array(gemma.config.dHead));
  const none: Edit = { at: 'blocks.0.attn.hook_v', op: 'zero', heads: [nKvHeads] };
  await assert.rejects(gemma.runWithEdits(CLEAN, [none]), { code: 'bad-edit' });
});

test('an edit at hook_attn_in reaches one head only', async () => {
  const before = await gpt2.runWithCache(CLEAN, '**.{hook_q,hook_z}');
  const after = await gpt2.runWithEdits(
    CLEAN,
    [{ at: 'blocks.0.hook_attn_in', op: 'scale', factor: -1, heads: [0] }],
    '**.{hook_q,hook_z}',
  );
  const q = 'blocks.0.attn.hook_q';
  close(at(after.cache[q], 0, 3, 1), at(before.cache[q], 0, 3, 1));
  assert.ok(Math.abs(at(after.cache[q], 0, 3, 0)[0] - at(before.cache[q], 0, 3, 0)[0]) > 1e-4);
  const unchanged = await gpt2.runWithEdits(CLEAN, [
    { at: 'blocks.0.hook_attn_in', op: 'add', vector: 0 },
  ]);
  const plain = await gpt2.forward(CLEAN);
  assert.ok(maxDifference(unchanged.logits, plain.logits) < 1e-5);
});

test('set scores give a uniform pattern over what a position may see', async () => {
  for (const model of [gpt2, gemma]) {
    const pattern = await value(model, 'blocks.1.attn.hook_pattern', [
      { at: 'blocks.1.attn.hook_attn_scores', op: 'set', value: 0 },
    ]);
    close(at(pattern, 0, 1, 3), [0.25, 0.25, 0.25, 0.25, 0, 0]);
  }
});

test('add, scale and set do what they say, in the order of the list', async () => {
  const address = 'blocks.0.hook_mlp_out';
  const clean = await value(gpt2, address);
  const vector = Float32Array.from({ length: gpt2.config.dModel }, (_, i) => Math.sin(i));
  const steer: Edit = { at: address, op: 'add', vector, strength: 2 };
  const halve: Edit = { at: address, op: 'scale', factor: 0.5 };
  const a = at(clean, 0, 2);
  close(
    at(await value(gpt2, address, [steer, halve]), 0, 2),
    a.map((x, i) => (x + 2 * vector[i]) / 2),
  );
  close(
    at(await value(gpt2, address, [halve, steer]), 0, 2),
    a.map((x, i) => x / 2 + 2 * vector[i]),
  );
  const set = await value(gpt2, address, [
    { at: address, op: 'set', value: vector, positions: [-1] },
  ]);
  close(at(set, 0, 5), vector);
  close(at(set, 0, 4), at(clean, 0, 4));
});

test('project removes a direction and nothing else', async () => {
  const address = 'blocks.1.hook_resid_pre';
  const clean = at(await value(gpt2, address), 0, 3);
  const direction = Array.from({ length: gpt2.config.dModel }, (_, i) => Math.cos(3 * i));
  const norm = Math.hypot(...direction);
  const edited = at(await value(gpt2, address, [{ at: address, op: 'project', direction }]), 0, 3);
  const along = clean.reduce((s, x, i) => s + (x * direction[i]) / norm, 0);
  close(
    edited,
    clean.map((x, i) => x - (along * direction[i]) / norm),
  );
});

test('mean ablation leaves padding out', async () => {
  const rows = [CLEAN, CORRUPTED.slice(0, 3)];
  const address = 'blocks.0.hook_attn_out';
  const clean = (await gpt2.runWithCache(rows, address)).cache[address];
  const real = [...CLEAN.map((_, p) => at(clean, 0, p)), ...[0, 1, 2].map((p) => at(clean, 1, p))];
  const run = async (over: 'all' | 'batch' | 'positions') =>
    (await gpt2.runWithEdits(rows, [{ at: address, op: 'mean', over }], address)).cache[address];
  const average = (vectors: readonly Float32Array[]) =>
    vectors[0].map((_, i) => vectors.reduce((s, v) => s + v[i], 0) / vectors.length);
  close(at(await run('all'), 0, 5), average(real));
  close(at(await run('positions'), 1, 0), average(real.slice(6)));
  close(at(await run('batch'), 0, 1), average([at(clean, 0, 1), at(clean, 1, 1)]));
  close(at(await run('batch'), 0, 5), at(clean, 0, 5));
});

test('a traced function sees the activation and its own values', async () => {
  const address = 'blocks.0.mlp.hook_post';
  const clean = at(await value(gpt2, address), 0, 2);
  const weights = tensorData(
    Array.from({ length: gpt2.config.dMlp }, (_, i) => i / 7),
    [gpt2.config.dMlp],
  );
  const edited = await value(gpt2, address, [
    {
      at: address,
      op: 'trace',
      values: { weights },
      apply: (x, context) => mul(x, context.value('weights')),
    },
  ]);
  close(
    at(edited, 0, 2),
    clean.map((x, i) => (x * i) / 7),
  );
  await assert.rejects(
    gpt2.runWithEdits(CLEAN, [{ at: address, op: 'trace', apply: (x) => sum(x, { axes: -1 }) }]),
    (error) => isGlassboxError(error),
  );
});

test('rows of a batch are edited one by one', async () => {
  const edited = await gpt2.runWithEdits(
    [CLEAN, CLEAN],
    [{ at: 'blocks.0.hook_mlp_out', op: 'zero', batch: [1] }],
    'blocks.0.hook_mlp_out',
  );
  const out = edited.cache['blocks.0.hook_mlp_out'];
  close(at(out, 1, 2), new Float32Array(gpt2.config.dModel));
  assert.ok(at(out, 0, 2).some((x) => x !== 0));
});

test('prompts of different lengths give what they give alone', async () => {
  for (const model of [gpt2, gemma, neox]) {
    const rows = [CLEAN, CLEAN.slice(0, 2), CORRUPTED.slice(0, 4)];
    const together = await model.forward(rows);
    const last = await model.forward(rows, { logits: 'last' });
    assert.deepEqual(together.lengths, [6, 2, 4]);
    for (const [row, tokens] of rows.entries()) {
      const alone = await model.forward(tokens);
      for (let p = 0; p < tokens.length; p++) {
        close(at(together.logits!, row, p), at(alone.logits!, 0, p));
      }
      close(at(last.logits!, row, 0), at(alone.logits!, 0, tokens.length - 1));
    }
  }
});

test('logits can be edited, and left out', async () => {
  const edits: Edit[] = [{ at: 'logits', op: 'add', vector: 3, positions: [-1] }];
  const rows = [CLEAN, CLEAN.slice(0, 4)];
  const plain = await gpt2.forward(rows, { logits: 'last' });
  const edited = await gpt2.runWithEdits(rows, edits, [], { logits: 'last' });
  for (const row of [0, 1]) {
    close(
      at(edited.logits!, row, 0),
      at(plain.logits!, row, 0).map((x) => x + 3),
    );
  }
  const none = await gpt2.runWithCache(rows, 'hook_embed', { logits: 'none' });
  assert.equal(none.logits, null);
  assert.deepEqual(none.cache.hook_embed.shape, [2, 6, gpt2.config.dModel]);
  assert.deepEqual((await gpt2.forward(rows, { logits: 'none' })).cache, {});
});

test('changing numbers or prompts compiles nothing new', async () => {
  const { runtime: counting, compiled } = countingRuntime();
  const model = await loadFixture('gpt2', counting);
  const clean = await model.runWithCache(CLEAN, 'blocks.0.hook_resid_post');
  const before = compiled();
  for (const strength of [0, 1, -3.5]) {
    for (const position of [0, 2, -1]) {
      for (const tokens of [CLEAN, CORRUPTED.slice(0, 4), [CLEAN, CORRUPTED]]) {
        const vector = new Float32Array(model.config.dModel).fill(strength);
        await model.runWithEdits(tokens as number[], [
          { at: 'blocks.1.hook_resid_pre', op: 'add', vector, strength, positions: [position] },
          { at: 'blocks.0.attn.hook_z', op: 'scale', factor: strength, heads: [position & 1] },
        ]);
      }
    }
  }
  assert.equal(compiled(), before + 1);
  const patch = (from: Readonly<Record<string, TensorData>>) =>
    model.runWithEdits(CORRUPTED, [{ at: 'blocks.0.hook_resid_post', op: 'patch', from }]);
  await patch(clean.cache);
  await patch((await model.runWithCache(CORRUPTED, 'blocks.0.hook_resid_post')).cache);
  assert.equal(compiled(), before + 2);
  await model.release();
});

test('wrong input is refused with one clear error', async () => {
  const d = gpt2.config.dModel;
  const cases: [() => Promise<unknown>, string][] = [
    [() => gpt2.forward([]), 'empty-prompt'],
    [() => gpt2.forward([[1], []]), 'empty-prompt'],
    [() => gpt2.forward(new Array(500).fill(1)), 'prompt-too-long'],
    [() => gpt2.forward([48]), 'bad-token'],
    [() => gpt2.forward([-1]), 'bad-token'],
    [() => gpt2.forward([1.5]), 'bad-token'],
    [() => gpt2.runWithCache(CLEAN, 'blocks.0.hook_resid_prex'), 'unknown-address'],
    [() => gpt2.runWithCache(CLEAN, 'blocks.9.hook_resid_pre'), 'unknown-address'],
    [() => gpt2.runWithCache(CLEAN, 'blocks.*.nothing'), 'unknown-address'],
    [() => neox.runWithCache(CLEAN, 'blocks.0.hook_resid_mid'), 'unknown-address'],
  ];
  const edits: [Edit, string][] = [
    [{ at: 'hook_embed', op: 'add', vector: new Float32Array(d + 1) }, 'bad-edit-shape'],
    [{ at: 'hook_embed', op: 'set', value: tensorData([1, 2], [2, 1, 1]) }, 'bad-edit-shape'],
    [{ at: 'hook_embed', op: 'zero', heads: [0] }, 'bad-edit'],
    [{ at: 'hook_embed', op: 'zero', positions: [6] }, 'bad-edit'],
    [{ at: 'hook_embed', op: 'zero', positions: [-7] }, 'bad-edit'],
    [{ at: 'hook_embed', op: 'zero', batch: [1] }, 'bad-edit'],
    [{ at: 'blocks.0.attn.hook_z', op: 'zero', heads: [2] }, 'bad-edit'],
    [{ at: 'hook_embed', op: 'patch', from: {} }, 'bad-edit'],
    [{ at: 'hook_embed', op: 'project', direction: new Float32Array(d) }, 'bad-edit'],
    [{ at: 'blocks.{0,1}.hook_resid', op: 'zero' }, 'unknown-address'],
  ];
  for (const [edit, code] of edits) cases.push([() => gpt2.runWithEdits(CLEAN, [edit]), code]);
  for (const [run, code] of cases) await assert.rejects(run, { name: 'GlassboxError', code });
});
