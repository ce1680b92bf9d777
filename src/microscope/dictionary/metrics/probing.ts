import {
  type BinaryScores,
  binaryScores,
  fitLogistic,
  type Labelled,
  pickColumns,
  probeScores,
} from './logistic.ts';

/**
 * Features ranked by how much their mean differs between yes and no.
 *
 * @param options.positive only those whose mean is larger where the answer is yes
 */
export function rankByMeanDifference(
  { x, labels }: Labelled,
  options: { readonly positive?: boolean } = {},
): number[] {
  const rows = labels.length;
  const width = x.length / rows;
  const positives = labels.filter(Boolean).length;
  const difference = new Float64Array(width);
  labels.forEach((label, row) => {
    const weight = label ? 1 / positives : -1 / (rows - positives);
    for (let d = 0; d < width; d++) difference[d] += weight * x[row * width + d];
  });
  const all = Array.from(difference.keys());
  const ranked = options.positive ? all.filter((feature) => difference[feature] > 0) : all;
  return ranked.sort((a, b) => Math.abs(difference[b]) - Math.abs(difference[a]) || a - b);
}

/** A probe on a few features. */
export interface SparseProbe extends BinaryScores {
  readonly k: number;
  readonly features: readonly number[];
}

/**
 * k-sparse probing (Gurnee et al. 2023; sae-probes): the k features whose means differ most between the classes, and
 * a logistic regression on them, scored on other rows.
 *
 * @param k sizes of the probes; 1, 2 and 5 unless told
 */
export function sparseProbing(
  train: Labelled,
  test: Labelled,
  k: readonly number[] = [1, 2, 5],
): SparseProbe[] {
  const width = train.x.length / train.labels.length;
  const order = rankByMeanDifference(train);
  return k.map((size) => {
    const features = order.slice(0, size);
    return { k: size, features, ...probeOn(train, test, { width, features }).scores };
  });
}

function probeOn(
  train: Labelled,
  test: Labelled,
  { width, features }: { readonly width: number; readonly features: readonly number[] },
) {
  const pick = ({ x, labels }: Labelled) => ({ x: pickColumns(x, width, features), labels });
  const probe = fitLogistic(pick(train));
  const guesses = Array.from(probeScores(probe, pick(test).x), (score) => score > 0);
  return { probe, guesses, scores: binaryScores(guesses, test.labels) };
}

/** Rows with activations of the model and of the dictionary. */
export interface ProbedRows {
  /** `[rows, width]` */
  readonly x: Float32Array;
  /** `[rows, d_dict]` */
  readonly acts: Float32Array;
  readonly labels: readonly boolean[];
}

/** Feature absorption of one concept; null says why there is nothing to measure. */
export type Absorption =
  | {
      /** Features that together stand for the concept. */
      readonly splits: readonly number[];
      /** Positive rows that the probe on the model finds. */
      readonly n: number;
      /** Share of them on which no split fires and one other feature carries the concept. */
      readonly full: number;
      /** Mean share of the concept's projection that is carried by others than the splits; see {@link absorptionByRow}. */
      readonly fraction: number;
      readonly probeF1: number;
      readonly notAssessed?: undefined;
    }
  | { readonly notAssessed: string; readonly probeF1: number };

/** Thresholds of SAEBench. */
const RISE = 0.03;
const MOST_SPLITS = 10;
const MIN_PROBE_F1 = 0.6;
const FULL_COSINE = 0.025;
const LEAST_SHARE = 0.4;
const PART_COSINE = 0.1;
const PART_ABSORBERS = 3;

/**
 * Absorption (Chanin et al. 2024, with the rules of SAEBench): a feature that should mean a concept stays silent
 * where a narrower feature fires that carries the concept's direction along. Unlike there, the features that should mean it are
 * those whose means differ most, and decoders need not have length 1.
 *
 * @param decoder `[d_dict, width]`
 */
export function absorption(train: ProbedRows, test: ProbedRows, decoder: Float32Array): Absorption {
  const dDict = train.acts.length / train.labels.length;
  const probe = fitLogistic(train);
  const scores = probeScores(probe, test.x);
  const guesses = Array.from(scores, (score) => score > 0);
  const { f1: probeF1 } = binaryScores(guesses, test.labels);
  if (probeF1 < MIN_PROBE_F1) {
    return {
      notAssessed: `a probe on the model itself reaches F1 ${probeF1.toFixed(2)} only`,
      probeF1,
    };
  }
  const splits = findSplits(train, test, dDict);
  const absorbed = absorptionByRow(test, { direction: probe.weights, splits, decoder });
  const found = absorbed.filter((_, row) => test.labels[row] && guesses[row]);
  const n = found.length;
  if (n === 0) return { notAssessed: 'the probe finds no positive row', probeF1 };
  const full = found.filter((row) => row.full).length / n;
  const fraction = found.reduce((sum, row) => sum + row.fraction, 0) / n;
  return { splits, n, full, fraction, probeF1 };
}

