import { Rng } from '../base/rng.ts';
import type { TensorData } from '../graph/op.ts';
import { addressInfo, selectAddresses } from '../model/address.ts';
import type { Model } from '../model/model.ts';
import type { Edit } from '../model/run/edit-types.ts';
import { notFinite } from '../model/run/finite.ts';
import { type EditSpec, resolveEdits } from './edit-spec.ts';
import type { DictionaryFinder } from './feature-edit.ts';
import type { LensGuess } from './lens.ts';
import { type TokenMeasures, tokenMeasures } from './loss.ts';

/** A question about the last position: is this token preferred to that one. */
export interface Preference {
  readonly target: number;
  /** Without one, the target's log-probability is measured instead of a logit difference. */
  readonly distractor?: number;
}

/** What a run says at its last position. */
export interface Answer {
  readonly top: readonly LensGuess[];
  /** Logit of the target minus the distractor's, or the target's log-probability in nats. */
  readonly metric: number | null;
  readonly targetProb: number | null;
}

/** The same prompt without and with interventions. */
export interface BeforeAfter {
  readonly before: TokenMeasures;
  readonly after: TokenMeasures;
  readonly answers: { readonly before: Answer; readonly after: Answer };
  /** KL(before ‖ after) of the next-token distribution at every position, in nats. */
  readonly kl: readonly number[];
}

function softmaxRow(logits: Float32Array): Float64Array {
  let max = Number.NEGATIVE_INFINITY;
  for (const x of logits) if (x > max) max = x;
  const out = Float64Array.from(logits, (x) => Math.exp(x - max));
  const total = out.reduce((a, b) => a + b, 0);
  return out.map((x) => x / total);
}

/** KL(p ‖ q) in nats of two rows of logits. */
function klDivergence(p: Float32Array, q: Float32Array): number {
  const a = softmaxRow(p);
  const b = softmaxRow(q);
  let total = 0;
  // A probability that underflowed to 0 is bounded below, so that one token cannot make it infinite.
  for (let i = 0; i < a.length; i++) {
    if (a[i] > 0) total += a[i] * Math.log(a[i] / Math.max(b[i], 1e-300));
  }
  return Math.max(0, total);
}

/** The metric of a preference on one row of logits: a logit difference, or a log-probability. */
function metricOf(row: Float32Array, preference: Preference): number {
  if (preference.distractor !== undefined)
    return row[preference.target] - row[preference.distractor];
  return Math.log(softmaxRow(row)[preference.target]);
}

function answerOf(row: Float32Array, measures: TokenMeasures, preference?: Preference): Answer {
  return {
    top: measures.next.at(-1)!,
    metric: preference ? metricOf(row, preference) : null,
    targetProb: preference ? softmaxRow(row)[preference.target] : null,
  };
}

function rowOf(logits: TensorData, position: number): Float32Array {
  const vocab = logits.shape.at(-1)!;
  return (logits.data as Float32Array).subarray(position * vocab, (position + 1) * vocab);
}

/** Runs a prompt without and with interventions and compares the two everywhere. */
export async function compareWithEdits(
  model: Model,
  tokens: readonly number[],
  specs: readonly EditSpec[],
  options: {
    readonly preference?: Preference;
    readonly topK?: number;
    /** Where edits of features find their dictionaries. */
    readonly dictionaries?: DictionaryFinder;
  } = {},
): Promise<BeforeAfter> {
  const { preference, topK, dictionaries } = options;
  const edits = await resolveEdits(model, tokens, specs, { dictionaries });
  const before = await tokenMeasures(model, tokens, { topK });
  const after = await tokenMeasures(model, tokens, { topK, edits });
  const plain = (await model.forward(tokens)).logits!;
  const edited = (await model.runWithEdits(tokens, edits)).logits!;
  const last = tokens.length - 1;
  return {
    before,
    after,
    answers: {
      before: answerOf(rowOf(plain, last), before, preference),
      after: answerOf(rowOf(edited, last), after, preference),
    },
    kl: tokens.map((_, i) => klDivergence(rowOf(plain, i), rowOf(edited, i))),
  };
}

/** One strength of a sweep. */
export interface DosePoint {
  readonly strength: number;
  /** The preference's metric at the last position. */
  readonly metric: number;
  /** KL(unedited ‖ edited) at the last position, in nats. */
  readonly kl: number;
  /** Random directions that move the activation just as far: mean and 95 % interval over `n` of them. */
  readonly baseline: {
    readonly mean: number;
    readonly low: number;
    readonly high: number;
    readonly n: number;
  } | null;
}

/** Why a sweep has no baseline, when it has none. */
export interface DoseResponse {
  readonly index: number;
  readonly points: readonly DosePoint[];
  readonly clean: number;
  readonly noBaseline: string | null;
}

/** What a dose–response sweep varies and measures. */
export interface DoseOptions {
  readonly preference: Preference;
  /** Which edit of the list varies. */
  readonly index: number;
  readonly strengths: readonly number[];
  /** Random directions per strength, 8 unless told; 0 for none. */
  readonly baselines?: number;
  readonly seed?: number;
  /** Where edits of features find their dictionaries. */
  readonly dictionaries?: DictionaryFinder;
  readonly signal?: AbortSignal;
}

