import type { ProgressListener } from '../../../base/progress.ts';
import { Rng } from '../../../base/rng.ts';
import type { Runtime } from '../../../runtime/runtime.ts';
import { blockSource } from '../data/buffer.ts';
import { runDictionary } from '../run.ts';
import { autoencoder, type DictionaryTask, type SparsityRule } from '../train/rule.ts';
import { trainDictionaries } from '../train/train.ts';
import { type Spread, spread } from './evaluate.ts';
import { type GroundTruthMetrics, groundTruthMetrics } from './ground-truth.ts';
import { ReconstructionSums } from './reconstruction.ts';
import { createSyntheticWorld, type SyntheticWorldOptions } from './synthetic-world.ts';

/** What one kind of dictionary found in a synthetic world, over seeds. */
export interface SyntheticResult {
  readonly name: string;
  readonly figures: Readonly<Record<keyof GroundTruthMetrics | 'l0' | 'explainedVariance', Spread>>;
}

/** Results beside what is true of the world. */
export interface SyntheticBench {
  readonly results: readonly SyntheticResult[];
  /** Mean number of features present per row. */
  readonly trueL0: number;
  /** Mean over features of the largest |cosine| with another. */
  readonly overlap: number;
  readonly heldOutRows: number;
}

/** A world, and how long to learn from it. */
export interface SyntheticBenchOptions {
  readonly runtime: Runtime;
  readonly world: SyntheticWorldOptions;
  /** Features per dictionary. */
  readonly dDict: number;
  /** By name; see {@link syntheticRules}. */
  readonly rules: Readonly<Record<string, SparsityRule>>;
  readonly seeds: readonly number[];
  readonly rows: number;
  readonly steps: number;
  readonly learningRate: number;
  /** Rates of kinds that need another, by name. */
  readonly learningRates?: Readonly<Record<string, number>>;
  readonly heldOutRows?: number;
  readonly progress?: ProgressListener;
  readonly signal?: AbortSignal;
}

/** The scaled-down world of `glassbox dict synth`: 192 features in 48 dimensions, 5.5 of them present at a time. */
export const syntheticDefaults = {
  world: {
    features: 192,
    width: 48,
    seed: 1,
    probability: [2e-3, 0.25],
    hierarchy: { roots: 16, branching: 4, depth: 2 },
    correlation: { rank: 8, scale: 0.1 },
  },
  dDict: 192,
  rows: 256,
  steps: 3000,
  seeds: [1, 2, 3],
  learningRate: 1e-2,
  learningRates: { jumprelu: 3e-3 },
} as const satisfies Partial<SyntheticBenchOptions>;

/**
 * Every kind with settings under which about k features fire in the default world, so that kinds differ in method
 * and not in sparsity.
 */
export function syntheticRules(k: number, dDict: number): Record<string, SparsityRule> {
  return {
    standard: { kind: 'standard', coefficient: 1.4 },
    gated: { kind: 'gated', coefficient: 6 },
    topk: { kind: 'topk', k },
    batchtopk: { kind: 'batchtopk', k },
    jumprelu: { kind: 'jumprelu', coefficient: 4, targetL0: k, bandwidth: 0.5, threshold: 0.3 },
    matryoshka: {
      kind: 'batchtopk',
      k,
      prefixes: [Math.round(dDict / 8), Math.round(dDict / 3), dDict],
    },
  };
}

/**
 * Trains every kind of dictionary on rows whose features are known and scores them against the truth (the method of
 * SynthSAEBench, arXiv 2602.14687, in a smaller world). All are trained on the same rows in one pass; seeds differ in
 * initial weights. `untrained` are the initial weights of the top-k kind, what chance gives.
 *
 * @throws DOMException `AbortError` when stopped
 */
export async function syntheticBench(options: SyntheticBenchOptions): Promise<SyntheticBench> {
  const { runtime, dDict, rules, seeds, rows, steps, learningRate, progress, signal } = options;
  const { heldOutRows = 4000, learningRates = {} } = options;
  const world = createSyntheticWorld(options.world);
  const { width } = world;
  const tasks: DictionaryTask[] = Object.entries(rules).flatMap(([kind, rule]) =>
    seeds.map((seed) =>
      autoencoder({
        ...{ name: `${kind}@${seed}`, rule, seed, width, dDict, at: 'x' },
        learningRate: learningRates[kind] ?? learningRate,
      }),
    ),
  );
  const source = () =>
    blockSource({
      rows,
      seed: 0,
      fill: async (start) => {
        const { x } = world.sample(4 * rows, new Rng(1000 + start));
        return { block: { rows: 4 * rows, values: { x } }, next: start + 1 };
      },
    });
  const model = { name: 'synthetic world', hash: null };
  const shared = { runtime, rows, model, signal, deadAfter: 100 * rows };
  const trained = await trainDictionaries({
    ...shared,
    tasks,
    source: source(),
    steps,
    listeners: [
      (event) => {
        if (event.type !== 'step') return;
        progress?.({ label: 'training', done: event.step + 1, total: steps, unit: 'steps' });
      },
    ],
  });
  signal?.throwIfAborted();
  const untrained = await trainDictionaries({
    ...shared,
    tasks: seeds.map((seed) =>
      // A rate of next to nothing leaves the initial weights.
      autoencoder({
        ...{ name: `untrained@${seed}`, rule: rules.topk ?? Object.values(rules)[0], seed },
        ...{ learningRate: 1e-12, width, dDict, at: 'x' },
      }),
    ),
    source: source(),
    steps: 1,
  });
  const held = world.sample(heldOutRows, new Rng(options.world.seed ?? 0).fork('held out'));
  const found = new Map<string, Record<keyof SyntheticResult['figures'], number>[]>();
  const all = { ...trained.dictionaries, ...untrained.dictionaries };
  for (const [name, [dictionary]] of Object.entries(all)) {
    signal?.throwIfAborted();
    const { acts, outputs } = await runDictionary(runtime, dictionary, [held.x]);
    const sums = new ReconstructionSums(width);
    sums.add(held.x, outputs[0]);
    const [kind] = name.split('@');
    found.set(kind, [
      ...(found.get(kind) ?? []),
      {
        ...groundTruthMetrics({
          decoder: dictionary.params['W_dec.0'].data as Float32Array,
          directions: world.directions,
          acts,
          truth: held.truth,
          width,
        }),
        l0: positives(acts) / heldOutRows,
        explainedVariance: sums.metrics.explainedVariance,
      },
    ]);
  }
  const results = [...found].map(([name, list]): SyntheticResult => {
    const keys = Object.keys(list[0]) as (keyof SyntheticResult['figures'])[];
    const figures = Object.fromEntries(
      keys.map((key) => [key, spread(list.map((one) => one[key]))]),
    ) as SyntheticResult['figures'];
    return { name, figures };
  });
  return {
    results,
    trueL0: positives(held.truth) / heldOutRows,
    overlap: meanOverlap(world.directions, width),
    heldOutRows,
  };
}

function positives(values: Float32Array): number {
  let count = 0;
  for (const value of values) if (value > 0) count++;
  return count;
}

function meanOverlap(directions: Float32Array, width: number): number {
  const n = directions.length / width;
  let total = 0;
  for (let f = 0; f < n; f++) {
    let largest = 0;
    for (let g = 0; g < n; g++) {
      if (g === f) continue;
      let product = 0;
      for (let d = 0; d < width; d++)
        product += directions[f * width + d] * directions[g * width + d];
      largest = Math.max(largest, Math.abs(product));
    }
    total += largest;
  }
  return total / n;
}
