import { GlassboxError } from '../../base/error.ts';
import type { ProgressListener } from '../../base/progress.ts';
import { Rng } from '../../base/rng.ts';
import { bootstrap, bootstrapMean, type Estimate } from '../intervals.ts';
import type { Circuit } from './file.ts';
import {
  countEdges,
  type EdgeMask,
  edgeMask,
  nodesOf,
  pruneDeadEnds,
  receiverNode,
  senderName,
} from './graph.ts';
import { type CircuitRunner, meanOf } from './runner.ts';
import { topEdges } from './select.ts';

/** Fractions of edges at which curves are measured, as in the Mechanistic Interpretability Benchmark. */
export const CURVE_FRACTIONS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1] as const;

const mean = (indices: readonly number[], values: readonly number[]) =>
  indices.reduce((sum, i) => sum + values[i], 0) / indices.length;

/** Throws `no-difference` when nothing can be normalised. */
export function requireSpan({ full, empty }: CircuitRunner): void {
  const [all, none] = [meanOf(full), meanOf(empty)];
  // Runs of one prompt in batches of different sizes differ by the rounding of single precision.
  if (Math.abs(all - none) > 1e-5 * Math.max(1, Math.abs(all), Math.abs(none))) return;
  throw new GlassboxError(
    `the metric is ${all.toFixed(4)} with all edges and with none: nothing can be faithful to it`,
    {
      code: 'no-difference',
      remedy: 'Choose corrupted prompts, targets and distractors for which the answer changes.',
    },
  );
}

/** (m(circuit) − m(none)) / (m(all) − m(none)) of means, with a bootstrap interval over examples. */
function faithfulnessOf(runner: CircuitRunner, values: readonly number[]): Estimate {
  return bootstrap(values.length, (indices) => {
    const empty = mean(indices, runner.empty);
    return (mean(indices, values) - empty) / (mean(indices, runner.full) - empty);
  });
}

/**
 * How much of the metric a circuit alone keeps: (m(circuit) − m(none)) / (m(all) − m(none)), m the mean metric
 * (Wang et al. 2022 in the normalised form of Mueller et al. 2025). 1 is the whole model, 0 nothing.
 *
 * @throws GlassboxError `no-difference`, `not-finite`
 */
export async function faithfulness(runner: CircuitRunner, mask: EdgeMask): Promise<Estimate> {
  requireSpan(runner);
  const [values] = await runner.run([mask]);
  return faithfulnessOf(runner, values);
}

/** Faithfulness of the best edges at growing fractions. */
export interface FaithfulnessCurve {
  readonly points: readonly {
    readonly fraction: number;
    /** Edges kept, and those of them that lie on a path from input to logits. */
    readonly edges: number;
    readonly connected: number;
    readonly faithfulness: Estimate;
  }[];
  /** Circuit performance ratio: area under faithfulness over fraction, by trapezoids; higher is better. */
  readonly cpr: number;
  /** Circuit–model distance: area of |1 − faithfulness| over fraction, by trapezoids; 0 is best. */
  readonly cmd: number;
}

/** Area by trapezoids. */
export function area(x: readonly number[], y: readonly number[]): number {
  let total = 0;
  for (let i = 1; i < x.length; i++) total += ((y[i] + y[i - 1]) / 2) * (x[i] - x[i - 1]);
  return total;
}

/**
 * The faithfulness curve of edge scores with its two areas (Mueller et al. 2025, MIB). The areas run from the
 * smallest fraction to the largest, .001 to 1 unless told, so the best CPR of edges that never hurt is .999.
 *
 * @param options.by edges with the largest scores either way (`absolute`, the default, as the benchmark does for
 *   CMD) or those that raise the metric first (`signed`, as it does for CPR)
 * @throws GlassboxError `no-difference`
 */
export async function faithfulnessCurve(
  runner: CircuitRunner,
  scores: Float64Array,
  options: {
    readonly fractions?: readonly number[];
    readonly by?: 'absolute' | 'signed';
    readonly progress?: ProgressListener;
  } = {},
): Promise<FaithfulnessCurve> {
  requireSpan(runner);
  const { fractions = CURVE_FRACTIONS, by } = options;
  const points: FaithfulnessCurve['points'][number][] = [];
  for (const fraction of fractions) {
    // The benchmark counts edges downwards.
    const count = Math.floor(fraction * runner.graph.edges.length);
    const mask = topEdges(runner.graph, scores, { count, by });
    const pruned = pruneDeadEnds(runner.graph, mask);
    const [values] = await runner.run([pruned]);
    points.push({
      fraction,
      edges: countEdges(mask),
      connected: countEdges(pruned),
      faithfulness: faithfulnessOf(runner, values),
    });
    const [done, total] = [points.length, fractions.length];
    options.progress?.({ label: 'curve', done, total, unit: 'points' });
  }
  const f = points.map((point) => point.faithfulness.value);
  const gap = f.map((x) => Math.abs(1 - x));
  return { points, cpr: area(fractions, f), cmd: area(fractions, gap) };
}

/** A mask without the edges of some nodes. */
function without(circuit: Circuit, mask: EdgeMask, nodes: ReadonlySet<string>): EdgeMask {
  const { graph } = circuit;
  const out = mask.slice();
  for (const { sender, receiver, index } of graph.edges) {
    const touched =
      nodes.has(senderName(graph.senders[sender])) ||
      nodes.has(receiverNode(graph.receivers[receiver]));
    if (touched) out[index] = 0;
  }
  return out;
}

