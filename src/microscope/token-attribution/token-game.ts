import { GlassboxError } from '../../base/error.ts';
import { add, gather, input, mul, reshape, sub, sum } from '../../graph/build.ts';
import { grad } from '../../graph/gradient.ts';
import type { Tensor, TensorData } from '../../graph/op.ts';
import { createProgram, type Program } from '../../graph/program.ts';
import type { ModelConfig } from '../../model/config.ts';
import type { Model } from '../../model/model.ts';
import { toBatch } from '../../model/run/batch.ts';
import { parameterInputs } from '../../model/run/program.ts';
import { traceForward } from '../../model/transformer/forward.ts';
import { type CircuitMetric, traceMetric } from '../circuits/metric.ts';
import type { Coalition, Game } from './game.ts';
import { attentionRollout } from './rollout.ts';

/** What stands in for a token that is left out: the mean embedding of the vocabulary, or nothing. */
export const tokenBaselines = ['mean', 'zero'] as const;
/** The name of what stands in for a token that is taken out. */
export type TokenBaseline = (typeof tokenBaselines)[number];

/** A prompt and what its tokens are to explain. */
export interface TokenTask {
  readonly tokens: readonly number[];
  readonly target: number;
  /** With it the logit difference is explained, without it the log-probability of the target in nats. */
  readonly distractor?: number;
  /** `mean` unless told. */
  readonly baseline?: TokenBaseline;
  /** Positions that are always there; position 0 when it holds the begin-of-text token. */
  readonly fixed?: readonly number[];
}

/**
 * Runs of one prompt with every token's embedding somewhere between the baseline (presence 0) and itself
 * (presence 1). Outputs `metric` `[batch]`, and with gradients `timesChange` and `timesInput`
 * `[batch, pos]`: gradient · (embedding − baseline), gradient · embedding.
 */
function presenceProgram(
  config: ModelConfig,
  options: { readonly metric: CircuitMetric; readonly gradients: boolean },
): Program {
  const presence = input('presence', ['batch', 'pos']);
  const baseline = reshape(input('baseline', [config.dModel]), [1, 1, config.dModel]);
  const row = input('row', ['batch'], 'int64');
  let own: Tensor | null = null;
  let mixed: Tensor | null = null;
  const { logits } = traceForward(config, {
    // Every row is the same prompt, so one row of embeddings serves all.
    tokens: gather(input('tokens', ['examples', 'pos'], 'int64'), row),
    param: parameterInputs(config),
    wants: (address) => address === 'hook_embed',
    hook(_, embedding) {
      own = embedding;
      const share = reshape(presence, ['batch', 'pos', 1]);
      mixed = add(baseline, mul(share, sub(embedding, baseline)));
      return mixed;
    },
    logitsAt: input('last', ['batch'], 'int64'),
  });
  const metric = traceMetric(options.metric, logits, row);
  if (!options.gradients) return createProgram({ metric });
  const [gradient] = grad(sum(metric), [mixed!]);
  return createProgram({
    metric,
    timesChange: sum(mul(gradient, sub(own!, baseline)), { axes: 2 }),
    timesInput: sum(mul(gradient, own!), { axes: 2 }),
  });
}

/** The mean token embedding, or zeros, `[d_model]`, in the scale of `hook_embed`. */
function baselineVector({ config, params }: Model, kind: TokenBaseline): TensorData {
  const { dModel, dVocab, embedScale } = config;
  const mean = new Float64Array(dModel);
  if (kind === 'mean') {
    const table = params['embed.weight'].data as Float32Array;
    for (let i = 0; i < table.length; i++) mean[i % dModel] += (table[i] * embedScale) / dVocab;
  }
  return { dtype: 'float32', shape: [dModel], data: Float32Array.from(mean) };
}

/** Numbers of one presence run. */
export interface PresenceRun {
  readonly metric: number;
  readonly timesChange: readonly number[];
  readonly timesInput: readonly number[];
}

