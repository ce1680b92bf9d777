import assert from 'node:assert/strict';
import { test } from 'node:test';
import { wilson } from '../../base/stats.ts';
import { openModel } from '../../model/index.ts';
import type { Estimate } from '../intervals.ts';
import { backupEffects } from './backups.ts';
import {
  analyseIoi,
  defaultThresholds,
  type IoiEvidence,
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
        's1-random': [positions.s1],
        's-random': [positions.s1, positions.s2],
        'io-random': [positions.io],
      }[corruption];
      assert.deepEqual(
        changed,
        expected.sort((a, b) => a - b),
      );
      const people = [positions.io, positions.s1, positions.s2].map((at) => nameOf(corrupted[at]));
      const distinct = { abc: 3, 's2-random': 3, 's1-random': 3 } as Record<string, number>;
      assert.equal(new Set(people).size, distinct[corruption] ?? 2, corruption);
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
    withoutNameMovers: sure(0),
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
  const copies = { copies: wilson(19, 20), negates: wilson(0, 20) };
  const steps = effects({ withoutNameMovers: sure(0.1) });
  assert.deepEqual(roles({ copy: copies, effects: steps }), ['backup name mover']);
  assert.deepEqual(roles({ effects: steps }), [], 'what does not copy is no backup');
  const weaker = effects({ withoutNameMovers: sure(-0.1) });
  assert.deepEqual(roles({ copy: copies, effects: weaker }), []);
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

test('backups are judged by what grows when name movers carry nothing', async () => {
  const examples = ioiDataset(model, { templates, count: 4, seed: 5 });
  const mover = { layer: 2, head: 4 };
  const found = await backupEffects(model, examples, { movers: [mover] });
  const { nHeads, nLayers, dHead, dModel } = model.config;
  assert.equal(found.length, nLayers * nHeads);
  assert.equal(found[mover.layer * nHeads + mover.head], null);
  // Layers before the mover, and other heads beside it, cannot know that it is gone.
  for (const effect of found.slice(0, mover.layer * nHeads))
    assert.ok(Math.abs(effect!.value) < 1e-6);
  // One later head by hand: its output with and without, through the plain run's final norm.
  const head = 0;
  let [grown, plain] = [0, 0];
  for (const { clean, corrupted, target, distractor, positions } of examples) {
    const at = 'blocks.2.attn.hook_z';
    const { cache: other } = await model.runWithCache(corrupted, at);
    const edit = {
      op: 'patch',
      at,
      from: other[at],
      heads: [mover.head],
      positions: [positions.end],
    } as const;
    const record = ['blocks.3.attn.hook_z', 'ln_final.hook_scale'];
    const runs = [
      await model.runWithEdits(clean, [], record, { logits: 'last' }),
      await model.runWithEdits(clean, [edit], record, { logits: 'last' }),
    ];
    const row = runs[0].logits!.data as Float32Array;
    plain += row[target] - row[distractor];
    const scale = (runs[0].cache[record[1]].data as Float32Array)[positions.end];
    const z = runs.map(({ cache }) => cache[record[0]].data as Float32Array);
    const from = (positions.end * nHeads + head) * dHead;
    const weights = ['blocks.3.attn.o.weight', 'ln_final.weight', 'embed.weight', 'unembed.weight'];
    const [output, gain, embed, unembed] = weights.map((name) => model.params[name]?.data);
    const table = (unembed ?? embed) as Float32Array;
    const step = Array.from({ length: dModel }, (_, i) => {
      let total = 0;
      for (let d = 0; d < dHead; d++) {
        total +=
          (z[1][from + d] - z[0][from + d]) * Number(output[(head * dHead + d) * dModel + i]);
      }
      return total;
    });
    const centre = model.config.norm === 'layer' ? step.reduce((a, b) => a + b) / dModel : 0;
    step.forEach((x, i) => {
      const column = table[target * dModel + i] - table[distractor * dModel + i];
      grown += (((x - centre) * Number(gain[i])) / scale) * column;
    });
  }
  const { value } = found[3 * nHeads + head]!;
  assert.ok(Math.abs(value - grown / plain) < 1e-4, `${value} ${grown / plain}`);
  const none = await backupEffects(model, examples, { movers: [] });
  assert.ok(none.every((effect) => effect === null));
});
