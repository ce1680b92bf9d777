import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadModel } from '../model/index.ts';
import { directionVector, meanNorm, parseEditSpecs, resolveEdits } from './edit-spec.ts';
import { compareWithEdits, doseResponse } from './interventions.ts';

const families = join(import.meta.dirname, '../../test/fixtures/families');
const model = await loadModel(join(families, 'gpt2'));
const tokens = [3, 14, 15, 9, 2, 6];
const preference = { target: 5, distractor: 17 };
const RESID = 'blocks.0.hook_resid_post';

test('no edits change nothing; an edit changes only what comes after it', async () => {
  const same = await compareWithEdits(model, tokens, [], { preference });
  assert.deepEqual(same.before, same.after);
  assert.ok(same.kl.every((kl) => kl === 0));
  const specs = parseEditSpecs([{ at: RESID, op: 'zero', positions: [3] }]);
  const { kl } = await compareWithEdits(model, tokens, specs, { preference });
  assert.ok(kl.slice(0, 3).every((value) => value < 1e-9));
  assert.ok(kl[3] > 1e-3);
});

test('a token direction added with growing strength raises that token', async () => {
  const specs = parseEditSpecs([
    { at: 'blocks.1.hook_resid_post', op: 'add', direction: { token: 5, minus: 17 }, strength: 1 },
  ]);
  const dose = await doseResponse(model, tokens, specs, {
    preference,
    index: 0,
    strengths: [-1, 0, 1, 4],
    baselines: 6,
  });
  assert.equal(dose.noBaseline, null);
  assert.ok(Math.abs(dose.points[1].metric - dose.clean) < 1e-5);
  assert.ok(dose.points[0].metric < dose.clean && dose.points[2].metric > dose.clean);
  for (const { baseline } of dose.points) assert.equal(baseline!.n, 6);
  // The planted direction must beat random pushes of the same size.
  const strongest = dose.points[3];
  assert.ok(strongest.metric > strongest.baseline!.high);
});

test('random pushes are exactly as long as the edit they stand beside', async () => {
  const specs = parseEditSpecs([{ at: RESID, op: 'zero' }]);
  const dose = await doseResponse(model, tokens, specs, {
    preference,
    index: 0,
    strengths: [0, 1],
  });
  // A push of length zero leaves the answer alone.
  const { baseline } = dose.points[0];
  assert.ok(Math.abs(baseline!.mean - dose.clean) < 1e-5 && baseline!.high - baseline!.low < 1e-5);
});

test('attention patterns have no random baseline, and say why', async () => {
  const specs = parseEditSpecs([{ at: 'blocks.0.attn.hook_pattern', op: 'scale', strength: 1 }]);
  const dose = await doseResponse(model, tokens, specs, { preference, index: 0, strengths: [0.5] });
  assert.equal(dose.points[0].baseline, null);
  assert.match(dose.noBaseline!, /patterns/);
});

test('strength 1 adds a vector as long as the activation', async () => {
  const specs = parseEditSpecs([{ at: RESID, op: 'add', direction: { random: 7 }, strength: 2 }]);
  const [edit] = await resolveEdits(model, tokens, specs);
  const { cache } = await model.runWithCache(tokens, RESID);
  assert.ok(edit.op === 'add');
  assert.ok(Math.abs(edit.strength! - 2 * meanNorm(cache[RESID])) < 1e-6);
  assert.ok(Math.abs(Math.hypot(...directionVector(model, RESID, { random: 7 })) - 1) < 1e-12);
});

test('freezing a norm scale holds it while something else moves', async () => {
  const specs = parseEditSpecs([
    { at: RESID, op: 'scale', strength: 3 },
    { at: 'ln_final.hook_scale', op: 'freeze' },
  ]);
  const edits = await resolveEdits(model, tokens, specs);
  const clean = (await model.runWithCache(tokens, 'ln_final.hook_scale')).cache;
  const { cache } = await model.runWithEdits(tokens, edits, 'ln_final.hook_scale');
  assert.deepEqual(cache['ln_final.hook_scale'].data, clean['ln_final.hook_scale'].data);
});

test('bad edits are named with their field', async () => {
  const cases: [unknown, string, RegExp][] = [
    [[{ at: RESID }], 'bad-edit', /edit 0: op/],
    [
      [
        { at: RESID, op: 'zero' },
        { at: RESID, op: 'scale' },
      ],
      'bad-edit',
      /edit 1: strength/,
    ],
    [{ at: RESID, op: 'zero', sign: 1 }, 'bad-edit', /sign/],
  ];
  for (const [json, code, message] of cases) {
    assert.throws(() => parseEditSpecs(json), { name: 'GlassboxError', code, message });
  }
  const add = (at: string, direction: object) =>
    resolveEdits(model, tokens, parseEditSpecs({ at, op: 'add', direction, strength: 1 }));
  await assert.rejects(add(RESID, { vector: [1, 2] }), { code: 'bad-edit-shape' });
  await assert.rejects(add(RESID, { token: 5, minus: 5 }), { code: 'bad-edit' });
  await assert.rejects(add('blocks.0.attn.hook_q', { token: 5 }), { code: 'bad-edit-shape' });
  await assert.rejects(add('blocks.9.hook_mlp_out', { random: 1 }), { code: 'unknown-address' });
});
