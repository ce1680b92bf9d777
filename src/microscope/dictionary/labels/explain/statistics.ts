import { Rng } from '../../../../base/rng.ts';
import { percentileInterval } from '../intervals.ts';
import type { ClassificationScore, SimulationScore } from './types.ts';

const REPLICATES = 1000;

/** A judged example: its class, the answer, and how sure it was of class 1. */
export interface Answer {
  readonly truth: boolean;
  readonly answer: boolean;
  readonly probability: number;
}

/** Scores answers; both classes must occur. */
export function classificationScore(
  answers: readonly Answer[],
  missing: number,
): ClassificationScore {
  const positive = answers.filter(({ truth }) => truth);
  const negative = answers.filter(({ truth }) => !truth);
  const share = (list: readonly Answer[], value: boolean) =>
    list.filter(({ answer }) => answer === value).length / list.length;
  const balanced = (p: readonly Answer[], n: readonly Answer[]) =>
    (share(p, true) + share(n, false)) / 2;
  const hits = positive.filter(({ answer }) => answer).length;
  const said = answers.filter(({ answer }) => answer).length;
  const pairs = positive.flatMap((p) =>
    negative.map((n) => (Math.sign(p.probability - n.probability) + 1) / 2),
  );
  const rng = new Rng(29);
  const draw = (list: readonly Answer[]) => list.map(() => rng.pick(list));
  const replicates = Float64Array.from({ length: REPLICATES }, () =>
    balanced(draw(positive), draw(negative)),
  );
  return {
    balancedAccuracy: balanced(positive, negative),
    ...percentileInterval(replicates),
    f1: said + positive.length > 0 ? (2 * hits) / (said + positive.length) : 0,
    auc: pairs.reduce((a, b) => a + b, 0) / pairs.length,
    n: answers.length,
    missing,
  };
}

/** Simulated and true activations of one example. */
export interface Simulated {
  readonly truth: readonly number[];
  readonly simulated: readonly number[];
}

/** Pearson correlation; 0 where one side does not vary. */
export function correlation(x: readonly number[], y: readonly number[]): number {
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const [mx, my] = [mean(x), mean(y)];
  let [xx, xy, yy] = [0, 0, 0];
  x.forEach((value, i) => {
    xx += (value - mx) ** 2;
    xy += (value - mx) * (y[i] - my);
    yy += (y[i] - my) ** 2;
  });
  return xx > 0 && yy > 0 ? xy / Math.sqrt(xx * yy) : 0;
}

/** Scores simulated activations over all tokens of all examples. */
export function simulationScore(examples: readonly Simulated[], missing: number): SimulationScore {
  const over = (list: readonly Simulated[]) =>
    correlation(
      list.flatMap(({ truth }) => truth),
      list.flatMap(({ simulated }) => simulated),
    );
  const rng = new Rng(31);
  const replicates = Float64Array.from({ length: REPLICATES }, () =>
    over(examples.map(() => rng.pick(examples))),
  );
  return {
    correlation: over(examples),
    ...percentileInterval(replicates),
    n: examples.length,
    tokens: examples.reduce((sum, { truth }) => sum + truth.length, 0),
    missing,
  };
}
