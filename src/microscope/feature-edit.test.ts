import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { randomSet } from '../../test/support/dictionaries.ts';
import { type Model, openModel } from '../model/index.ts';
import type { Dictionary } from './dictionary/types.ts';
import { parseEditSpecs, resolveEdits } from './edit-spec.ts';
import { attributePrompt } from './graph/attribute.ts';
import { directEffects } from './graph/direct-effects.ts';
import { frozenAddresses } from './graph/frozen.ts';
import { measureChange } from './graph/intervene.ts';
import { attributionTargets } from './graph/targets.ts';
import { compareWithEdits, doseResponse } from './interventions.ts';
import { encodePrompt } from './prompt.ts';

const PROMPT = 'When Mary and John went to the store, John gave a drink to';
let model: Model;
let tokens: number[];

before(async () => {
  model = await openModel();
  tokens = [...encodePrompt(model, PROMPT)];
});
after(() => model.release());

const near = (a: number, b: number, tolerance = 2e-4) =>
  assert.ok(Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(b)), `${a} and ${b}`);

test('an edit of a feature does what the same change of a graph does', async () => {
  const set = randomSet(model, { width: 32, activation: { kind: 'topk', k: 4 } });
  const found = await attributePrompt(model, set, tokens, { tokens: [40] });
  const { nodes } = found.graph;
  const { layer, index } = nodes.find(({ kind, layer: l }) => kind === 'feature' && l === 2)!;
  const dictionaries = async (name: string) => set.dictionaries[Number(name.at(-1))];
  const spec = { at: 'blocks.2.hook_mlp_out', op: 'feature', feature: `t-2:${index}`, strength: 0 };
  const edits = parseEditSpecs([spec]);
  const changes = [...nodes.keys()]
    .filter((i) => nodes[i].kind === 'feature')
    .filter((i) => nodes[i].layer === layer && nodes[i].index === index)
    .map((node) => ({ node, factor: 0 }));
  const [expected] = await measureChange(model, set, found, { changes, mode: 'open' });
  // The graph leaves the begin-of-text token out; so does the edit, to compare.
  const positions = changes.map(({ node }) => nodes[node].position);
  const resolved = await resolveEdits(model, tokens, [{ ...edits[0], positions }], {
    dictionaries,
  });
  const site = 'ln_final.hook_normalized';
  const read = async (list: typeof resolved) => {
    const { cache } = await model.runWithEdits(tokens, list, site, { logits: 'none' });
    const data = cache[site].data as Float32Array;
    const row = data.subarray(data.length - model.config.dModel);
    return found.targets[0].vector.reduce((sum, value, i) => sum + value * row[i], 0);
  };
  near((await read(resolved)) - (await read([])), expected);

  const same = await compareWithEdits(
    model,
    tokens,
    [{ ...edits[0], op: 'feature', strength: 1 } as (typeof edits)[0]],
    { dictionaries },
  );
  assert.ok(Math.max(...same.kl) < 1e-6);
  const { points } = await doseResponse(model, tokens, edits, {
    preference: { target: 40 },
    index: 0,
    strengths: [1],
    baselines: 0,
    dictionaries,
  });
  assert.ok(points[0].kl < 1e-6);
});

test('what cannot be edited says why', async () => {
  const [dictionary] = randomSet(model, { width: 8 }).dictionaries;
  const resolve = (feature: string, at = 'blocks.0.hook_mlp_out', given = true) =>
    resolveEdits(model, tokens, [{ at, op: 'feature', feature, strength: 0 }], {
      dictionaries: given ? async () => dictionary : undefined,
    });
  await assert.rejects(resolve('a:1', undefined, false), {
    code: 'bad-edit',
    message: /no dictio/,
  });
  await assert.rejects(resolve('abc'), { code: 'bad-edit', message: /names no feature/ });
  await assert.rejects(resolve('a:8'), { code: 'bad-edit', message: /no feature 8/ });
  await assert.rejects(resolve('a:1', 'blocks.1.hook_mlp_out'), { message: /writes to blocks.0/ });
  // Heads were left out without a word: the edit then was of all of them.
  const ofHeads = {
    at: 'blocks.0.hook_mlp_out',
    op: 'feature',
    feature: 'a:1',
    strength: 0,
  } as const;
  await assert.rejects(
    resolveEdits(model, tokens, [{ ...ofHeads, heads: [1] }], {
      dictionaries: async () => dictionary,
    }),
    { code: 'bad-edit', message: /single heads/ },
  );
});

test('direct effects are those of the graph for transcoders, and of the frozen model elsewhere', async () => {
  const set = randomSet(model, { width: 24, activation: { kind: 'topk', k: 3 } });
  const found = await attributePrompt(model, set, tokens, { tokens: [40] });
  const { nodes, adjacency } = found.graph;
  const [target] = await attributionTargets(model, tokens, { tokens: [40] });
  const effects = await directEffects(model, set.dictionaries, { tokens, target });
  const row = (nodes.length - 1) * nodes.length;
  let compared = 0;
  nodes.forEach(({ kind, layer, index, position }, i) => {
    if (kind !== 'feature') return;
    const own = effects.find(
      (one) => one.dictionary === layer && one.index === index && one.position === position,
    );
    near(own!.effect!, adjacency[row + i]);
    compared++;
  });
  assert.ok(compared > 50);
  assert.equal(effects.length, compared);

  const at = 'blocks.1.hook_resid_post';
  const [{ config, params }] = set.dictionaries;
  const autoencoder: Dictionary = { params, config: { ...config, reads: [at], writes: [at] } };
  const elsewhere: Dictionary = {
    params,
    config: { ...config, reads: [at], writes: ['blocks.1.hook_resid_mid'] },
  };
  const [first, ...rest] = await directEffects(model, [autoencoder, elsewhere], { tokens, target });
  assert.ok(rest.some(({ dictionary, effect }) => dictionary === 1 && effect === null));
  const site = 'ln_final.hook_normalized';
  const mlps = Array.from({ length: model.config.nLayers }, (_, l) => `blocks.${l}.hook_mlp_out`);
  const held = [...frozenAddresses(model.config), ...mlps];
  const clean = await model.runWithCache(tokens, [...held, site], { logits: 'none' });
  const edits = await resolveEdits(
    model,
    tokens,
    [{ at, op: 'feature', feature: `x:${first.index}`, strength: 0, positions: [first.position] }],
    { dictionaries: async () => autoencoder },
  );
  const frozen = held.map((address) => ({ at: address, op: 'freeze' as const, from: clean.cache }));
  const changed = await model.runWithEdits(tokens, [...frozen, ...edits], site, { logits: 'none' });
  const [a, b] = [clean, changed].map(({ cache }) => cache[site].data as Float32Array);
  const start = (tokens.length - 1) * model.config.dModel;
  const moved = target.vector.reduce((s, v, i) => s + v * (b[start + i] - a[start + i]), 0);
  near(-moved, first.effect!);
});