/** A prompt as a game of its tokens, with gradients for methods that use them. */
export interface TokenGame extends Game {
  /** Positions of the players. */
  readonly positions: readonly number[];
  /** Runs with every player at a share of its presence, one share per row and player. */
  gradients(presence: readonly (readonly number[])[]): Promise<PresenceRun[]>;
  /** Attention rollout from the last position to every player, as shares of 1. */
  rollout(): Promise<number[]>;
}

/** Rows per native run. */
const BATCH = 32;

const int64 = (values: readonly number[], shape: readonly number[]): TensorData => ({
  dtype: 'int64',
  shape,
  data: BigInt64Array.from(values, BigInt),
});

/**
 * Makes the tokens of a prompt players of a game whose value is the logit difference, or the
 * log-probability of the target, at the last position.
 *
 * @throws GlassboxError `bad-token`, `prompt-too-long`, `empty-prompt`; `not-finite`
 */
export function tokenGame(model: Model, task: TokenTask): TokenGame {
  const { config, runner } = model;
  const { tokens, target, distractor, baseline = 'mean' } = task;
  if (target === distractor) {
    throw new GlassboxError(`the difference of token #${target} to itself is always 0`, {
      code: 'same-token',
      remedy: 'Give two different tokens.',
    });
  }
  const { tokens: batch } = toBatch(config, tokens);
  const fixed = new Set(task.fixed ?? (tokens[0] === config.tokens.bos ? [0] : []));
  const positions = tokens.map((_, i) => i).filter((i) => !fixed.has(i));
  const metric: CircuitMetric = distractor === undefined ? 'log-prob' : 'logit-diff';
  const shared: Record<string, TensorData> = {
    tokens: batch,
    baseline: baselineVector(model, baseline),
    target: int64([target], [1]),
    ...(distractor === undefined ? {} : { distractor: int64([distractor], [1]) }),
  };

  const run = async (rows: readonly (readonly number[])[], gradients: boolean) => {
    const pos = tokens.length;
    const presence = new Float32Array(rows.length * pos).fill(1);
    rows.forEach((row, r) => {
      positions.forEach((position, i) => {
        presence[r * pos + position] = row[i];
      });
    });
    const key = `presence ${metric} ${gradients}`;
    const kept = runner.program(key, 'fed', () => presenceProgram(config, { metric, gradients }));
    const found = await runner.run(kept, {
      ...shared,
      presence: { dtype: 'float32', shape: [rows.length, pos], data: presence },
      row: int64(new Array<number>(rows.length).fill(0), [rows.length]),
      last: int64(new Array<number>(rows.length).fill(pos - 1), [rows.length]),
    });
    const values = Array.from(found.metric.data as Float32Array);
    if (values.every(Number.isFinite)) return { values, found };
    throw new GlassboxError('the metric is not a number on this prompt', {
      code: 'not-finite',
      remedy: 'Check the weights: numbers that are not finite spread through the whole model.',
      kind: 'failure',
    });
  };

  return {
    players: positions.length,
    positions,
    async rollout() {
      const shares = await attentionRollout(model, tokens);
      return positions.map((position) => shares[position]);
    },
    async value(coalitions: readonly Coalition[]) {
      const values: number[] = [];
      for (let start = 0; start < coalitions.length; start += BATCH) {
        const rows = coalitions.slice(start, start + BATCH).map((one) => Array.from(one));
        values.push(...(await run(rows, false)).values);
      }
      return values;
    },
    async gradients(presence) {
      const out: PresenceRun[] = [];
      const pos = tokens.length;
      for (let start = 0; start < presence.length; start += BATCH) {
        const { values, found } = await run(presence.slice(start, start + BATCH), true);
        const at = (name: 'timesChange' | 'timesInput', row: number) =>
          positions.map((position) => Number(found[name].data[row * pos + position]));
        values.forEach((value, row) => {
          const timesChange = at('timesChange', row);
          out.push({ metric: value, timesChange, timesInput: at('timesInput', row) });
        });
      }
      return out;
    },
  };
}
