import { GlassboxError } from '../../base/error.ts';
import type { ProgressListener } from '../../base/progress.ts';
import { Rng } from '../../base/rng.ts';
import { add, matmul, sub } from '../../graph/build.ts';
import type { Tensor, TensorData } from '../../graph/op.ts';
import type { Model } from '../../model/model.ts';
import type { Edit } from '../../model/run/edit-types.ts';
import type { DictionarySet } from '../dictionary/types.ts';
import type { Attribution } from './attribute.ts';
import { frozenAddresses } from './frozen.ts';
import { influence, normaliseRows } from './influence.ts';
import { decoderVector } from './sources.ts';

/** A feature of a graph set to a multiple of its activation: 0 ablates it, 2 doubles it. */
export interface FeatureChange {
  /** Index into the graph's nodes. */
  readonly node: number;
  readonly factor: number;
}

/**
 * How much of the model answers to a change. `open`: everything. `frozen`: attention patterns and norm scales are
 * held. `direct`: MLP outputs are held too, so that only direct paths are left, which the graph describes
 * exactly.
 */
export type InterventionMode = 'open' | 'frozen' | 'direct';

function requireFeature(found: Attribution, node: number): void {
  const kind = found.graph.nodes[node]?.kind;
  if (kind === 'feature') return;
  throw new GlassboxError(`node ${node} of the graph is ${kind ?? 'missing'}, not a feature`, {
    code: 'bad-intervention',
    remedy: 'Choose features; embeddings and errors can be edited at their addresses.',
    details: { node },
  });
}

/**
 * What the graph says will happen: changes carried along its edges, feature by feature from the first layer
 * up. An active feature answers in proportion to its input and is never driven below zero. With MLPs held
 * (`direct`) no other feature answers, and only the edges from the changed features to the logits are left.
 *
 * @param options.mode what answers, `open` unless told
 * @returns per target of the graph, the change of its logit (mean over the vocabulary taken off)
 */
export function predictChange(
  found: Attribution,
  changes: readonly FeatureChange[],
  options: { readonly mode?: InterventionMode } = {},
): number[] {
  const { nodes, adjacency } = found.graph;
  const n = nodes.length;
  const held = options.mode === 'direct';
  const fixed = new Map(changes.map(({ node, factor }) => [node, factor - 1]));
  for (const { node } of changes) requireFeature(found, node);
  // Relative change of every source; edges are products with the source's activation.
  const relative = new Float64Array(n);
  const moved = (target: number) => {
    let sum = 0;
    for (let source = 0; source < n; source++)
      sum += adjacency[target * n + source] * relative[source];
    return sum;
  };
  nodes.forEach((node, i) => {
    if (node.kind !== 'feature') return;
    // Features come ordered by layer and edges only lead upwards, so what is needed is known.
    relative[i] = fixed.get(i) ?? (held ? 0 : Math.max(-1, moved(i) / node.activation!));
  });
  return found.targets.map((_, t) => moved(n - found.targets.length + t));
}

/** The edits that make a change in the model: what the features write, added once more or taken off. */
export function changeEdits(
  set: DictionarySet,
  found: Attribution,
  changes: readonly FeatureChange[],
): Edit[] {
  return changes.flatMap(({ node, factor }) => {
    requireFeature(found, node);
    const { layer, position, index, activation } = found.graph.nodes[node];
    const dictionary = set.dictionaries[layer];
    return dictionary.config.writes.map((at, j): Edit => {
      const vector = decoderVector(dictionary, index, j);
      return { at, op: 'add', vector, strength: (factor - 1) * activation!, positions: [position] };
    });
  });
}

/**
 * Holds what MLPs write, except what goes past a dictionary's features: its skip path is a direct path, and goes on
 * answering to what the dictionary reads.
 */
function heldMlps(set: DictionarySet, clean: Readonly<Record<string, TensorData>>): Edit[] {
  return set.dictionaries.flatMap(({ config, params }, layer): Edit[] => {
    const at = `blocks.${layer}.hook_mlp_out`;
    const hold: Edit = { at, op: 'freeze', from: clean };
    if (!config.skip) return [hold];
    const [site] = config.reads;
    let read: Tensor;
    return [
      { at: site, op: 'trace', apply: (x) => (read = x) },
      hold,
      {
        at,
        op: 'trace',
        values: { before: clean[site], skip: params.W_skip },
        apply: (x, { value }) => add(x, matmul(sub(read, value('before')), value('skip'))),
      },
    ];
  });
}

