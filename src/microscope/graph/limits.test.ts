import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { randomSet } from '../../../test/support/dictionaries.ts';
import type { Progress } from '../../base/progress.ts';
import { findModel, loadModel, openModel } from '../../model/index.ts';
import type { Dictionary, DictionarySet } from '../dictionary/types.ts';
import { type Attribution, attributePrompt } from './attribute.ts';
import { withBeginning } from './beginning.ts';
import { influence, normaliseRows } from './influence.ts';

const families = join(import.meta.dirname, '../../../test/fixtures/families');
const tokens = [0, 14, 15, 9, 2, 6];
const model = await loadModel(join(families, 'gpt2'));
const set = randomSet(model, {});

/** The set with one dictionary changed. */
function changed(layer: number, change: (one: Dictionary) => Partial<Dictionary['config']>) {
  const dictionaries = set.dictionaries.map((one, l) =>
    l === layer ? { ...one, config: { ...one.config, ...change(one) } } : one,
  );
  return { ...set, dictionaries };
}

test('dictionaries of another width, layer, address or number of layers are refused', async () => {
  const mismatched: DictionarySet[] = [
    changed(1, () => ({ dIn: 3 })),
    changed(1, () => ({ reads: ['blocks.0.mlp.hook_in'] })),
    changed(1, () => ({ reads: ['blocks.1.hook_resid_post'] })),
    changed(0, () => ({ reads: ['hook_embed'] })),
    changed(0, () => ({ writes: ['blocks.0.hook_mlp_out', 'blocks.0.hook_mlp_out'] })),
    changed(0, () => ({ writes: ['blocks.0.hook_mlp_out', 'blocks.7.hook_mlp_out'] })),
    changed(1, () => ({ writes: ['blocks.0.hook_mlp_out', 'blocks.1.hook_mlp_out'] })),
    { ...set, dictionaries: [...set.dictionaries, set.dictionaries[0]] },
  ];
  for (const one of mismatched) {
    await assert.rejects(attributePrompt(model, one, tokens), { code: 'dictionary-mismatch' });
  }
});

test('targets that cannot be explained are refused, and one named twice is explained once', async () => {
  const attribute = (options: object) => attributePrompt(model, set, tokens, options);
  const same = { difference: { target: 5, distractor: 5 } };
  await assert.rejects(attribute(same), { code: 'same-token' });
  await assert.rejects(attribute({ tokens: [] }), { code: 'bad-token' });
  await assert.rejects(attribute({ tokens: [48] }), { code: 'bad-token' });
  assert.equal((await attribute({ tokens: [5, 5, 7] })).targets.length, 2);
});

test('NaN in a dictionary or in the model is named, not drawn', async () => {
  const [first, ...rest] = set.dictionaries;
  const W_enc = { ...first.params['W_enc.0'], data: first.params['W_enc.0'].data.slice() };
  W_enc.data[3] = Number.NaN;
  const broken = { ...first, params: { ...first.params, 'W_enc.0': W_enc } };
  await assert.rejects(
    attributePrompt(model, { ...set, dictionaries: [broken, ...rest] }, tokens),
    ({ code, message }) => code === 'not-finite' && /dictionary of layer 0/.test(message),
  );
  const sick = await loadModel(join(families, 'gpt2'));
  sick.params['blocks.1.ln2.weight'].data[0] = Number.NaN;
  await assert.rejects(attributePrompt(sick, set, tokens), {
    code: 'not-finite',
    message: /blocks\.1\.mlp\.hook_in/,
  });
  await sick.release();
});

test('a prompt of one token has nothing to explain it with, and says so', async () => {
  await assert.rejects(attributePrompt(model, set, [0]), { code: 'no-active-features' });
});

test('more memory than allowed is refused before it is used, and what is reported keeps to it', async () => {
  const { peakBytes, graph } = await attributePrompt(model, set, tokens);
  const n = graph.nodes.length;
  assert.ok(peakBytes >= 4 * n * n);
  await attributePrompt(model, set, tokens, { maxBytes: peakBytes });
  await assert.rejects(attributePrompt(model, set, tokens, { maxBytes: peakBytes - 1 }), {
    code: 'graph-too-large',
  });
  const few = await attributePrompt(model, set, tokens, {
    maxBytes: peakBytes - 1,
    maxFeatures: 9,
  });
  assert.ok(few.peakBytes < peakBytes);
});

test('progress counts up to all features, and a stop between batches is heeded', async () => {
  const seen: Progress[] = [];
  const options = { batch: 3, progress: (one: Progress) => seen.push(one) };
  const { activeFeatures } = await attributePrompt(model, set, tokens, options);
  assert.ok(seen.length >= activeFeatures / 3);
  seen.forEach(({ done, total }, i) => {
    assert.equal(total, activeFeatures);
    assert.ok(done > (seen[i - 1]?.done ?? 0));
  });
  assert.equal(seen.at(-1)!.done, activeFeatures);
  const stop = new AbortController();
  const stopping = attributePrompt(model, set, tokens, {
    batch: 3,
    progress: ({ done }) => done >= 6 && stop.abort(),
    signal: stop.signal,
  });
  await assert.rejects(stopping, { name: 'AbortError' });
});