/**
 * Whether and how far each row's share of a direction is carried by other features than those that should. SAEBench's rules: the
 * fraction is 0 where the splits carry all of it, or at most three other features (cosine >= .1) less than .4; otherwise the
 * others' part of what both carry, never more than the splits leave. Full: the splits are silent, and one feature (cosine >=
 * .025) carries .4.
 *
 * @param rows.x `[rows, width]`, in which the direction lies
 * @param options.decoder `[d_dict, width]`
 */
export function absorptionByRow(
  rows: Pick<ProbedRows, 'x' | 'acts'>,
  options: {
    readonly direction: Float64Array;
    readonly splits: readonly number[];
    readonly decoder: Float32Array;
  },
): { full: boolean; fraction: number }[] {
  const { direction, splits, decoder } = options;
  const width = direction.length;
  const dDict = decoder.length / width;
  const { unit, cosine } = alongProbe(direction, decoder, dDict, width);
  const isSplit = new Set(splits);
  return Array.from({ length: rows.x.length / width }, (_, row) => {
    const act = (feature: number) => rows.acts[row * dDict + feature];
    const carried = (feature: number) => act(feature) * cosine.raw[feature];
    const others = Array.from({ length: dDict }, (_, feature) => feature)
      .filter((feature) => act(feature) > 0 && !isSplit.has(feature))
      .sort((a, b) => carried(b) - carried(a));
    let total = 0;
    for (let d = 0; d < width; d++) total += rows.x[row * width + d] * unit[d];
    const silent = splits.every((feature) => act(feature) < 1e-8);
    const [top] = others;
    const full =
      silent &&
      top !== undefined &&
      total > 0 &&
      cosine.unit[top] >= FULL_COSINE &&
      carried(top) / total >= LEAST_SHARE;
    const absorbers = others
      .filter((feature) => cosine.unit[feature] >= PART_COSINE)
      .slice(0, PART_ABSORBERS)
      .reduce((sum, feature) => sum + carried(feature), 0);
    const main = splits.reduce((sum, feature) => sum + carried(feature), 0);
    return { full, fraction: fractionOf(total, main, absorbers) };
  });
}

function fractionOf(total: number, main: number, others: number): number {
  if (main >= total || others / total < LEAST_SHARE) return 0;
  if (main <= 0) return 1;
  const part = Math.min(others, total - main);
  return Math.min(1, Math.max(0, part / (part + main)));
}

/**
 * Adds features by mean difference for as long as the probe on them gains more than {@link RISE}. Only features that fire more
 * where the concept is can stand for it.
 */
function findSplits(train: ProbedRows, test: ProbedRows, dDict: number): number[] {
  const rows = ({ acts, labels }: ProbedRows): Labelled => ({ x: acts, labels });
  const order = rankByMeanDifference(rows(train), { positive: true });
  let best = Number.NEGATIVE_INFINITY;
  for (let k = 1; k <= Math.min(MOST_SPLITS, order.length); k++) {
    const features = order.slice(0, k);
    const { f1 } = probeOn(rows(train), rows(test), { width: dDict, features }).scores;
    if (f1 <= best + RISE) return order.slice(0, Math.max(1, k - 1));
    best = f1;
  }
  return order.slice(0, MOST_SPLITS);
}

/** The probe's unit direction, and each decoder's part along it, raw and as a cosine. */
function alongProbe(direction: Float64Array, decoder: Float32Array, dDict: number, width: number) {
  const norm = Math.hypot(...direction) || 1;
  const unit = direction.map((weight) => weight / norm);
  const raw = new Float64Array(dDict);
  const cosine = new Float64Array(dDict);
  for (let f = 0; f < dDict; f++) {
    let [along, square] = [0, 0];
    for (let d = 0; d < width; d++) {
      along += decoder[f * width + d] * unit[d];
      square += decoder[f * width + d] ** 2;
    }
    raw[f] = along;
    cosine[f] = along / Math.max(Math.sqrt(square), 1e-12);
  }
  return { unit, cosine: { raw, unit: cosine } };
}