/** Runs the model with and without changes and reads every target of a graph. */
export async function measureChange(
  model: Model,
  set: DictionarySet,
  found: Attribution,
  options: { readonly changes: readonly FeatureChange[]; readonly mode: InterventionMode },
): Promise<number[]> {
  const { config } = model;
  const tokens = found.graph.tokens.map(({ id }) => id);
  const site = 'ln_final.hook_normalized';
  const frozen = options.mode === 'open' ? [] : frozenAddresses(config);
  const direct = options.mode === 'direct';
  const around = set.dictionaries.flatMap(({ config: { reads } }, l) => [
    `blocks.${l}.hook_mlp_out`,
    ...reads,
  ]);
  const recorded = [...new Set([...frozen, ...(direct ? around : []), site])];
  const clean = await model.runWithCache(tokens, recorded, { logits: 'none' });
  const edits: Edit[] = [
    ...frozen.map((at): Edit => ({ at, op: 'freeze', from: clean.cache })),
    ...(direct ? heldMlps(set, clean.cache) : []),
    ...changeEdits(set, found, options.changes),
  ];
  const changed = await model.runWithEdits(tokens, edits, site, { logits: 'none' });
  const start = (tokens.length - 1) * config.dModel;
  const [before, after] = [clean, changed].map(({ cache }) => cache[site].data as Float32Array);
  return found.targets.map(({ vector }) => {
    let sum = 0;
    for (let i = 0; i < config.dModel; i++)
      sum += vector[i] * (after[start + i] - before[start + i]);
    return sum;
  });
}

/** One feature's ablation: what the graph predicted for the first target, and what was measured. */
export interface ValidityPoint {
  readonly node: number;
  readonly predicted: number;
  readonly measured: number;
}

/** How well a graph predicts interventions. */
export interface GraphValidity {
  readonly mode: InterventionMode;
  /** Pearson correlation over features, with a 95 % bootstrap interval; NaN with fewer than three. */
  readonly correlation: number;
  readonly low: number;
  readonly high: number;
  readonly n: number;
  readonly points: readonly ValidityPoint[];
}

function pearson(points: readonly ValidityPoint[]): number {
  const n = points.length;
  const mean = (of: (p: ValidityPoint) => number) => points.reduce((s, p) => s + of(p), 0) / n;
  const [mx, my] = [mean((p) => p.predicted), mean((p) => p.measured)];
  let [xy, xx, yy] = [0, 0, 0];
  for (const { predicted, measured } of points) {
    xy += (predicted - mx) * (measured - my);
    xx += (predicted - mx) ** 2;
    yy += (measured - my) ** 2;
  }
  return xy / Math.sqrt(xx * yy);
}

const RESAMPLES = 1000;

/**
 * Ablates the most influential features of a graph one by one and compares the change of the first
 * target's logit with the graph's prediction. A graph that does not predict interventions explains little,
 * however tidy it looks.
 *
 * @param options.features how many to ablate, 24 unless told
 */
export async function graphValidity(
  model: Model,
  set: DictionarySet,
  found: Attribution,
  options: {
    readonly features?: number;
    readonly mode?: InterventionMode;
    readonly seed?: number;
    readonly progress?: ProgressListener;
    readonly signal?: AbortSignal;
  } = {},
): Promise<GraphValidity> {
  const { features = 24, mode = 'open', seed = 0 } = options;
  const { nodes, adjacency } = found.graph;
  const weights = nodes.map(({ probability }) => probability ?? 0);
  const influences = influence(normaliseRows(adjacency, nodes.length), weights);
  const chosen = [...nodes.keys()]
    .filter((i) => nodes[i].kind === 'feature')
    .sort((a, b) => influences[b] - influences[a] || a - b)
    .slice(0, features);
  const points: ValidityPoint[] = [];
  for (const node of chosen) {
    options.signal?.throwIfAborted();
    const changes = [{ node, factor: 0 }];
    const [predicted] = predictChange(found, changes, { mode });
    const [measured] = await measureChange(model, set, found, { changes, mode });
    points.push({ node, predicted, measured });
    options.progress?.({
      label: 'validity',
      done: points.length,
      total: chosen.length,
      unit: 'features',
    });
  }
  const n = points.length;
  if (n < 3) {
    return { mode, correlation: Number.NaN, low: -1, high: 1, n, points };
  }
  const rng = new Rng(seed).fork('validity');
  const resampled = Array.from({ length: RESAMPLES }, () =>
    pearson(Array.from({ length: n }, () => points[rng.int(n)])),
  )
    .filter(Number.isFinite)
    .sort((a, b) => a - b);
  const at = (share: number) => resampled[Math.floor(share * (resampled.length - 1))] ?? Number.NaN;
  return { mode, correlation: pearson(points), low: at(0.025), high: at(0.975), n, points };
}