/** One set of nodes that is knocked out of both the circuit and the whole model. */
export interface CompletenessCheck {
  readonly removed: readonly string[];
  /** Mean metrics of what is left. */
  readonly circuit: number;
  readonly model: number;
  /** |circuit − model| / |m(all) − m(none)|, the incompleteness score of this set. */
  readonly gap: number;
}

/** Whether a node is needed, and beside which others gone. */
export interface MinimalityCheck {
  readonly node: string;
  /**
   * Change of the metric when the node alone leaves the circuit, over m(all) − m(none), with a bootstrap interval
   * over prompts.
   */
  readonly effect: Estimate;
  /**
   * The minimality score: the largest |m(circuit without K and the node) − m(circuit without K)| over
   * |m(all) − m(none)|, K being nothing or one of the random sets.
   */
  readonly score: number;
  /** The K of that score. A backup only counts when what it stands in for is gone. */
  readonly without: readonly string[];
}

/** How a circuit stands against the whole model, and whether each of its nodes is needed. */
export interface CircuitEvaluation {
  readonly edges: number;
  readonly nodes: number;
  /** Mean metric with the circuit alone, all edges, and none. */
  readonly metric: { readonly circuit: number; readonly full: number; readonly empty: number };
  readonly faithfulness: Estimate;
  /**
   * |m(circuit without K) − m(model without K)| / |m(all) − m(none)| over random sets K of the circuit's
   * nodes: 0 when the circuit holds everything that matters.
   */
  readonly completeness: {
    /** With a bootstrap interval over sets. */
    readonly mean: Estimate;
    readonly worst: number;
    readonly sets: readonly CompletenessCheck[];
  };
  /** One entry per node of the circuit, by score, largest first; a node with a score near 0 is not needed. */
  readonly minimality: readonly MinimalityCheck[];
}

/**
 * Faithfulness, completeness and minimality of a circuit (Wang et al. 2022, section 4), with exact edge
 * interventions. The paper looks for the worst K by search; here K are random sets of the circuit's nodes, so
 * the worst incompleteness and the best minimality found are bounds from below.
 *
 * @param options.sets random sets of nodes for completeness and minimality, 8 unless told
 * @throws GlassboxError `no-difference`, `not-finite`
 */
export async function evaluateCircuit(
  runner: CircuitRunner,
  circuit: Circuit,
  options: {
    readonly sets?: number;
    readonly seed?: number;
    readonly progress?: ProgressListener;
  } = {},
): Promise<CircuitEvaluation> {
  requireSpan(runner);
  const { graph, mask } = circuit;
  const rng = new Rng(options.seed ?? 0);
  const own = nodesOf(graph, mask);
  const inner = own.filter((node) => node !== 'input' && node !== 'logits');
  const [values] = await runner.run([mask]);
  const metric = {
    circuit: meanOf(values),
    full: meanOf(runner.full),
    empty: meanOf(runner.empty),
  };
  const span = metric.full - metric.empty;
  const everything = edgeMask(graph);

  async function minimalityOf(node: string): Promise<MinimalityCheck> {
    const bases: { removed: readonly string[]; circuit: number }[] = [
      { removed: [], circuit: metric.circuit },
      ...sets.filter(({ removed }) => !removed.includes(node)),
    ];
    const masks = bases.map(({ removed }) => without(circuit, mask, new Set([...removed, node])));
    const runs = await runner.run(masks);
    const changes = bases.map((base, i) => (base.circuit - meanOf(runs[i])) / span);
    const best = changes.reduce((top, x, i) => (Math.abs(x) > Math.abs(changes[top]) ? i : top), 0);
    const [alone] = runs;
    const effect = bootstrap(values.length, (indices) => {
      const over = (list: readonly number[]) => meanOf(indices.map((i) => list[i]));
      return (over(values) - over(alone)) / (over(runner.full) - over(runner.empty));
    });
    return { node, effect, score: Math.abs(changes[best]), without: bases[best].removed };
  }

  const sets: CompletenessCheck[] = [];
  // A circuit without inner nodes has one set, the empty one: its gap is all that the circuit misses.
  const wanted = Math.min(options.sets ?? 8, inner.length > 0 ? Number.POSITIVE_INFINITY : 1);
  for (let i = 0; i < wanted; i++) {
    const removed = inner.length > 0 ? rng.sample(inner, 1 + rng.int(inner.length)) : [];
    const gone = new Set(removed);
    const masks = [without(circuit, mask, gone), without(circuit, everything, gone)];
    const [a, b] = (await runner.run(masks)).map(meanOf);
    sets.push({ removed, circuit: a, model: b, gap: Math.abs((a - b) / span) });
  }
  const gaps = sets.map(({ gap }) => gap);
  const minimality: MinimalityCheck[] = [];
  for (const node of inner) {
    minimality.push(await minimalityOf(node));
    const done = minimality.length;
    options.progress?.({ label: 'minimality', done, total: inner.length, unit: 'nodes' });
  }
  minimality.sort((a, b) => b.score - a.score);
  return {
    edges: countEdges(mask),
    nodes: own.length,
    metric,
    faithfulness: faithfulnessOf(runner, values),
    completeness: {
      mean: gaps.length > 0 ? bootstrapMean(gaps) : { value: 0, low: 0, high: 0, n: 0 },
      worst: Math.max(0, ...gaps),
      sets,
    },
    minimality,
  };
}
