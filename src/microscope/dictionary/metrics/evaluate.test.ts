import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { Rng } from '../../../base/rng.ts';
import type { TensorData } from '../../../graph/op.ts';
import { loadModel } from '../../../model/index.ts';
import { tokenMeasures } from '../../loss.ts';
import { type Dictionary, type DictionaryConfig, dictionaryShapes } from '../types.ts';
import { evaluateDictionary, evaluateSet, spread } from './evaluate.ts';
import { ReconstructionSums } from './reconstruction.ts';

const model = await loadModel(join(import.meta.dirname, '../../../../test/fixtures/families/gpt2'));
const { dModel, dVocab } = model.config;
const rng = new Rng(4);
const tokens = [0, 1].map(() =>
  Array.from({ length: 4 }, () => [
    0,
    ...Array.from({ length: 3 + rng.int(5) }, () => 1 + rng.int(dVocab - 1)),
  ]),
);

function blank(overrides: Partial<DictionaryConfig> = {}): Dictionary {
  const config: DictionaryConfig = {
    activation: { kind: 'relu' },
    reads: ['blocks.0.hook_resid_post'],
    writes: ['blocks.0.hook_resid_post'],
    dIn: dModel,
    dOut: dModel,
    dDict: 2 * dModel,
    centreInput: false,
    skip: false,
    scale: 1,
    model: { name: 'test', hash: null },
    ...overrides,
  };
  const params = Object.fromEntries(
    Object.entries(dictionaryShapes(config)).map(([name, shape]): [string, TensorData] => {
      const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
      return [name, { dtype: 'float32', shape, data }];
    }),
  );
  return { config, params };
}

/** Two features per dimension, one for each sign: reconstructs `factor` times the input. */
function identity(factor = 1): Dictionary {
  const dictionary = blank();
  const [encoder, decoder] = ['W_enc.0', 'W_dec.0'].map((name) => dictionary.params[name].data);
  for (let d = 0; d < dModel; d++) {
    encoder[d * 2 * dModel + 2 * d] = 1;
    encoder[d * 2 * dModel + 2 * d + 1] = -1;
    decoder[2 * d * dModel + d] = factor;
    decoder[(2 * d + 1) * dModel + d] = -factor;
  }
  return dictionary;
}

const near = (a: number, b: number, tolerance = 1e-4) =>
  assert.ok(Math.abs(a - b) <= tolerance, `${a} is not ${b}`);

test('a dictionary that loses nothing recovers everything, one that gives nothing recovers nothing', async () => {
  const options = { tokens, filter: { excluded: [0] } };
  const whole = await evaluateDictionary(model, identity(), options);
  const [metrics] = Object.values(whole.reconstruction);
  near(metrics.explainedVariance, 1);
  near(metrics.l2Ratio, 1);
  near(metrics.relativeBias, 1);
  near(whole.splice.ceRecovered, 1, 1e-3);
  near(whole.splice.klRecovered, 1, 1e-3);
  // One of the two features of every dimension fires on every token.
  near(whole.firing.l0, dModel, 0.01);
  const nothing = await evaluateDictionary(model, blank(), options);
  near(nothing.splice.ceRecovered, 0);
  near(nothing.splice.ce.spliced, nothing.splice.ce.zero);
  assert.equal(nothing.firing.dead, 1);
  const half = await evaluateDictionary(model, identity(0.5), options);
  near(Object.values(half.reconstruction)[0].l2Ratio, 0.5);
});

test('losses are those of a plain run with the same activations put in place', async () => {
  const half = await evaluateDictionary(model, identity(0.5), {
    tokens,
    filter: { excluded: [0] },
  });
  let [clean, scaled, n] = [0, 0, 0];
  for (const row of tokens.flat()) {
    const positions = row.map((_, i) => i).slice(1);
    const edit = { at: 'blocks.0.hook_resid_post', op: 'scale', factor: 0.5, positions } as const;
    const [before, after] = [
      await tokenMeasures(model, row),
      await tokenMeasures(model, row, { edits: [edit] }),
    ];
    // Predictions made at excluded positions, here the first, are not counted.
    for (let i = 2; i < row.length; i++) {
      clean += before.loss[i]!;
      scaled += after.loss[i]!;
      n++;
    }
  }
  assert.equal(half.splice.tokens, n);
  near(half.splice.ce.clean, clean / n);
  near(half.splice.ce.spliced, scaled / n);
});

