import assert from 'node:assert/strict';
import { test } from 'node:test';
import { wilson } from '../../base/stats.ts';
import { openModel } from '../../model/index.ts';
import { loadFixture, maxDifference } from '../../model/testing/fixtures.ts';
import type { Estimate } from '../intervals.ts';
import {
  analyseIoi,
  checkIoiReference,
  defaultThresholds,
  foldValueBiases,
  gpt2SmallReference,
  type IoiEvidence,
  type IoiReference,
  type IoiTemplates,
  ioiCorruptions,
  ioiDataset,
  ioiRows,
  rolesOf,
} from './index.ts';

const model = await openModel();
const templates: IoiTemplates = {
  templates: [
    'When {first} and {second} were at the {place}, {giver} gave a {object} to',
    '{first} and {second} went to the {place}. {giver} gave a {object} to',
  ],
  names: ['Mary', 'John', 'Tom', 'Emma', 'Lucy', 'Paul', 'Peter', 'Nonesuchname'],
  slots: { place: ['park', 'school'], object: ['ball', 'book'] },
};

test('sentences have people where the positions say, in both orders', () => {
  for (const corruption of ioiCorruptions) {
    const examples = ioiDataset(model, { templates, count: 20, corruption, seed: 3 });
    assert.equal(examples.filter(({ order }) => order === 'ABBA').length, 10);
    for (const { clean, corrupted, target, distractor, positions, order, text } of examples) {
      const nameAt = (at: number) => model.tokenizer!.decode([clean[at]]).trim();
      const nameOf = (id: number) => model.tokenizer!.decode([id]).trim();
      assert.equal(nameAt(positions.io), nameOf(target), text);
      assert.equal(nameAt(positions.s1), nameOf(distractor), text);
      assert.equal(nameAt(positions.s2), nameOf(distractor), text);
      assert.equal(positions.io < positions.s1, order === 'ABBA');
      assert.equal(positions.end, clean.length - 1);
      assert.equal(clean.length, corrupted.length);
      assert.ok(!text.includes('Nonesuchname'));
      const changed = clean.flatMap((id, i) => (id === corrupted[i] ? [] : [i]));
      const expected = {
        abc: [positions.io, positions.s1, positions.s2],
        order: [positions.io, positions.s1],
        's2-io': [positions.s2],
        's2-random': [positions.s2],
      }[corruption];
      assert.deepEqual(
        changed,
        expected.sort((a, b) => a - b),
      );
      const people = [positions.io, positions.s1, positions.s2].map((at) => nameOf(corrupted[at]));
      if (corruption === 'abc') assert.equal(new Set(people).size, 3);
    }
  }
  const again = ioiDataset(model, { templates, count: 4, seed: 3 });
  assert.deepEqual(again, ioiDataset(model, { templates, count: 4, seed: 3 }));
});

test('names of several tokens are refused when too few are left', () => {
  const names = ['Nonesuchname', 'Othername', 'Mary'];
  assert.throws(() => ioiDataset(model, { templates: { ...templates, names } }), {
    code: 'too-few-names',
  });
});

const sure = (value: number): Estimate => ({ value, low: value - 0.01, high: value + 0.01, n: 9 });

/** A head that does nothing. */
const idle: IoiEvidence = {
  layer: 1,
  head: 2,
  attention: {
    endToIo: sure(0.05),
    endToS1: sure(0.05),
    endToS2: sure(0.05),
    s2ToS1: sure(0.05),
    s2ToS1Next: sure(0.05),
    s1NextToS1: sure(0.05),
  },
  copy: { copies: wilson(0, 20), negates: wilson(0, 20) },
  scores: { previousToken: sure(0.05), duplicateToken: sure(0.05), induction: sure(0.05) },
  effects: {
    logits: sure(0),
    nameMoverQueries: sure(0),
    inhibitionValues: sure(0),
    inductionKeys: sure(0),
  },
};

test('evidence makes roles, and lack of it none', () => {
  const roles = (change: Partial<IoiEvidence>) =>
    rolesOf({ ...idle, ...change }, defaultThresholds);
  const looks = (at: Partial<IoiEvidence['attention']>) => ({ ...idle.attention, ...at });
  const effects = (of: Partial<IoiEvidence['effects']>) => ({ ...idle.effects, ...of });
  const scores = (of: Partial<IoiEvidence['scores']>) => ({ ...idle.scores, ...of });
  assert.deepEqual(roles({}), []);
  const mover = {
    attention: looks({ endToIo: sure(0.7) }),
    effects: effects({ logits: sure(-0.3) }),
    copy: { copies: wilson(19, 20), negates: wilson(0, 20) },
  };
  assert.deepEqual(roles(mover), ['name mover']);
  assert.deepEqual(roles({ ...mover, copy: idle.copy }), []);
  const unsure = { value: -0.3, low: -0.7, high: 0.1, n: 9 };
  assert.deepEqual(roles({ ...mover, effects: effects({ logits: unsure }) }), []);
  const negative = {
    attention: looks({ endToIo: sure(0.7) }),
    effects: effects({ logits: sure(0.2) }),
    copy: { copies: wilson(0, 20), negates: wilson(19, 20) },
  };
  assert.deepEqual(roles(negative), ['negative name mover']);
  const toS2 = looks({ endToS2: sure(0.6) });
  assert.deepEqual(roles({ attention: toS2, effects: effects({ nameMoverQueries: sure(-0.1) }) }), [
    'S-inhibition',
  ]);
  assert.deepEqual(roles({ attention: toS2, effects: effects({ logits: sure(-0.1) }) }), [
    'subject suppressor',
  ]);
  assert.deepEqual(
    roles({
      attention: looks({ s2ToS1Next: sure(0.6) }),
      scores: scores({ induction: sure(0.9) }),
    }),
    ['induction'],
  );
  assert.deepEqual(
    roles({
      attention: looks({ s2ToS1: sure(0.6) }),
      scores: scores({ duplicateToken: sure(0.7) }),
    }),
    ['duplicate token'],
  );
  assert.deepEqual(
    roles({
      attention: looks({ s1NextToS1: sure(0.6) }),
      scores: scores({ previousToken: sure(0.7) }),
    }),
    ['previous token'],
  );
});