/** Which features a limit leaves, worked out from the whole matrix. */
function chosenByHand(all: Attribution, limit: number, count: number): Set<number> {
  const { nodes, adjacency } = all.graph;
  const n = nodes.length;
  const features = [...nodes.keys()].filter((i) => nodes[i].kind === 'feature');
  const weights = nodes.map(({ probability }) => probability ?? 0);
  const known = new Set<number>();
  while (known.size < limit) {
    // Rows of features that have not been looked at are empty.
    const partial = adjacency.map((value, i) => {
      const row = Math.floor(i / n);
      return nodes[row].kind === 'logit' || known.has(row) ? value : 0;
    });
    const found = influence(normaliseRows(partial, n), weights);
    const open = features.filter((i) => !known.has(i)).sort((a, b) => found[b] - found[a] || a - b);
    for (const one of open.slice(0, Math.min(count, limit - known.size))) known.add(one);
  }
  return known;
}

test('a limit keeps what the ranking by partial influence chooses, with the same edges', async () => {
  const all = await attributePrompt(model, set, tokens);
  const limit = 14;
  const few = await attributePrompt(model, set, tokens, {
    maxFeatures: limit,
    batch: 2,
    rankEvery: 2,
  });
  const expected = [...chosenByHand(all, limit, 4)].sort((a, b) => a - b);
  const featuresOf = ({ graph }: Attribution) => graph.nodes.filter((n) => n.kind === 'feature');
  assert.deepEqual(
    featuresOf(few),
    expected.map((i) => all.graph.nodes[i]),
  );
  const [n, m] = [all.graph.nodes.length, few.graph.nodes.length];
  const others = [...all.graph.nodes.keys()].filter((i) => all.graph.nodes[i].kind !== 'feature');
  const at = [...expected, ...others];
  for (let row = 0; row < m; row++) {
    for (let column = 0; column < m; column++) {
      const [one, other] = [
        few.graph.adjacency[row * m + column],
        all.graph.adjacency[at[row] * n + at[column]],
      ];
      assert.ok(Math.abs(one - other) <= 1e-5 * Math.max(1, Math.abs(other)));
    }
  }
});

test('a special token is put in front where there is none', async () => {
  const atlas = await openModel((await findModel()).folder);
  const bos = atlas.tokenizer!.special.bos!;
  assert.deepEqual(withBeginning(atlas, [40, 41]), [bos, 40, 41]);
  assert.deepEqual(withBeginning(atlas, [bos, 40]), [bos, 40]);
  const special = { ...atlas.tokenizer!.special, bos: null, pad: null, eos: [7] };
  const tokenizer = { ...atlas.tokenizer!, special };
  assert.deepEqual(withBeginning({ ...atlas, tokenizer }, [40]), [7, 40]);
  const bare = { ...tokenizer, special: { ...special, eos: [], all: new Set<number>() } };
  assert.deepEqual(withBeginning({ ...atlas, tokenizer: bare }, [40]), [40]);
  assert.deepEqual(withBeginning({ ...atlas, tokenizer: null }, [40]), [40]);
  await atlas.release();
});

test('the likeliest logits are taken until they carry the share asked for, and not one more', async () => {
  const { targets: ten } = await attributePrompt(model, set, tokens, { logitShare: 1 });
  assert.equal(ten.length, 10);
  assert.ok(ten.every(({ probability }, i) => i === 0 || probability <= ten[i - 1].probability));
  const two = ten[0].probability + ten[1].probability;
  for (const [logitShare, count] of [
    [two - 1e-6, 2],
    [two + 1e-6, 3],
    // A share of 0 gave a graph without a logit, whose scores were 0 / 0.
    [0, 1],
  ]) {
    const { targets } = await attributePrompt(model, set, tokens, { logitShare });
    assert.equal(targets.length, count, `${logitShare}`);
  }
});

test('the edges into a difference of logits are the difference of the edges into each', async () => {
  const [target, distractor] = [5, 17];
  const apart = await attributePrompt(model, set, tokens, { tokens: [target, distractor] });
  const minus = await attributePrompt(model, set, tokens, { difference: { target, distractor } });
  const n = apart.graph.nodes.length;
  const row = ({ graph }: Attribution, fromEnd: number) => {
    const size = graph.nodes.length;
    return graph.adjacency.subarray((size - fromEnd) * size, (size - fromEnd + 1) * size);
  };
  const [a, b, difference] = [row(apart, 2), row(apart, 1), row(minus, 1)];
  for (let source = 0; source < n - 2; source++) {
    const expected = a[source] - b[source];
    assert.ok(Math.abs(difference[source] - expected) < 1e-5 * Math.max(1, Math.abs(expected)));
  }
  assert.deepEqual(minus.graph.outputs, [{ id: model.config.dVocab, text: '#5 − #17' }]);
});