test('a set is put in place together, each dictionary reading what those before left', async () => {
  const at = (layer: number) => ({
    ...identity(),
    config: {
      ...identity().config,
      reads: [`blocks.${layer}.hook_resid_post`],
      writes: [`blocks.${layer}.hook_resid_post`],
    },
  });
  const report = await evaluateSet(model, [at(0), at(1)], { tokens, filter: { excluded: [0] } });
  near(report.splice.ceRecovered, 1, 1e-3);
  assert.deepEqual(Object.keys(report.reconstruction), [
    'blocks.0.hook_resid_post',
    'blocks.1.hook_resid_post',
  ]);
});

test('each explained variance follows its own definition', () => {
  const draws = new Rng(8);
  const [rows, width] = [40, 3];
  const x = Float32Array.from({ length: rows * width }, (_, i) => 5 + (i % width) * draws.normal());
  const guess = x.map((value) => value + 0.3 * draws.normal());
  const sums = new ReconstructionSums(width);
  sums.add(x.subarray(0, 60), guess.subarray(0, 60));
  sums.add(x.subarray(60), guess.subarray(60));
  const column = (d: number) => Array.from({ length: rows }, (_, r) => x[r * width + d]);
  const mean = [0, 1, 2].map((d) => column(d).reduce((a, b) => a + b, 0) / rows);
  const rowSum = (r: number, of: (i: number, d: number) => number) =>
    [0, 1, 2].reduce((sum, d) => sum + of(r * width + d, d), 0);
  const error = (r: number) => rowSum(r, (i) => (x[i] - guess[i]) ** 2);
  const centred = (r: number) => rowSum(r, (i, d) => (x[i] - mean[d]) ** 2);
  const plain = (r: number) => rowSum(r, (i) => x[i] ** 2);
  const all = (of: (r: number) => number) =>
    Array.from({ length: rows }, (_, r) => of(r)).reduce((a, b) => a + b, 0);
  const { explainedVariance, nmse, legacy, squaredError } = sums.metrics;
  near(explainedVariance, 1 - all(error) / all(centred));
  near(nmse, all(error) / all(centred));
  near(squaredError, all(error) / rows);
  // The older definitions are worked out batch by batch; here of rows 0 to 19 and 20 to 39.
  const batches = [0, 20].map((first) => {
    const own = Array.from({ length: 20 }, (_, r) => first + r);
    const meanOf = (of: (i: number) => number, d: number) =>
      own.reduce((sum, r) => sum + of(r * width + d), 0) / 20;
    const miss = (i: number) => x[i] - guess[i];
    const means = [0, 1, 2].map((d) => ({ x: meanOf((i) => x[i], d), miss: meanOf(miss, d) }));
    const deviation = (r: number) => rowSum(r, (i, d) => (x[i] - means[d].x) ** 2);
    const rest = (r: number) => rowSum(r, (i, d) => (miss(i) - means[d].miss) ** 2);
    const total = (of: (r: number) => number) => own.reduce((sum, r) => sum + of(r), 0);
    return {
      perRow: total((r) => error(r) / deviation(r)),
      variance: 1 - total(rest) / total(deviation),
    };
  });
  near(legacy.perRowExplainedVariance, 1 - (batches[0].perRow + batches[1].perRow) / rows);
  near(legacy.batchwiseExplainedVariance, (batches[0].variance + batches[1].variance) / 2);
  near(legacy.uncentredExplainedVariance, 1 - all(error) / all(plain));
});

test('a dictionary for another width is refused, naming address and widths', async () => {
  const other = blank({ dIn: dModel + 4, dOut: dModel + 4 });
  await assert.rejects(evaluateDictionary(model, other, { tokens }), {
    code: 'dictionary-mismatch',
  });
  const pattern = blank({ reads: ['blocks.0.attn.hook_pattern'] });
  await assert.rejects(evaluateDictionary(model, pattern, { tokens }), {
    code: 'bad-dictionary-address',
  });
});

test('the spread of a figure over seeds', () => {
  const { n, mean, deviation, min, max } = spread([1, 2, 3]);
  assert.deepEqual([n, mean, deviation, min, max], [3, 2, 1, 1, 3]);
});
