import { GlassboxError } from '../../base/error.ts';
import type { Rng } from '../../base/rng.ts';
import type { SamplingOptions } from './types.ts';

/** The largest element's index; the first of equals. */
function argmax(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i;
  return best;
}

/** log Σ exp of all logits, in double precision. */
function logSumExp(values: Float32Array): number {
  const top = values[argmax(values)];
  let total = 0;
  for (let i = 0; i < values.length; i++) total += Math.exp(values[i] - top);
  return top + Math.log(total);
}

function penalise(logits: Float32Array, seen: Iterable<number>, penalty: number): Float32Array {
  const out = logits.slice();
  for (const token of new Set(seen)) {
    out[token] = out[token] < 0 ? out[token] * penalty : out[token] / penalty;
  }
  return out;
}

/** The k-th largest value of an array. */
function kthLargest(values: Float32Array, k: number): number {
  return values.toSorted()[Math.max(0, values.length - k)];
}

/** Unnormalised probabilities of the tokens that the filters keep, zero for the others. */
function candidates(logits: Float32Array, options: SamplingOptions): Float64Array {
  const { temperature = 0, topK, topP = 1, minP = 0 } = options;
  const top = logits[argmax(logits)];
  // Plain loops: `from` and `reduce` take ten times as long on a large vocabulary.
  const weights = new Float64Array(logits.length);
  for (let i = 0; i < logits.length; i++) weights[i] = Math.exp((logits[i] - top) / temperature);
  if (topK !== undefined && topK < logits.length) {
    const bar = kthLargest(logits, topK);
    for (let i = 0; i < weights.length; i++) if (logits[i] < bar) weights[i] = 0;
  }
  if (topP < 1) {
    const sorted = weights
      .filter((weight) => weight > 0)
      .sort()
      .reverse();
    const mass = topP * total(weights);
    let sum = 0;
    let count = 0;
    while (sum < mass && count < sorted.length) sum += sorted[count++];
    const bar = sorted[Math.max(0, count - 1)];
    for (let i = 0; i < weights.length; i++) if (weights[i] < bar) weights[i] = 0;
  }
  // The most likely token weighs 1 here.
  if (minP > 0) for (let i = 0; i < weights.length; i++) if (weights[i] < minP) weights[i] = 0;
  return weights;
}

function total(weights: Float64Array): number {
  let sum = 0;
  for (const weight of weights) sum += weight;
  return sum;
}

function draw(weights: Float64Array, rng: Rng): number {
  let left = rng.next() * total(weights);
  let last = 0;
  for (let i = 0; i < weights.length; i++) {
    if (weights[i] === 0) continue;
    last = i;
    left -= weights[i];
    if (left < 0) return i;
  }
  return last;
}

/** Throws `bad-sampling` unless every option is in its range. */
export function checkSampling(options: SamplingOptions): void {
  const { repetitionPenalty = 1, temperature = 0, topK = 1, topP = 1, minP = 0 } = options;
  const rules: [string, number, boolean, string][] = [
    ['repetitionPenalty', repetitionPenalty, repetitionPenalty > 0, 'above 0'],
    ['temperature', temperature, temperature >= 0, 'at least 0'],
    ['topK', topK, Number.isInteger(topK) && topK >= 1, 'a whole number of at least 1'],
    ['topP', topP, topP > 0 && topP <= 1, 'above 0 and at most 1'],
    ['minP', minP, minP >= 0 && minP <= 1, 'from 0 to 1'],
  ];
  for (const [name, value, ok, expected] of rules) {
    if (ok && Number.isFinite(value)) continue;
    throw new GlassboxError(`${name} is ${value}, expected ${expected}`, {
      code: 'bad-sampling',
      remedy: `Give ${name} in its range or leave it out.`,
      details: { name, value },
    });
  }
}

/**
 * Chooses the next token from logits `[d_vocab]`.
 *
 * @param seen tokens of the text so far, for the repetition penalty
 * @returns the token and its log-probability (nats) under the unmodified logits
 */
export function sampleToken(
  logits: Float32Array,
  seen: Iterable<number>,
  options: SamplingOptions & { readonly rng: Rng },
): { token: number; logprob: number } {
  const { repetitionPenalty = 1, temperature = 0 } = options;
  const scored = repetitionPenalty === 1 ? logits : penalise(logits, seen, repetitionPenalty);
  const token = temperature === 0 ? argmax(scored) : draw(candidates(scored, options), options.rng);
  return { token, logprob: logits[token] - logSumExp(logits) };
}
