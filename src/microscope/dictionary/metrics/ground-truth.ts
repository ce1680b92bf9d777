import { assign, cosines } from './matching.ts';

/** How well a dictionary found the features that are really there. */
export interface GroundTruthMetrics {
  /** Mean cosine of decoders with the true directions they are matched to, one to one, in [0, 1]. */
  readonly mcc: number;
  /** Means over matched features of how well firing tells presence. */
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
  /** Different true features among the nearest ones of all live features, as a share of those. */
  readonly uniqueness: number;
  /** Share of features that never fired. */
  readonly dead: number;
}

/**
 * Scores a dictionary against the truth: decoders are matched to true directions so that the total cosine is largest
 * (SynthSAEBench, arXiv 2602.14687).
 *
 * @param options.decoder `[d_dict, width]`
 * @param options.directions `[features, width]`
 * @param options.acts `[rows, d_dict]`
 * @param options.truth `[rows, features]`
 */
export function groundTruthMetrics(options: {
  readonly decoder: Float32Array;
  readonly directions: Float32Array;
  readonly acts: Float32Array;
  readonly truth: Float32Array;
  readonly width: number;
}): GroundTruthMetrics {
  const { decoder, directions, acts, truth, width } = options;
  const learned = decoder.length / width;
  const real = directions.length / width;
  const similarity = cosines(decoder, directions, width);
  const wide = learned >= real;
  // The side with fewer members is matched to the other.
  const [rows, columns] = wide ? [real, learned] : [learned, real];
  const scores = new Float32Array(rows * columns);
  for (let i = 0; i < learned; i++) {
    for (let j = 0; j < real; j++) {
      scores[wide ? j * columns + i : i * columns + j] = similarity[i * real + j];
    }
  }
  const matched = assign(scores, rows, columns);
  const pairs = Array.from(matched, (other, row) =>
    wide ? { latent: other, feature: row } : { latent: row, feature: other },
  );
  const firing = pairs.map((pair) => firingScores(acts, truth, { ...pair, learned, real }));
  const mean = (values: readonly number[]) =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const fired = new Uint8Array(learned);
  for (let i = 0; i < acts.length; i++) if (acts[i] > 0) fired[i % learned] = 1;
  const live = Array.from(fired.keys()).filter((latent) => fired[latent] === 1);
  const nearest = live.map((latent) => {
    const row = similarity.subarray(latent * real, (latent + 1) * real);
    return row.indexOf(Math.max(...row));
  });
  return {
    mcc: mean(pairs.map(({ latent, feature }) => Math.max(0, similarity[latent * real + feature]))),
    precision: mean(firing.map((one) => one.precision)),
    recall: mean(firing.map((one) => one.recall)),
    f1: mean(firing.map((one) => one.f1)),
    uniqueness: live.length === 0 ? 0 : new Set(nearest).size / live.length,
    dead: 1 - live.length / learned,
  };
}

function firingScores(
  acts: Float32Array,
  truth: Float32Array,
  pair: {
    readonly latent: number;
    readonly feature: number;
    readonly learned: number;
    readonly real: number;
  },
) {
  const { latent, feature, learned, real } = pair;
  let [both, fires, present] = [0, 0, 0];
  for (let row = 0; row < acts.length / learned; row++) {
    const on = acts[row * learned + latent] > 0;
    const there = truth[row * real + feature] > 0;
    if (on) fires++;
    if (there) present++;
    if (on && there) both++;
  }
  const precision = fires === 0 ? 0 : both / fires;
  const recall = present === 0 ? 0 : both / present;
  return { precision, recall, f1: fires + present === 0 ? 0 : (2 * both) / (fires + present) };
}