/** Two-sided 95 % quantiles of Student's t by degrees of freedom 1 to 15; the normal's beyond. */
const STUDENT = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145,
  2.131,
];

function interval(values: readonly number[]) {
  const n = values.length;
  const mean = values.reduce((a, b) => a + b, 0) / n;
  const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / Math.max(1, n - 1);
  const half = (STUDENT[n - 2] ?? 1.96) * Math.sqrt(variance / n);
  return { mean, low: mean - half, high: mean + half, n };
}

/** The edit with another strength: `zero` is `scale` by 1 − strength, so 0 does nothing and 1 is it. */
export function withStrength(spec: EditSpec, strength: number): EditSpec {
  switch (spec.op) {
    case 'add':
    case 'project':
    case 'scale':
    case 'feature':
      return { ...spec, strength };
    case 'zero': {
      const { at, positions, heads } = spec;
      return { at, positions, heads, op: 'scale', strength: 1 - strength };
    }
    default:
      return spec;
  }
}

/** Whether an edit has a strength to vary. */
export function hasStrength(spec: EditSpec): boolean {
  return ['add', 'project', 'scale', 'zero', 'feature'].includes(spec.op);
}

/** Random vectors as long, at every place, as the change an edit made there. */
function randomChange(before: TensorData, after: TensorData, rng: Rng): TensorData {
  const width = after.shape.at(-1)!;
  const data = new Float32Array(after.data.length);
  for (let start = 0; start < data.length; start += width) {
    let change = 0;
    let norm = 0;
    for (let i = start; i < start + width; i++) {
      change += (Number(after.data[i]) - Number(before.data[i])) ** 2;
      data[i] = rng.normal();
      norm += data[i] ** 2;
    }
    const factor = Math.sqrt(change / norm);
    for (let i = start; i < start + width; i++) data[i] *= factor;
  }
  return { dtype: 'float32', shape: after.shape, data };
}

/** The changes of one edit, and their random counterparts, at every address it acts on. */
async function baselineEdits(
  model: Model,
  tokens: readonly number[],
  run: {
    readonly edits: readonly Edit[];
    readonly varied: readonly Edit[];
    readonly at: readonly string[];
  },
  rngs: readonly Rng[],
): Promise<Edit[][]> {
  const others = run.edits.filter((edit) => !run.varied.includes(edit));
  const before = await model.runWithEdits(tokens, others, run.at, { logits: 'none' });
  const after = await model.runWithEdits(tokens, [...others, ...run.varied], run.at, {
    logits: 'none',
  });
  return rngs.map((rng) => [
    ...others,
    ...run.at.map((address): Edit => {
      const vector = randomChange(before.cache[address], after.cache[address], rng);
      return { at: address, op: 'add', vector };
    }),
  ]);
}

/**
 * Varies the strength of one edit and measures the answer, beside random directions that move the
 * activations just as far at the same places. An effect within the baseline's interval is no evidence
 * for the direction: any push of that size would have done it.
 *
 * @throws GlassboxError `not-finite` for logits that are NaN
 */
export async function doseResponse(
  model: Model,
  tokens: readonly number[],
  specs: readonly EditSpec[],
  options: DoseOptions,
): Promise<DoseResponse> {
  const { preference, index, strengths, baselines = 8, seed = 0, dictionaries } = options;
  const at = selectAddresses(model.config, specs[index].at);
  const vectors = at.every((address) =>
    ['d_model', 'd_head', 'd_mlp'].includes(addressInfo(model.config, address).shape.at(-1)!),
  );
  const noBaseline =
    baselines < 2
      ? 'no random directions were asked for'
      : vectors
        ? null
        : 'random directions have no meaning for scores, patterns and norm scales';
  const lastRow = async (edits: readonly Edit[]) => {
    const { logits } = await model.runWithEdits(tokens, edits, [], { logits: 'last' });
    const row = rowOf(logits!, 0);
    if (row.some(Number.isNaN)) {
      throw notFinite('the logits at the last position', { edited: edits.length > 0 });
    }
    return row;
  };
  const cleanRow = await lastRow([]);
  const points: DosePoint[] = [];
  for (const strength of strengths) {
    options.signal?.throwIfAborted();
    const parts = await Promise.all(
      specs.map((spec, i) =>
        resolveEdits(model, tokens, [i === index ? withStrength(spec, strength) : spec], {
          dictionaries,
        }),
      ),
    );
    const edits = parts.flat();
    const row = await lastRow(edits);
    const values: number[] = [];
    if (noBaseline === null) {
      const rngs = Array.from({ length: baselines }, (_, i) => new Rng(seed).fork(`baseline ${i}`));
      const run = { edits, varied: parts[index], at };
      for (const random of await baselineEdits(model, tokens, run, rngs)) {
        values.push(metricOf(await lastRow(random), preference));
      }
    }
    points.push({
      strength,
      metric: metricOf(row, preference),
      kl: klDivergence(cleanRow, row),
      baseline: values.length > 0 ? interval(values) : null,
    });
  }
  return { index, points, clean: metricOf(cleanRow, preference), noBaseline };
}
