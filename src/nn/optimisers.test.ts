import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { add, matmul, tanh, tensorData } from '../graph/build.ts';
import { nodeRuntime } from '../runtime/node/index.ts';
import { evaluate, type ReferenceFeed } from '../runtime/reference/index.ts';
import { selectInputs } from './feeds.ts';
import { meanSquaredError } from './losses.ts';
import { noDecayOn, noDecayOnVectors, type Optimiser } from './optimiser.ts';
import { adam, adamW, lion, sgd } from './optimisers.ts';
import { buildStep, type LossFunction } from './step.ts';
import { createTrainer, type TrainerOptions } from './trainer.ts';

interface Step {
  readonly [key: string]: number | readonly number[];
}
interface Case {
  readonly name: string;
  readonly options: Readonly<Record<string, number | boolean>>;
  readonly steps: readonly Step[];
}
interface Problem {
  readonly [key: string]: { readonly shape: number[]; readonly data: number[] };
}

// Trajectories of PyTorch in float64; Lion from its paper. See scripts/reference/make_adamw.py.
const fixture = new URL('../../test/fixtures/optim.json', import.meta.url);
const { cases, problem }: { cases: readonly Case[]; problem: Problem } = JSON.parse(
  readFileSync(fixture, 'utf8'),
);

const tensor = (name: string) => tensorData(problem[name].data, problem[name].shape);
const loss: LossFunction = (p, batch) =>
  meanSquaredError(tanh(add(matmul(batch.x, p('w')), p('b'))), batch.y);

function optimiserOf({ name, options }: Case): Optimiser {
  const { eps: epsilon, ...rest } = options;
  const settings: Record<string, never> = { ...rest, ...(epsilon && { epsilon }) } as never;
  if (name.startsWith('sgd')) return sgd(settings);
  if (name.startsWith('lion')) return lion(settings);
  return name.startsWith('adamw') ? adamW(settings) : adam(settings);
}

function setUp(optimiser: Optimiser, more: Partial<TrainerOptions> = {}) {
  return createTrainer({
    runtime: nodeRuntime(),
    params: { w: tensor('w'), b: tensor('b') },
    batch: {
      x: { shape: ['batch', 3], dtype: 'float32' },
      y: { shape: ['batch', 2], dtype: 'float32' },
    },
    loss,
    optimiser,
    ...more,
  });
}

function batches(count: number) {
  const rows = problem.x.shape[0] / count;
  return Array.from({ length: count }, (_, i) => ({
    x: tensorData(problem.x.data.slice(i * rows * 3, (i + 1) * rows * 3), [rows, 3]),
    y: tensorData(problem.y.data.slice(i * rows * 2, (i + 1) * rows * 2), [rows, 2]),
  }));
}

function assertClose(
  actual: ArrayLike<number>,
  expected: unknown,
  what: string,
  // Float32 state against float64: a few roundings per step, ten steps.
  relative = 4e-6,
): void {
  const values = [expected].flat() as number[];
  assert.equal(actual.length, values.length, what);
  values.forEach((value, i) => {
    const tolerance = relative * Math.max(0.1, Math.abs(value));
    const error = Math.abs(actual[i] - value);
    assert.ok(error <= tolerance, `${what}[${i}] is ${actual[i]}, expected ${value}`);
  });
}

describe('optimiser trajectories equal the reference', () => {
  for (const item of cases) {
    it(item.name, async () => {
      const { microBatches = 1, maxNorm, ema } = item.options as Record<string, number>;
      const trainer = await setUp(optimiserOf(item), {
        microBatches,
        ...(maxNorm !== undefined && { clipNorm: maxNorm }),
        ...(ema !== undefined && { emaDecay: ema }),
      });
      for (const [i, expected] of item.steps.entries()) {
        const result = await trainer.step(batches(microBatches), expected.lr as number);
        assertClose([result.loss], expected.loss, `step ${i} loss`);
        if (expected.gradNorm !== undefined) {
          assertClose([result.gradNorm], expected.gradNorm, `step ${i} gradient norm`);
        }
        const { params, ema: average } = trainer.state();
        assertClose(params.w.data as Float32Array, expected.w, `step ${i} w`);
        assertClose(params.b.data as Float32Array, expected.b, `step ${i} b`);
        if (expected.emaW) {
          assertClose(average!.w.data as Float32Array, expected.emaW, `step ${i} average of w`);
          assertClose(average!.b.data as Float32Array, expected.emaB, `step ${i} average of b`);
        }
      }
      await trainer.release();
    });
  }
});