test('the built-in model: every head has evidence, and the task is solved by some of them', async () => {
  const examples = ioiDataset(model, { templates, count: 8 });
  const found = await analyseIoi(model, examples);
  assert.equal(found.heads.length, model.config.nLayers * model.config.nHeads);
  assert.equal(found.n, 8);
  assert.ok(found.logitDiff.clean.value > found.logitDiff.corrupted.value);
  for (const { attention, copy, effects } of found.heads) {
    for (const { value, low, high } of [...Object.values(attention), effects.logits]) {
      assert.ok(low <= value + 1e-9 && value <= high + 1e-9);
    }
    assert.ok(copy.copies.rate + copy.negates.rate <= 1);
  }
  const movers = found.heads.filter(({ roles }) => roles.includes('name mover'));
  const known = found.heads.map(({ effects }) => effects.nameMoverQueries !== null);
  assert.ok(known.every((one) => one === movers.length > 0));
  const rows = ioiRows(found);
  assert.equal(rows.length, found.heads.filter(({ roles }) => roles.length > 0).length);
  assert.ok(rows.length > 0);
});

test('value biases can be moved without changing what the model says', async () => {
  for (const name of ['gpt2', 'gpt-neox', 'llama-biases']) {
    const original = await loadFixture(name);
    const folded = foldValueBiases(original);
    const [a, b] = await Promise.all([original, folded].map((one) => one.forward([3, 7, 9, 1])));
    assert.ok(maxDifference(a.logits, b.logits) < 1e-4, name);
  }
});

test('a reference passes on the model it was measured on, and fails when a figure is off', async () => {
  const clean = 'When Mary and John were at the park, John gave a ball to';
  const corrupted = 'When Mary and John were at the park, Mary gave a ball to';
  const empty: IoiReference = {
    model: 'built-in',
    tolerance: 0.01,
    prompts: [{ clean, corrupted, target: 'Mary', distractor: 'John' }],
    s2: 10,
    logitDiffs: [0],
    lens: { '1_mid': 0, '3_pre': 0 },
    layers: { 'attn 3': 0, 'mlp 0': 0 },
    heads: { '3.1': 0 },
    patching: [
      { site: 'resid_pre', at: 's2', effects: { 0: 0 } },
      { site: 'z', at: 'all', effects: { '3.1': 0 } },
    ],
    roles: {},
  };
  const measured = await checkIoiReference(model, empty);
  const of = (what: string) => measured.find((figure) => figure.what === what)!.found;
  assert.equal(measured.length, 8);
  assert.ok(measured.every(({ found }) => Number.isFinite(found)));
  assert.ok(Math.abs(of('patching resid_pre 0 at s2') - 1) < 1e-3);
  const passing = await checkIoiReference(model, {
    ...empty,
    logitDiffs: [of('logit difference of prompt 0')],
    lens: { '1_mid': of('direct 1_mid'), '3_pre': of('direct 3_pre') },
    layers: { 'attn 3': of('direct attn 3'), 'mlp 0': of('direct mlp 0') + 0.1 },
    heads: { '3.1': of('direct 3.1') },
    patching: [{ site: 'z', at: 'all', effects: { '3.1': of('patching z 3.1') } }],
  });
  assert.deepEqual(
    passing.filter(({ ok }) => !ok).map(({ what }) => what),
    ['direct mlp 0'],
  );
});

test('the published reference has the figures of eight prompts and the heads of six roles', () => {
  const { prompts, logitDiffs, roles } = gpt2SmallReference;
  assert.equal(prompts.length, logitDiffs.length);
  const mean = logitDiffs.reduce((a, b) => a + b) / 8;
  assert.ok(Math.abs(mean - 3.552) < 1e-3);
  for (const { clean, corrupted, target, distractor } of prompts) {
    assert.equal(clean.split(distractor).length, 3);
    assert.equal(corrupted.split(target).length, 3);
  }
  assert.equal(Object.keys(roles).length, 6);
});
