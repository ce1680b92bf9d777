import { GlassboxError } from '../../base/error.ts';
import type { Model } from '../../model/model.ts';
import { notFinite } from '../../model/run/finite.ts';

/** A logit that a graph explains: a token, or one token against another. */
export interface LogitTarget {
  /** Token id, or an id past the vocabulary for a difference. */
  readonly id: number;
  readonly label: string;
  /** What it weighs among the targets; the probability of a token. */
  readonly probability: number;
  /** The direction it reads from the normed residual stream `[d_model]`. */
  readonly vector: Float32Array;
}

/** Which logits to explain. */
export interface TargetOptions {
  /** At most this many of the likeliest tokens, 10 unless told. */
  readonly maxLogits?: number;
  /** Stop once they carry this probability, .95 unless told. */
  readonly logitShare?: number;
  /** These tokens instead. */
  readonly tokens?: readonly number[];
  /** The difference of two logits instead. */
  readonly difference?: { readonly target: number; readonly distractor: number };
}

/** Row of the unembedding as it acts on `ln_final.hook_normalized`: the norm's weight multiplied in. */
function unembedding(model: Model) {
  const { config, params } = model;
  const { dModel, dVocab, norm, rmsOffset } = config;
  const weight = params[config.tieEmbeddings ? 'embed.weight' : 'unembed.weight']
    .data as Float32Array;
  const gain = Float64Array.from(params['ln_final.weight'].data as Float32Array, (value) =>
    norm === 'layer' ? value : value + rmsOffset,
  );
  const mean = new Float64Array(dModel);
  for (let start = 0; start < weight.length; start += dModel) {
    for (let i = 0; i < dModel; i++) mean[i] += weight[start + i] / dVocab;
  }
  return {
    /** Σ coefficient · column, the mean column taken off each, as Float32. */
    direction: (terms: readonly (readonly [id: number, coefficient: number])[]): Float32Array =>
      Float32Array.from(
        { length: dModel },
        (_, i) =>
          terms.reduce((sum, [id, c]) => sum + c * (weight[id * dModel + i] - mean[i]), 0) *
          gain[i],
      ),
  };
}

function probabilities(logits: Float32Array): Float64Array {
  const max = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const out = Float64Array.from(logits, (x) => Math.exp(x - max));
  const total = out.reduce((a, b) => a + b, 0);
  return out.map((x) => x / total);
}

/**
 * The logits a graph explains: the likeliest tokens until they carry `logitShare` of the probability,
 * at most `maxLogits` of them, or what was asked for. Unembedding columns are taken without their mean
 * over the vocabulary, since a constant added to all logits changes no prediction.
 *
 * @param logits `[d_vocab]`, those of the last position
 * @throws GlassboxError `bad-token` for ids outside the vocabulary, `same-token` for a difference to itself,
 *   `not-finite` for logits that are NaN
 */
export function logitTargets(
  model: Model,
  logits: Float32Array,
  options: TargetOptions = {},
): LogitTarget[] {
  const probs = probabilities(logits);
  if (probs.some(Number.isNaN)) throw notFinite('the logits at the last position');
  const { direction } = unembedding(model);
  const text = (id: number) => model.tokenizer?.tokenStrings([id])[0]?.text ?? `#${id}`;
  const check = (id: number) => {
    if (Number.isInteger(id) && id >= 0 && id < probs.length) return;
    throw new GlassboxError(`target token ${id} is outside the vocabulary`, {
      code: 'bad-token',
      remedy: `Use ids from 0 to ${probs.length - 1}.`,
    });
  };
  if (options.difference) {
    const { target, distractor } = options.difference;
    check(target);
    check(distractor);
    if (target === distractor) {
      throw new GlassboxError(`the difference of '${text(target)}' to itself is always 0`, {
        code: 'same-token',
        remedy: 'Give two different tokens.',
      });
    }
    const label = `${text(target)} − ${text(distractor)}`;
    const vector = direction([
      [target, 1],
      [distractor, -1],
    ]);
    return [{ id: probs.length, label, probability: 1, vector }];
  }
  const asToken = (id: number): LogitTarget => {
    check(id);
    return { id, label: text(id), probability: probs[id], vector: direction([[id, 1]]) };
  };
  if (options.tokens) {
    if (options.tokens.length > 0) return [...new Set(options.tokens)].map(asToken);
    throw new GlassboxError('no target token is given', {
      code: 'bad-token',
      remedy: 'Name at least one token, or none at all for the likeliest ones.',
    });
  }
  const order = Array.from(probs.keys()).sort((a, b) => probs[b] - probs[a] || a - b);
  const { maxLogits = 10, logitShare = 0.95 } = options;
  const chosen: number[] = [];
  let carried = 0;
  for (const id of order) {
    // One logit is explained in any case: a graph without would lead nowhere.
    if (chosen.length > 0 && (chosen.length >= maxLogits || carried >= logitShare)) break;
    chosen.push(id);
    carried += probs[id];
  }
  return chosen.map(asToken);
}

/** The logits that a prompt's graph would explain; see {@link logitTargets}. */
export async function attributionTargets(
  model: Model,
  tokens: readonly number[],
  options: TargetOptions = {},
): Promise<LogitTarget[]> {
  const { logits } = await model.forward(tokens, { logits: 'last' });
  return logitTargets(model, logits!.data as Float32Array, options);
}
