import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Rng } from '../base/rng.ts';
import { add, input, matmul, tensorData } from '../graph/build.ts';
import { createProgram } from '../graph/program.ts';
import { nodeRuntime } from '../runtime/node/index.ts';
import { meanSquaredError } from './losses.ts';
import { muon, orthogonalize } from './muon.ts';
import { adamW } from './optimisers.ts';
import { createTrainer } from './trainer.ts';

const normal = (rows: number, columns: number, seed: number, scale = 1) => {
  const rng = new Rng(seed);
  const values = Array.from({ length: rows * columns }, () => scale * rng.normal());
  return tensorData(values, [rows, columns]);
};

async function orthogonal(rows: number, columns: number, scale: number): Promise<Float32Array> {
  const matrix = orthogonalize(input('matrix', [rows, columns]));
  const executable = await nodeRuntime().compile(createProgram({ matrix }));
  const out = await executable.run({ matrix: normal(rows, columns, 3, scale) });
  const data = (out.matrix.data as Float32Array).slice();
  await executable.release();
  return data;
}

/** The Gram matrix on the shorter side, whose eigenvalues are the squared singular values. */
function gram(x: Float32Array, rows: number, columns: number): number[][] {
  const short = Math.min(rows, columns);
  const long = Math.max(rows, columns);
  const at = (s: number, l: number) => (rows <= columns ? x[s * columns + l] : x[l * columns + s]);
  return Array.from({ length: short }, (_, i) =>
    Array.from({ length: short }, (_, j) => {
      let sum = 0;
      for (let l = 0; l < long; l++) sum += at(i, l) * at(j, l);
      return sum;
    }),
  );
}

test('singular values come near 1 for wide and tall matrices of any scale', async () => {
  for (const [rows, columns, scale] of [
    [8, 32, 1e-4],
    [32, 8, 100],
  ]) {
    const g = gram(await orthogonal(rows, columns, scale), rows, columns);
    const trace = g.reduce((sum, row, i) => sum + row[i], 0) / g.length;
    assert.ok(trace > 0.5 && trace < 1.4, `mean squared singular value ${trace}`);
    // Gershgorin: no eigenvalue is further from its diagonal entry than the rest of its row.
    g.forEach((row, i) => {
      const rest = row.reduce((sum, value, j) => sum + (i === j ? 0 : Math.abs(value)), 0);
      assert.ok(row[i] + rest < 2.5, `row ${i}: ${row[i]} ± ${rest}`);
    });
  }
});

const setup = (optimiser: ReturnType<typeof muon>) => ({
  runtime: nodeRuntime(),
  params: { w: normal(6, 6, 1, 0.1), b: tensorData([0, 0, 0, 0, 0, 0], [6]) },
  batch: {
    x: { shape: [12, 6], dtype: 'float32' as const },
    y: { shape: [12, 6], dtype: 'float32' as const },
  },
  loss: (p: (name: string) => ReturnType<typeof input>, batch: Record<string, never>) =>
    meanSquaredError(add(matmul(batch.x, p('w')), p('b')), batch.y),
  optimiser,
});

test('every step moves a hidden matrix by about the learning rate in every direction', async () => {
  const options = setup(muon({ hidden: (shape) => shape.length === 2 }));
  const trainer = await createTrainer(options as never);
  const before = [...(trainer.state().params.w.data as Float32Array)];
  await trainer.step([{ x: normal(12, 6, 5), y: normal(12, 6, 6, 1000) }], 0.1);
  const after = trainer.state().params.w.data as Float32Array;
  const moved = Float32Array.from(before, (value, i) => (after[i] - value) / 0.1);
  const g = gram(moved, 6, 6);
  const trace = g.reduce((sum, row, i) => sum + row[i], 0) / 6;
  assert.ok(trace > 0.4 && trace < 1.4, `${trace}`);
  await trainer.release();
});

test('what is not hidden is updated exactly as by AdamW without decay', async () => {
  const adam = { beta1: 0.8, beta2: 0.9 };
  const optimisers = [
    muon({ hidden: () => false, adamScale: 0.5, adam }),
    adamW({ ...adam, weightDecay: 0 }),
  ];
  const weights: number[][] = [];
  for (const [i, optimiser] of optimisers.entries()) {
    const trainer = await createTrainer(setup(optimiser) as never);
    for (let step = 0; step < 3; step++) {
      const batch = { x: normal(12, 6, 10 + step), y: normal(12, 6, 20 + step) };
      await trainer.step([batch], i === 0 ? 0.02 : 0.01);
    }
    weights.push([...(trainer.state().params.w.data as Float32Array)]);
    await trainer.release();
  }
  weights[0].forEach((value, i) => {
    assert.ok(Math.abs(value - weights[1][i]) < 1e-6);
  });
});

test('settings out of range are refused', () => {
  assert.throws(() => muon({ hidden: () => true, momentum: 1 }), { code: 'bad-optimiser' });
});
