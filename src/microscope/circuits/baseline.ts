import type { ProgressListener } from '../../base/progress.ts';
import { Rng } from '../../base/rng.ts';
import { bootstrapMean, type Estimate } from '../intervals.ts';
import { area, CURVE_FRACTIONS, requireSpan } from './evaluate.ts';
import { edgeMask, pruneDeadEnds } from './graph.ts';
import { type CircuitRunner, meanOf } from './runner.ts';

/** Faithfulness of circuits of random edges at growing fractions: what any size gives by chance. */
export interface RandomCurve {
  readonly points: readonly {
    readonly fraction: number;
    readonly edges: number;
    /** Mean over random circuits with its 95 % interval; `n` counts the circuits. */
    readonly faithfulness: Estimate;
  }[];
  readonly cpr: number;
  readonly cmd: number;
}

/**
 * The control of a faithfulness curve: every draw orders all edges at random, and its first edges are kept, those
 * on no path from input to logits left out, as for scores.
 *
 * @param options.draws random orders, 8 unless told
 * @throws GlassboxError `no-difference`
 */
export async function randomCurve(
  runner: CircuitRunner,
  options: {
    readonly fractions?: readonly number[];
    readonly draws?: number;
    readonly seed?: number;
    readonly progress?: ProgressListener;
  } = {},
): Promise<RandomCurve> {
  requireSpan(runner);
  const { fractions = CURVE_FRACTIONS, draws = 8, seed = 0 } = options;
  const { graph } = runner;
  const rng = new Rng(seed);
  const orders = Array.from({ length: draws }, () => rng.sample(graph.edges, graph.edges.length));
  const empty = meanOf(runner.empty);
  const span = meanOf(runner.full) - empty;
  const points: RandomCurve['points'][number][] = [];
  for (const fraction of fractions) {
    const edges = Math.floor(fraction * graph.edges.length);
    const masks = orders.map((order) => {
      const mask = edgeMask(graph, 'none');
      for (const { index } of order.slice(0, edges)) mask[index] = 1;
      return pruneDeadEnds(graph, mask);
    });
    const values = (await runner.run(masks)).map((one) => (meanOf(one) - empty) / span);
    points.push({ fraction, edges, faithfulness: bootstrapMean(values) });
    const [done, total] = [points.length, fractions.length];
    options.progress?.({ label: 'random circuits', done, total, unit: 'points' });
  }
  const f = points.map(({ faithfulness }) => faithfulness.value);
  const gap = f.map((x) => Math.abs(1 - x));
  return { points, cpr: area(fractions, f), cmd: area(fractions, gap) };
}
