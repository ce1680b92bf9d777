import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { Rng } from '../../../base/rng.ts';
import { loadModel } from '../../../model/index.ts';
import { randomModel } from '../../../model/random.ts';
import type { Dictionary } from '../types.ts';
import { ComparisonSums } from './comparison.ts';
import { evaluateDictionary, evaluateSet } from './evaluate.ts';

const WIDTH = 6;
type Rows = readonly (readonly number[])[];

function matrix(rows: Rows) {
  return {
    dtype: 'float32' as const,
    shape: [rows.length, rows[0].length],
    data: Float32Array.from(rows.flat()),
  };
}

const unit = (i: number, size = 1) => Array.from({ length: WIDTH }, (_, d) => (d === i ? size : 0));
const none = unit(-1);

/** By hand, over two models: what each feature writes in the first and in the other. */
const decoders: readonly (readonly [first: number[], other: number[]])[] = [
  [unit(0), unit(0)], // both have it
  [unit(1), none], // only the first does
  [unit(2), none], // both do, but training shrank one decoder
  [unit(3), none], // both do, as two features
  [none, unit(3)],
  [unit(4), unit(4, 0.5)], // half as strong
  [unit(5), unit(5, -1)], // the other way round
];
const N = decoders.length;
const byHand: Dictionary = {
  config: {
    activation: { kind: 'relu' },
    reads: ['blocks.0.hook_resid_post', 'other:blocks.0.hook_resid_post'],
    writes: ['blocks.0.hook_resid_post', 'other:blocks.0.hook_resid_post'],
    dIn: WIDTH,
    dOut: WIDTH,
    dDict: N,
    centreInput: false,
    skip: false,
    scale: 1,
    model: { name: 'by hand', hash: null },
  },
  params: {
    'W_dec.0': matrix(decoders.map(([first]) => first)),
    'W_dec.1': matrix(decoders.map(([, other]) => other)),
    'b_dec.0': matrix([unit(0, 0.25)]),
    'b_dec.1': matrix([none]),
  },
};

/** Rows in which features 3 and 4 fire together and what shrank away is still there. */
function sampled(rows: number, scaleOfOther: number) {
  const rng = new Rng(4);
  const acts = new Float32Array(rows * N);
  const x = [new Float32Array(rows * WIDTH), new Float32Array(rows * WIDTH)];
  const guess = [new Float32Array(rows * WIDTH), new Float32Array(rows * WIDTH)];
  for (let row = 0; row < rows; row++) {
    const sizes = decoders.map(() => (rng.next() < 0.4 ? 1 + rng.next() : 0));
    sizes[4] = sizes[3];
    acts.set(sizes, row * N);
    for (let d = 0; d < WIDTH; d++) {
      const at = row * WIDTH + d;
      const sum = (side: 0 | 1) => sizes.reduce((all, f, i) => all + f * decoders[i][side][d], 0);
      guess[0][at] = sum(0) + (d === 0 ? 0.25 : 0);
      guess[1][at] = scaleOfOther * sum(1);
      x[0][at] = guess[0][at];
      x[1][at] = guess[1][at] + (d === 2 ? scaleOfOther * sizes[2] : 0);
    }
  }
  return { acts, x, guess };
}

/** The same crosscoder for a second model whose activations are longer. */
function scaledDictionary(scale: number): Dictionary {
  const decoder = byHand.params['W_dec.1'];
  const data = (decoder.data as Float32Array).map((value) => value * scale);
  return { ...byHand, params: { ...byHand.params, 'W_dec.1': { ...decoder, data } } };
}

for (const scale of [1, 100]) {
  test(`features are told by owner, shrinkage and decoupling; other model's scale ${scale}`, () => {
    const { acts, x, guess } = sampled(2000, scale);
    const sums = new ComparisonSums(scaledDictionary(scale));
    const half = (data: Float32Array, width: number) => [
      data.subarray(0, 1000 * width),
      data.subarray(1000 * width),
    ];
    for (const part of [0, 1]) {
      const cut = (data: Float32Array) => half(data, WIDTH)[part];
      sums.add(half(acts, N)[part], x.map(cut), guess.map(cut));
    }
    const found = sums.result();
    assert.deepEqual(found.ownership.slice(1, 5), [
      'only-first',
      'only-first',
      'only-first',
      'only-other',
    ]);
    assert.equal(found.relativeNorm[1], 1);
    assert.equal(found.relativeNorm[4], 0);
    // Decoders are told in units of each model's mean length; the other model's is `ratio` times as long.
    const mean = (data: Float32Array) => {
      let total = 0;
      for (let row = 0; row < 2000; row++) {
        total += Math.hypot(...data.subarray(row * WIDTH, (row + 1) * WIDTH));
      }
      return total / 2000;
    };
    const ratio = mean(x[1]) / mean(x[0]) / scale;
    const relative = (first: number, there: number) =>
      (1 + (first - there) / Math.max(first, there)) / 2;
    const near = (value: number, expected: number) => Math.abs(value - expected) < 1e-3;
    assert.ok(near(found.relativeNorm[0], relative(1, 1 / ratio)));
    assert.ok(near(found.relativeNorm[5], relative(1, 0.5 / ratio)));
    assert.deepEqual(
      [0, 1, 5, 6].map((f) => Math.round(100 * found.cosine[f]) / 100),
      [1, 0, 1, -1],
    );
    // Only the first has feature 1; the other's activations still hold 2; 4 writes what 3 would.
    assert.ok(near(found.shrinkage[1], 0) && near(found.decoupling[1], 0));
    assert.ok(near(found.shrinkage[2], 1 / ratio) && near(found.decoupling[2], 0));
    assert.ok(near(found.shrinkage[3], 0) && near(found.decoupling[3], 1 / ratio));
    assert.deepEqual(found.exclusive.first, { fired: 3, passed: 1 });
    assert.equal(
      Object.values(found.counts).reduce((a, b) => a + b),
      N,
    );
  });
}

