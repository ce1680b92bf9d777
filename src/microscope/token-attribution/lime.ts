import { Rng } from '../../base/rng.ts';
import { type Game, type PlayerAttribution, requirePlayers, uniformCoalition } from './game.ts';
import { weightedLeastSquares } from './linear.ts';

/**
 * LIME (Ribeiro et al. 2016) for text: random tokens are left out, and a ridge regression weighted by closeness to
 * the whole prompt says what each is worth. Closeness is exp(−d² / width²) with d the cosine distance of
 * who is present to everybody.
 *
 * @param options.samples 256 unless told
 * @param options.width kernel width, 0.25 unless told
 * @param options.ridge 1 unless told
 */
export async function lime(
  game: Game,
  options: {
    readonly samples?: number;
    readonly width?: number;
    readonly ridge?: number;
    readonly seed?: number;
  } = {},
): Promise<PlayerAttribution> {
  requirePlayers(game);
  const { samples = 256, width = 0.25, ridge = 1, seed = 0 } = options;
  const { players } = game;
  const rng = new Rng(seed);
  const everyone = Array.from({ length: players }, (_, i) => i);
  const coalitions = [uniformCoalition(players, 1)];
  while (coalitions.length < samples) {
    const coalition = uniformCoalition(players, 1);
    for (const player of rng.sample(everyone, 1 + rng.int(players))) coalition[player] = 0;
    coalitions.push(coalition);
  }
  const values = await game.value(coalitions);
  const weights = coalitions.map((coalition) => {
    const present = coalition.reduce((a, b) => a + b, 0);
    const distance = 1 - Math.sqrt(present / players);
    return Math.exp(-((distance / width) ** 2));
  });
  const rows = coalitions.map((coalition) => [1, ...coalition]);
  const [, ...coefficients] = weightedLeastSquares(rows, values, { weights, ridge, free: 0 });
  return { values: coefficients, evaluations: coalitions.length };
}