describe('optimiser trajectories in float64 equal the reference to 1e-6', () => {
  const float64 = (shape: readonly number[], values: readonly number[]) => ({
    dtype: 'float32' as const,
    shape,
    data: Float64Array.from(values),
  });
  const full = (name: string) => float64(problem[name].shape, problem[name].data);
  for (const item of cases.filter(({ options }) => !options.microBatches)) {
    it(item.name, () => {
      const { maxNorm, ema } = item.options as Record<string, number>;
      const graphs = buildStep({
        params: problem,
        groups: [{ match: (name) => name === 'x' || name === 'y', frozen: true }],
        batch: {},
        loss: (p) => meanSquaredError(tanh(add(matmul(p('x'), p('w')), p('b'))), p('y')),
        optimiser: optimiserOf(item),
        ...(maxNorm !== undefined && { clipNorm: maxNorm }),
        ...(ema !== undefined && { emaDecay: ema }),
      });
      let state: Record<string, ReferenceFeed> = Object.fromEntries(
        Object.entries(graphs.state).map(([name, shape]) => [
          name,
          name in problem
            ? full(name)
            : float64(shape, new Array(shape.reduce((a, b) => a * b, 1)).fill(0)),
        ]),
      );
      for (const [i, expected] of item.steps.entries()) {
        const scalars = Object.entries(graphs.scalars(i + 1, expected.lr as number));
        const feeds: Record<string, ReferenceFeed> = {
          x: full('x'),
          y: full('y'),
          ...state,
          ...Object.fromEntries(scalars.map(([name, value]) => [name, float64([], [value])])),
        };
        const out = evaluate(graphs.update, selectInputs(graphs.update, feeds));
        state = Object.fromEntries(Object.keys(state).map((name) => [name, out[`next/${name}`]]));
        assertClose(out.loss.data, expected.loss, `step ${i} loss`, 1e-6);
        assertClose(state.w.data as Float64Array, expected.w, `step ${i} w`, 1e-6);
        assertClose(state.b.data as Float64Array, expected.b, `step ${i} b`, 1e-6);
        if (expected.emaW) {
          assertClose(state['ema/w'].data as Float64Array, expected.emaW, `step ${i} ema`, 1e-6);
        }
      }
    });
  }
});

describe('parameter groups', () => {
  it('decay only what they say, and scale the learning rate', async () => {
    // With zero gradient (targets reached), only decay moves parameters.
    const still: LossFunction = (p) => meanSquaredError(add(p('w'), p('b')), add(p('w'), p('b')));
    const trainer = await setUp(adamW({ weightDecay: 0.5 }), {
      loss: still,
      groups: [noDecayOnVectors, { match: (name) => name === 'w', lrScale: 0.5 }],
    });
    await trainer.step([{}], 0.1);
    const { w, b } = trainer.state().params;
    assertClose(
      w.data as Float32Array,
      problem.w.data.map((v) => v * (1 - 0.05 * 0.5)),
      'w',
    );
    assertClose(b.data as Float32Array, problem.b.data, 'b');
    await trainer.release();
  });

  it('freeze parameters: no gradient, no state, same value', async () => {
    const trainer = await setUp(adamW(), { groups: [{ match: (n) => n === 'b', frozen: true }] });
    assert.deepEqual(trainer.trained, ['w']);
    await trainer.step(batches(1), 0.1);
    const { params, optimiser } = trainer.state();
    assert.deepEqual(params.b.data, tensor('b').data);
    assert.notDeepEqual(params.w.data, tensor('w').data);
    assert.deepEqual(Object.keys(optimiser), ['sum1/w', 'sum2/w']);
    await trainer.release();
  });

  it('select by name', () => {
    assert.equal(noDecayOn(/embed/).match('wte.embed', [2, 2]), true);
    assert.equal(noDecayOn(/embed/).match('mlp.up', [2, 2]), false);
  });
});

describe('optimiser settings', () => {
  it('are refused out of range, naming the setting', () => {
    for (const make of [
      () => adam({ beta1: 1 }),
      () => adamW({ beta2: -0.1 }),
      () => sgd({ momentum: 1.5 }),
      () => lion({ weightDecay: Number.NaN }),
    ]) {
      assert.throws(make, { code: 'bad-optimiser' });
    }
  });
});
