import { type PlayerAttribution, uniformCoalition } from './game.ts';
import type { TokenGame } from './token-game.ts';

/** Integrated gradients, and how far they are from adding up. */
export interface IntegratedGradients extends PlayerAttribution {
  /**
   * Sum of the attributions minus (metric of the prompt − metric of the baseline): 0 for an exact integral
   * (completeness).
   */
  readonly gap: number;
}

/**
 * Integrated gradients over token embeddings (Sundararajan et al. 2017): the gradient averaged along the straight
 * line from the baseline to the prompt, times the difference, by the midpoint rule.
 *
 * @param options.steps points on the line, 32 unless told
 */
export async function integratedGradients(
  game: TokenGame,
  options: { readonly steps?: number } = {},
): Promise<IntegratedGradients> {
  const steps = options.steps ?? 32;
  const runs = await game.gradients(
    Array.from({ length: steps }, (_, k) =>
      new Array<number>(game.players).fill((k + 0.5) / steps),
    ),
  );
  const values = Array.from(
    { length: game.players },
    (_, i) => runs.reduce((sum, { timesChange }) => sum + timesChange[i], 0) / steps,
  );
  const [none, all] = await game.value([
    uniformCoalition(game.players, 0),
    uniformCoalition(game.players, 1),
  ]);
  const gap = values.reduce((a, b) => a + b, 0) - (all - none);
  return { values, gap, evaluations: steps + 2 };
}

/** Gradient × input on the prompt itself (Shrikumar et al. 2016). */
export async function gradientTimesInput(game: TokenGame): Promise<PlayerAttribution> {
  const [{ timesInput }] = await game.gradients([new Array<number>(game.players).fill(1)]);
  return { values: timesInput, evaluations: 1 };
}

/** What the metric loses when one token's embedding is patched with the baseline, for each. */
export async function tokenPatching(game: TokenGame): Promise<PlayerAttribution> {
  const all = uniformCoalition(game.players, 1);
  const without = Array.from({ length: game.players }, (_, i) => {
    const coalition = all.slice();
    coalition[i] = 0;
    return coalition;
  });
  const [whole, ...left] = await game.value([all, ...without]);
  return { values: left.map((value) => whole - value), evaluations: left.length + 1 };
}