const families = join(import.meta.dirname, '../../../../test/fixtures/families');
const model = await loadModel(join(families, 'gpt2'));
const tokens = [
  [
    [0, 3, 4, 5, 6],
    [0, 7, 8],
  ],
  [[0, 9, 10, 11]],
];
const filter = { excluded: [0] };

/** Reads every address by its positive and negative part and writes exactly that: nothing is lost. */
function lossless(addresses: readonly string[], d: number): Dictionary {
  const dDict = 2 * d * addresses.length;
  const params: Record<string, Dictionary['params'][string]> = {
    b_enc: { dtype: 'float32', shape: [dDict], data: new Float32Array(dDict) },
  };
  addresses.forEach((_, i) => {
    const [enc, dec] = [new Float32Array(d * dDict), new Float32Array(dDict * d)];
    for (let k = 0; k < d; k++) {
      const up = 2 * d * i + k;
      for (const [feature, sign] of [
        [up, 1],
        [up + d, -1],
      ]) {
        enc[k * dDict + feature] = sign;
        dec[feature * d + k] = sign;
      }
    }
    params[`W_enc.${i}`] = { dtype: 'float32', shape: [d, dDict], data: enc };
    params[`W_dec.${i}`] = { dtype: 'float32', shape: [dDict, d], data: dec };
    params[`b_dec.${i}`] = { dtype: 'float32', shape: [d], data: new Float32Array(d) };
  });
  const places = { reads: addresses, writes: addresses, dIn: d, dOut: d, dDict };
  return { config: { ...byHand.config, ...places }, params };
}

// Measuring a crosscoder of several layers threw: an earlier layer was written before a later one was read.
test('a crosscoder of two layers is measured layer by layer', async () => {
  const addresses = ['blocks.0.hook_resid_post', 'blocks.1.hook_resid_post'];
  const crosscoder = lossless(addresses, model.config.dModel);
  const found = await evaluateDictionary(model, crosscoder, { tokens, filter });
  assert.equal(found.comparison, undefined);
  assert.deepEqual(Object.keys(found.splices!), addresses);
  for (const one of [found.splice, ...Object.values(found.splices!)]) {
    assert.ok(Math.abs(one.ceRecovered - 1) < 1e-3 && Math.abs(one.klRecovered - 1) < 1e-3);
    assert.equal(one.tokens, 6);
  }
  for (const one of Object.values(found.reconstruction)) assert.ok(one.explainedVariance > 0.9999);
  // What an autoencoder of the one layer alone would lose is what is told of that layer.
  const alone = lossless([addresses[1]], model.config.dModel);
  const single = await evaluateDictionary(model, alone, { tokens, filter });
  assert.ok(Math.abs(single.splice.ce.zero - found.splices![addresses[1]].ce.zero) < 1e-4);
  const both = evaluateSet(model, [crosscoder, alone], { tokens });
  await assert.rejects(both, { code: 'bad-dictionary-set' });
});

test('a crosscoder of two models is measured in each, and its features told apart', async () => {
  const other = randomModel(model.config, 8);
  const address = 'blocks.1.hook_resid_post';
  const crosscoder = lossless([address, `other:${address}`], model.config.dModel);
  const found = await evaluateDictionary(model, crosscoder, { tokens, filter, other });
  for (const one of Object.values(found.splices!)) assert.ok(Math.abs(one.klRecovered - 1) < 1e-3);
  const { counts, exclusive } = found.comparison!;
  const half = crosscoder.config.dDict / 2;
  assert.deepEqual(counts, { shared: 0, 'only-first': half, 'only-other': half, between: 0 });
  assert.ok(exclusive.first.fired > 0 && exclusive.first.passed <= exclusive.first.fired);
  await assert.rejects(evaluateDictionary(model, crosscoder, { tokens, filter }), {
    code: 'dictionary-mismatch',
    message: /two models/,
  });
});
