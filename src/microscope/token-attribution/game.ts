import { GlassboxError } from '../../base/error.ts';

/** Who takes part: 1 present, 0 absent, one entry per player. */
export type Coalition = Uint8Array;

/** A cooperative game: tokens are players, the metric without the absent ones is the value. */
export interface Game {
  readonly players: number;
  /** The value of every coalition, in the metric's unit. */
  value(coalitions: readonly Coalition[]): Promise<readonly number[]>;
}

/** What every method gives: one number per player, in the metric's unit. */
export interface PlayerAttribution {
  readonly values: readonly number[];
  /** How many coalitions or gradients were computed. */
  readonly evaluations: number;
}

/** Most players whose coalitions are all listed. */
const ALL_COALITIONS = 16;

/** The coalition that a number's bits name. */
export function coalitionOf(bits: number, players: number): Coalition {
  return Uint8Array.from({ length: players }, (_, i) => (bits >> i) & 1);
}

/** Everybody, or nobody. */
export function uniformCoalition(players: number, present: 0 | 1): Coalition {
  return new Uint8Array(players).fill(present);
}

/** Binomial coefficient. */
export function choose(n: number, k: number): number {
  let out = 1;
  for (let i = 1; i <= k; i++) out = (out * (n - k + i)) / i;
  return out;
}

/** Throws `no-players`. */
export function requirePlayers({ players }: Game): void {
  if (players > 0) return;
  throw new GlassboxError('there is no token to attribute to', {
    code: 'no-players',
    remedy: 'Give a prompt with at least one token beside the fixed ones.',
  });
}

/**
 * Shapley values by their definition (Shapley 1953), from all 2^players coalitions.
 *
 * @throws GlassboxError `too-many-players` beyond 16
 */
export async function exactShapley(game: Game): Promise<PlayerAttribution> {
  requirePlayers(game);
  const { players } = game;
  if (players > ALL_COALITIONS) {
    throw new GlassboxError(`${players} tokens have ${2 ** players} coalitions`, {
      code: 'too-many-players',
      remedy: `Use sampled Shapley values beyond ${ALL_COALITIONS} tokens.`,
    });
  }
  const count = 2 ** players;
  const values = await game.value(
    Array.from({ length: count }, (_, bits) => coalitionOf(bits, players)),
  );
  const sizes = Array.from({ length: count }, (_, bits) =>
    coalitionOf(bits, players).reduce((a, b) => a + b, 0),
  );
  const shapley = Array.from({ length: players }, (_, player) => {
    let total = 0;
    for (let bits = 0; bits < count; bits++) {
      if ((bits >> player) & 1) continue;
      const weight = 1 / (players * choose(players - 1, sizes[bits]));
      total += weight * (values[bits | (1 << player)] - values[bits]);
    }
    return total;
  });
  return { values: shapley, evaluations: count };
}
