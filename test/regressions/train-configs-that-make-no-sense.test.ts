import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { configuredTasks, parseTrainConfig } from '../../src/microscope/dictionary/index.ts';
import { openModel } from '../../src/model/index.ts';

const folder = join(import.meta.dirname, '../fixtures/families/llama3');
const model = await openModel(folder);
const rule = { kind: 'topk', k: 2 };
const resid = [0, 1].map((l) => `blocks.${l}.hook_resid_post`);
const ins = [0, 1].map((l) => `blocks.${l}.mlp.hook_in`);
const outs = [0, 1].map((l) => `blocks.${l}.hook_mlp_out`);
const sae = { name: 'a', kind: 'autoencoder', at: resid[1], width: 8, rule };
const cross = { name: 'c', kind: 'crosscoder', at: resid, width: 8, rule };
const clt = { name: 'c', kind: 'cross-layer', reads: ins, writes: outs, width: 8, rule };

const tasks = (dictionaries: readonly object[], more = {}) =>
  configuredTasks(
    parseTrainConfig({
      ...{ model: folder, corpus: { text: 'x.txt' }, out: 'out', rows: 8, steps: 1 },
      ...{ dictionaries, ...more },
    }),
    { model, other: model },
  );

// Addresses of two widths and missing ones ended as faults of the program; exchanged layers trained nonsense; `..` wrote beside
// the folder, and names that meet in one folder overwrote each other.
test('dictionaries that make no sense are refused before anything is trained or written', () => {
  const hidden = 'blocks.0.mlp.hook_post';
  const wrong: [object[], RegExp, object?][] = [
    [[{ ...cross, at: [resid[0], hidden] }], /'blocks\.0\.mlp\.hook_post' is \d+ wide/],
    [[{ ...cross, at: [resid[0]] }], /crosscoder of blocks\.0\.hook_resid_post$/],
    [[{ ...cross, at: [resid[0], resid[0]] }], /crosscoder of/],
    [[{ ...clt, reads: [ins[1], ins[0]] }], /reads blocks\.1/],
    [[{ ...clt, reads: [ins[1], ins[0]], writes: [outs[1], outs[0]] }], /reads blocks\.1/],
    [[{ ...clt, writes: [outs[0]] }], /and writes blocks\.0\.hook_mlp_out$/],
    [[{ ...clt, reads: [ins[0], hidden] }], /wide/],
    [[{ ...sae, name: '..' }], /not only dots/],
    [[{ ...sae, name: 'a-{l}' }], /holds \{l\}, but names no layers/],
    [[{ ...sae, name: 'c-1' }, clt], /'c' and 'c-1' would both be saved in c-1/],
    [[{ ...sae, name: 'run' }], /'run' and the run itself would both be saved in run/],
    [[sae], /a seed twice/, { seeds: [1, 1] }],
  ];
  for (const [dictionaries, message, more] of wrong) {
    assert.throws(() => tasks(dictionaries, more), { code: 'bad-train-config', message });
  }
});

test('crosscoders of two models are written out over layers', () => {
  const at = ['blocks.{l}.hook_resid_post', 'other:blocks.{l}.hook_resid_post'];
  const made = tasks([{ ...cross, name: 'pair-{l}', at, layers: [0, 1] }, clt, sae], {
    seeds: [3, 4],
  });
  assert.deepEqual(
    made.map(({ name }) => name),
    ['pair-0', 'pair-0@4', 'pair-1', 'pair-1@4', 'c', 'c@4', 'a', 'a@4'],
  );
  assert.deepEqual(made[2].parts[0].reads, [resid[1], `other:${resid[1]}`]);
  assert.equal(tasks([{ ...sae, name: 'run' }], { run: 'elsewhere' }).length, 1);
});
