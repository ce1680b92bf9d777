import { Rng } from '../../base/rng.ts';
import {
  type Coalition,
  choose,
  coalitionOf,
  type Game,
  type PlayerAttribution,
  requirePlayers,
  uniformCoalition,
} from './game.ts';
import { weightedLeastSquares } from './linear.ts';

/** All coalitions but the empty and the full one, with the kernel's weights. */
function every(players: number): { coalitions: Coalition[]; weights: number[] } {
  const coalitions: Coalition[] = [];
  const weights: number[] = [];
  for (let bits = 1; bits < 2 ** players - 1; bits++) {
    const coalition = coalitionOf(bits, players);
    const size = coalition.reduce((a, b) => a + b, 0);
    coalitions.push(coalition);
    weights.push((players - 1) / (choose(players, size) * size * (players - size)));
  }
  return { coalitions, weights };
}

/** Coalitions drawn by the kernel, each with its complement; all weigh the same then. */
function sample(
  players: number,
  samples: number,
  seed: number,
): { coalitions: Coalition[]; weights: number[] } {
  const rng = new Rng(seed);
  const sizes = Array.from({ length: players - 1 }, (_, i) => 1 / ((i + 1) * (players - i - 1)));
  const total = sizes.reduce((a, b) => a + b, 0);
  const everyone = Array.from({ length: players }, (_, i) => i);
  const coalitions: Coalition[] = [];
  for (let i = 0; i < Math.ceil(samples / 2); i++) {
    let left = rng.next() * total;
    let size = 1;
    while (size < players - 1 && left >= sizes[size - 1]) left -= sizes[size++ - 1];
    const coalition = new Uint8Array(players);
    for (const player of rng.sample(everyone, size)) coalition[player] = 1;
    coalitions.push(
      coalition,
      coalition.map((x) => 1 - x),
    );
  }
  return { coalitions, weights: coalitions.map(() => 1) };
}

/**
 * Kernel SHAP (Lundberg & Lee 2017): Shapley values as a weighted linear regression on coalitions, with the
 * constraint that they sum to value(all) − value(none). Exact when all coalitions fit into the samples.
 *
 * @param options.samples coalitions to draw, 256 unless told
 */
export async function kernelShap(
  game: Game,
  options: { readonly samples?: number; readonly seed?: number } = {},
): Promise<PlayerAttribution> {
  requirePlayers(game);
  const { players } = game;
  const samples = options.samples ?? 256;
  const ends = [uniformCoalition(players, 0), uniformCoalition(players, 1)];
  if (players === 1) {
    const [none, all] = await game.value(ends);
    return { values: [all - none], evaluations: 2 };
  }
  const fits = players <= 20 && 2 ** players - 2 <= samples;
  const { coalitions, weights } = fits
    ? every(players)
    : sample(players, samples, options.seed ?? 0);
  const [none, all, ...values] = await game.value([...ends, ...coalitions]);
  const total = all - none;
  // The last player gets what the others leave of the total, which removes one unknown.
  const last = players - 1;
  const rows = coalitions.map((coalition) =>
    Array.from(coalition.subarray(0, last), (x) => x - coalition[last]),
  );
  const y = values.map((value, i) => value - none - coalitions[i][last] * total);
  const first = weightedLeastSquares(rows, y, { weights, ridge: 1e-9 });
  const rest = total - first.reduce((a, b) => a + b, 0);
  return { values: [...first, rest], evaluations: coalitions.length + 2 };
}
