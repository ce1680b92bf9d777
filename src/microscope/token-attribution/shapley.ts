import { GlassboxError } from '../../base/error.ts';
import { Rng } from '../../base/rng.ts';
import { type Coalition, type Game, type PlayerAttribution, requirePlayers } from './game.ts';

/**
 * Shapley values from random orders of players (Castro et al. 2009), each followed by its reverse, which
 * cancels part of the noise. The values sum to value(all) − value(none) exactly.
 *
 * @param options.orders how many orders, 16 unless told; rounded up to pairs
 * @throws GlassboxError `no-players`, `bad-option` for less than one order
 */
export async function sampledShapley(
  game: Game,
  options: { readonly orders?: number; readonly seed?: number } = {},
): Promise<PlayerAttribution> {
  requirePlayers(game);
  const { players } = game;
  const { orders: count = 16 } = options;
  if (!(count > 0)) {
    throw new GlassboxError(`${count} orders of players give no values`, {
      code: 'bad-option',
      remedy: 'Give at least one order.',
    });
  }
  const rng = new Rng(options.seed ?? 0);
  const everyone = Array.from({ length: players }, (_, i) => i);
  const orders = Array.from({ length: Math.ceil(count / 2) }, () => rng.shuffle(everyone)).flatMap(
    (order) => [order, [...order].reverse()],
  );
  const coalitions: Coalition[] = [];
  for (const order of orders) {
    const present = new Uint8Array(players);
    coalitions.push(present.slice());
    for (const player of order) {
      present[player] = 1;
      coalitions.push(present.slice());
    }
  }
  const found = await game.value(coalitions);
  const values = new Array<number>(players).fill(0);
  orders.forEach((order, i) => {
    const start = i * (players + 1);
    order.forEach((player, step) => {
      values[player] += (found[start + step + 1] - found[start + step]) / orders.length;
    });
  });
  return { values, evaluations: coalitions.length };
}
