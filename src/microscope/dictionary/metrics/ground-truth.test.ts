import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Rng } from '../../../base/rng.ts';
import { nodeRuntime } from '../../../runtime/index.ts';
import { blockSource } from '../data/buffer.ts';
import { runDictionary } from '../run.ts';
import { autoencoder } from '../train/rule.ts';
import { trainDictionaries } from '../train/train.ts';
import { groundTruthMetrics } from './ground-truth.ts';
import { assign } from './matching.ts';
import { createSyntheticWorld, normalQuantile } from './synthetic-world.ts';

function permutations(n: number): number[][] {
  if (n === 0) return [[]];
  return permutations(n - 1).flatMap((rest) =>
    Array.from({ length: n }, (_, at) => [...rest.slice(0, at), n - 1, ...rest.slice(at)]),
  );
}

test('the assignment is the best of all permutations', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: -5, max: 5, noNaN: true }), { minLength: 20, maxLength: 20 }),
      (scores) => {
        const total = (columns: ArrayLike<number>) =>
          Array.from(columns).reduce((sum, column, row) => sum + scores[row * 5 + column], 0);
        const found = assign(scores, 4, 5);
        assert.equal(new Set(found).size, 4);
        const best = Math.max(...permutations(5).map((order) => total(order.slice(0, 4))));
        assert.ok(Math.abs(total(found) - best) < 1e-9);
      },
    ),
    { numRuns: 50 },
  );
});

test('normal quantiles are those of tables', () => {
  assert.ok(Math.abs(normalQuantile(0.975) - 1.959963984540054) < 1e-9);
  assert.ok(Math.abs(normalQuantile(0.0005) + 3.290526731491926) < 1e-8);
});

const hierarchy = { roots: 4, branching: 2, depth: 2 };
const world = createSyntheticWorld({
  features: 32,
  width: 24,
  seed: 2,
  probability: [0.03, 0.25],
  hierarchy,
  correlation: { rank: 4, scale: 0.1 },
});

test('a synthetic world keeps its probabilities and its trees', () => {
  const { truth } = world.sample(20_000, new Rng(1));
  const present = (row: number, f: number) => truth[row * 32 + f] > 0;
  for (const f of [0, 1, 12, 20, 31]) {
    let count = 0;
    for (let row = 0; row < 20_000; row++) if (present(row, f)) count++;
    const share = count / 20_000;
    const expected = world.probabilities[f];
    assert.ok(Math.abs(share - expected) < 0.15 * expected + 0.004, `${f}: ${share} ${expected}`);
  }
  for (let row = 0; row < 20_000; row++) {
    // Children 4 and 5 belong to root 0, and so on.
    for (let child = 4; child < 12; child++) {
      if (present(row, child)) assert.ok(present(row, (child - 4) >> 1));
    }
    for (let first = 4; first < 12; first += 2)
      assert.ok(!(present(row, first) && present(row, first + 1)));
  }
});

test('the truth itself scores 1, a trained dictionary well, a random one badly', async () => {
  const runtime = nodeRuntime({ threads: 1 });
  const held = world.sample(2000, new Rng(9));
  const score = (decoder: Float32Array, acts: Float32Array) =>
    groundTruthMetrics({
      decoder,
      directions: world.directions,
      acts,
      truth: held.truth,
      width: 24,
    });
  const perfect = score(world.directions, held.truth);
  for (const key of ['mcc', 'f1', 'precision', 'recall', 'uniqueness'] as const) {
    assert.ok(Math.abs(perfect[key] - 1) < 1e-6, key);
  }
  const task = autoencoder({
    name: 'sae',
    rule: { kind: 'batchtopk', k: 3 },
    width: 24,
    dDict: 32,
    at: 'x',
    learningRate: 3e-3,
  });
  const source = (seed: number) =>
    blockSource({
      rows: 128,
      seed,
      fill: async (start) => {
        const { rows, x } = world.sample(1024, new Rng(1000 + start));
        return { block: { rows, values: { x } }, next: start + 1 };
      },
    });
  const train = async (steps: number) => {
    const options = { tasks: [task], source: source(1), runtime, rows: 128, steps };
    const model = { name: 'synthetic', hash: null };
    const { dictionaries } = await trainDictionaries({ ...options, model, deadAfter: 3000 });
    const [dictionary] = dictionaries.sae;
    const { acts } = await runDictionary(runtime, dictionary, [held.x]);
    return score(dictionary.params['W_dec.0'].data as Float32Array, acts);
  };
  const [trained, random] = [await train(800), await train(1)];
  assert.ok(trained.mcc > 0.8, `mcc ${trained.mcc}`);
  assert.ok(trained.f1 > 0.6, `f1 ${trained.f1}`);
  assert.ok(random.mcc < 0.7 && random.f1 < trained.f1 - 0.2, `${random.mcc} ${random.f1}`);
});
