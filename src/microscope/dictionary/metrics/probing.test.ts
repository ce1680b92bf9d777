import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { Rng } from '../../../base/rng.ts';
import { binaryScores, fitLogistic, probeScores } from './logistic.ts';
import { absorption, absorptionByRow, type ProbedRows, sparseProbing } from './probing.ts';

/**
 * Dimension 0 means "starts with S", dimension 1 "the word short", which starts with S; the others are unrelated.
 * A dictionary that absorbs has a feature for "short" that carries both, and then keeps "starts with S" silent.
 */
function words(seed: number, absorbs: boolean): ProbedRows {
  const rng = new Rng(seed);
  const rows = 600;
  const [x, acts] = [new Float32Array(rows * 4), new Float32Array(rows * 4)];
  const labels: boolean[] = [];
  for (let row = 0; row < rows; row++) {
    const starts = rng.next() < 0.4;
    const short = starts && rng.next() < 0.3;
    labels.push(starts);
    const values = [
      starts ? 2 : 0,
      short ? 2 : 0,
      rng.next() < 0.5 ? 1 : 0,
      rng.next() < 0.5 ? 1 : 0,
    ];
    values.forEach((value, d) => {
      x[row * 4 + d] = value + 0.01 * rng.normal();
      acts[row * 4 + d] = value;
    });
    if (short && absorbs) acts[row * 4] = 0;
  }
  return { x, acts, labels };
}

const plain = Float32Array.of(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1);
const carrying = plain.slice();
carrying[4] = 1;

test('a logistic regression separates what is separable, whatever the scale', () => {
  const { x, labels } = words(1, false);
  const stretched = x.map((value, i) => value * [1, 1000, 0.001, 1][i % 4]);
  const probe = fitLogistic({ x: stretched, labels });
  const scores = probeScores(probe, stretched);
  const guesses = Array.from(scores, (score) => score > 0);
  assert.equal(binaryScores(guesses, labels).accuracy, 1);
});

test('sparse probing finds the feature, and says what one feature misses', () => {
  const as = (rows: ProbedRows) => ({ x: rows.acts, labels: rows.labels });
  const clean = sparseProbing(as(words(1, false)), as(words(2, false)));
  assert.deepEqual(clean[0].features, [0]);
  assert.equal(clean[0].accuracy, 1);
  const [one, two] = sparseProbing(as(words(1, true)), as(words(2, true)));
  assert.ok(one.recall < 0.8 && two.recall === 1, `${one.recall} ${two.recall}`);
});

test('absorption is measured where it was built in, and absent where it was not', () => {
  const none = absorption(words(1, false), words(2, false), plain);
  assert.ok(none.notAssessed === undefined && none.full === 0);
  const rare = (seed: number): ProbedRows => {
    // Only few positives are absorbed, so that a second split gains too little to be taken.
    const all = words(seed, false);
    let left = 10;
    all.labels.forEach((_, row) => {
      if (all.acts[row * 4 + 1] > 0 && left-- > 0) all.acts[row * 4] = 0;
      else all.acts[row * 4 + 1] = 0;
    });
    return all;
  };
  const found = absorption(rare(3), rare(4), carrying);
  assert.ok(found.notAssessed === undefined);
  assert.deepEqual(found.splits, [0]);
  assert.ok(Math.abs(found.full - 10 / found.n) < 0.01, `${found.full} of ${found.n}`);
  assert.ok(found.fraction >= found.full);
});

test('a concept that the model does not represent is not assessed', () => {
  const rng = new Rng(7);
  const shuffled = (seed: number): ProbedRows => {
    const rows = words(seed, false);
    return {
      ...rows,
      x: rows.x.map(() => rng.normal()),
      labels: rows.labels.map(() => rng.next() < 0.1),
    };
  };
  const result = absorption(shuffled(1), shuffled(2), plain);
  assert.ok(result.notAssessed?.includes('probe'));
});

test('absorption of every row is what SAEBench’s own calculator finds', async () => {
  // Made by scripts/reference/make_absorption.py.
  const path = join(import.meta.dirname, '../../../../test/fixtures/absorption.json');
  const made = JSON.parse(await readFile(path, 'utf8'));
  const floats = (values: number[]) => Float32Array.from(values);
  const found = absorptionByRow(
    { x: floats(made.x), acts: floats(made.acts) },
    {
      direction: Float64Array.from(made.direction),
      splits: made.splits,
      decoder: floats(made.decoder),
    },
  );
  assert.equal(found.length, made.rows.length);
  for (const [row, { full, fraction }] of made.rows.entries()) {
    assert.equal(found[row].full, full, `row ${row}`);
    assert.ok(Math.abs(found[row].fraction - fraction) < 1e-5, `row ${row}: ${fraction}`);
  }
});

test('a feature that falls silent where a concept is does not stand for it', () => {
  // Feature 1 fires wherever the concept is not, and differs most between the two.
  const inverse = (seed: number): ProbedRows => {
    const rows = words(seed, false);
    rows.labels.forEach((starts, row) => {
      rows.acts[row * 4 + 1] = starts ? 0 : 9;
    });
    return rows;
  };
  const found = absorption(inverse(5), inverse(6), plain);
  assert.ok(found.notAssessed === undefined);
  assert.deepEqual([found.splits, found.full, found.fraction], [[0], 0, 0]);
});
