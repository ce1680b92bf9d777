import type { ProgressListener } from '../../base/progress.ts';
import type { Model } from '../../model/model.ts';
import { type PlayerAttribution, requirePlayers, uniformCoalition } from './game.ts';
import { gradientTimesInput, integratedGradients, tokenPatching } from './gradients.ts';
import { kernelShap } from './kernel-shap.ts';
import { lime } from './lime.ts';
import { sampledShapley } from './shapley.ts';
import {
  pairwiseStability,
  type Stability,
  sharedTokens,
  spearman,
  stabilityOf,
} from './stability.ts';
import { type TokenGame, type TokenTask, tokenGame } from './token-game.ts';

/** The methods that attribute an answer to tokens. */
export const tokenMethods = [
  'patching',
  'gradient-x-input',
  'integrated-gradients',
  'kernel-shap',
  'sampled-shapley',
  'lime',
  'attention',
] as const;
/** The name of a method that shares a prediction out over tokens. */
export type TokenMethod = (typeof tokenMethods)[number];

interface MethodOptions {
  readonly seed: number;
  readonly samples: number;
  readonly steps: number;
}

interface Method {
  /** Whether the outcome depends on the seed. */
  readonly random: boolean;
  /** Values are shares of attention instead of parts of the metric. */
  readonly shares?: true;
  readonly run: (game: TokenGame, options: MethodOptions) => Promise<PlayerAttribution>;
}

const methods: { readonly [M in TokenMethod]: Method } = {
  patching: { random: false, run: tokenPatching },
  'gradient-x-input': { random: false, run: gradientTimesInput },
  'integrated-gradients': { random: false, run: integratedGradients },
  'kernel-shap': { random: true, run: kernelShap },
  'sampled-shapley': {
    random: true,
    run: (game, { samples, seed }) =>
      // Orders come in pairs; a pair too many would go over the runs that the others may use.
      sampledShapley(game, {
        orders: 2 * Math.max(1, Math.floor(samples / (game.players + 1) / 2)),
        seed,
      }),
  },
  lime: { random: true, run: lime },
  attention: {
    random: false,
    shares: true,
    run: async (game) => ({ values: await game.rollout(), evaluations: 1 }),
  },
};

/** Which methods are compared, and how thoroughly. */
export interface TokenAttributionOptions {
  /** All unless told. */
  readonly methods?: readonly TokenMethod[];
  /** Seeds that random methods are repeated with, 5 unless told. */
  readonly seeds?: number;
  /** Runs a random method may use, 256 unless told. */
  readonly samples?: number;
  /** Points of integrated gradients, 32 unless told. */
  readonly steps?: number;
  /** The same question in other words; compared on the tokens they share. */
  readonly paraphrases?: readonly (readonly number[])[];
  readonly progress?: ProgressListener;
  readonly signal?: AbortSignal;
}

/** What one method says, and how much to trust it. */
export interface MethodResult {
  readonly method: TokenMethod;
  /** What `values` are in: the metric's unit, or shares of 1 for attention rollout. */
  readonly unit: 'metric' | 'share';
  /** One number per position of `TokenAttribution.positions`, mean over seeds. */
  readonly values: readonly number[];
  readonly evaluations: number;
  /**
   * Sum of the values minus (metric of the prompt − metric of the baseline): 0 for methods that share the answer out
   * completely (integrated gradients, Shapley values); null for shares of attention.
   */
  readonly gap: number | null;
  /** Rank correlation between seeds; null where no seed is used. */
  readonly overSeeds: Stability | null;
  /**
   * Rank correlation with paraphrases on shared tokens, means over seeds on both sides; null without any that can be
   * compared.
   */
  readonly overParaphrases: Stability | null;
}

/** Attributions of one prompt by several methods. */
export interface TokenAttribution {
  readonly positions: readonly number[];
  /** Logit difference, or log-probability in nats: of the prompt, and with the baseline at all positions. */
  readonly metric: { readonly prompt: number; readonly baseline: number };
  readonly results: readonly MethodResult[];
  /** Rank correlation of every two methods, `[method][method]`. */
  readonly agreement: readonly (readonly number[])[];
}

/**
 * Attributes a prompt's answer to its tokens by several methods, and measures how stable each is: rank
 * correlation over seeds, over paraphrases, and between methods. Beside each stands how far it is from sharing
 * the answer out completely.
 *
 * @throws GlassboxError `no-players`, `not-finite`, and what is wrong with a prompt
 */
export async function attributeTokens(
  model: Model,
  task: TokenTask,
  options: TokenAttributionOptions = {},
): Promise<TokenAttribution> {
  const { samples = 256, steps = 32, seeds = 5 } = options;
  const chosen = options.methods ?? tokenMethods;
  const game = tokenGame(model, task);
  const paraphrases = (options.paraphrases ?? []).map((tokens) => ({
    game: tokenGame(model, { ...task, tokens, fixed: undefined }),
    shared: sharedTokens(task.tokens, tokens),
  }));
  requirePlayers(game);
  const [baseline, prompt] = await game.value([
    uniformCoalition(game.players, 0),
    uniformCoalition(game.players, 1),
  ]);
  const results: MethodResult[] = [];
  for (const method of chosen) {
    options.signal?.throwIfAborted();
    const { random, shares, run } = methods[method];
    const overSeeds = async (one: TokenGame) => {
      const runs: PlayerAttribution[] = [];
      for (let seed = 0; seed < (random ? seeds : 1); seed++) {
        options.signal?.throwIfAborted();
        runs.push(await run(one, { seed, samples, steps }));
      }
      const mean = one.positions.map(
        (_, i) => runs.reduce((sum, { values }) => sum + values[i], 0) / runs.length,
      );
      return { runs, mean };
    };
    const { runs, mean } = await overSeeds(game);
    const correlations: number[] = [];
    for (const other of paraphrases) {
      const found = await overSeeds(other.game);
      const pairs = other.shared.flatMap(([inA, inB]): [number, number][] => {
        const [a, b] = [game.positions.indexOf(inA), other.game.positions.indexOf(inB)];
        return a < 0 || b < 0 ? [] : [[mean[a], found.mean[b]]];
      });
      correlations.push(
        spearman(
          pairs.map(([a]) => a),
          pairs.map(([, b]) => b),
        ),
      );
    }
    const shared = mean.reduce((sum, value) => sum + value, 0);
    results.push({
      method,
      unit: shares ? 'share' : 'metric',
      values: mean,
      evaluations: runs[0].evaluations,
      gap: shares ? null : shared - (prompt - baseline),
      overSeeds: random ? pairwiseStability(runs.map(({ values }) => values)) : null,
      overParaphrases: stabilityOf(correlations),
    });
    const [done, total] = [results.length, chosen.length];
    options.progress?.({ label: 'methods', done, total, unit: 'methods' });
  }
  return {
    positions: game.positions,
    metric: { prompt, baseline },
    results,
    agreement: results.map((a) => results.map((b) => spearman(a.values, b.values))),
  };
}
