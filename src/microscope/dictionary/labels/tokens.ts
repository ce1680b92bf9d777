import type { FeatureEvents, TextColumns } from './scan.ts';

/** A feature described by the tokens it fires on, or fires just after. */
export interface TokenSet {
  /** Whether the tokens are those it fires on, or those before. */
  readonly where: 'on' | 'after';
  readonly ids: readonly number[];
  /** The feature counts as firing from this activation on. */
  readonly threshold: number;
  /** F1 on the text that the choice was made on. */
  readonly f1: number;
}

/** Tokens named at most. */
const NAMED = 4;
/** Tokens considered. */
const CONSIDERED = 12;
/** Thresholds tried, as shares of the largest activation. */
const LEVELS = [0, 0.25, 0.5];

/**
 * Finds the few tokens that say best where a feature fires: greedily, by F1 of "the token is one of them" against "the
 * feature fires", for the token itself and for the one before, at three thresholds.
 */
export function createTokenChooser(
  text: TextColumns,
): (events: FeatureEvents, feature: number) => TokenSet | null {
  const places = [
    { where: 'on', ids: text.ids },
    { where: 'after', ids: text.previous },
  ] as const;
  const totals = places.map(({ ids }) => {
    const counts = new Map<number, number>();
    for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1);
    return counts;
  });
  return ({ start, token, value }, feature) => {
    const [first, end] = [start[feature], start[feature + 1]];
    let best: TokenSet | null = null;
    for (const level of LEVELS) {
      const least = level * value[first];
      let last = first;
      while (last < end && value[last] >= least) last++;
      for (const [p, { where, ids }] of places.entries()) {
        const hits = new Map<number, number>();
        for (let i = first; i < last; i++) {
          const id = ids[token[i]];
          hits.set(id, (hits.get(id) ?? 0) + 1);
        }
        const found = greedy(hits, totals[p], last - first);
        if (found.f1 > (best?.f1 ?? 0)) {
          best = { where, ...found, threshold: value[last - 1] };
        }
      }
    }
    return best;
  };
}

/** Adds tokens while F1 rises. */
function greedy(
  hits: ReadonlyMap<number, number>,
  totals: ReadonlyMap<number, number>,
  fired: number,
): { readonly ids: readonly number[]; readonly f1: number } {
  const open = [...hits]
    .filter(([id]) => id >= 0)
    .sort((a, b) => b[1] - a[1] || a[0] - b[0])
    .slice(0, CONSIDERED);
  const ids: number[] = [];
  let [f1, hit, total] = [0, 0, 0];
  while (ids.length < NAMED && open.length > 0) {
    const scores = open.map(([id, n]) => (2 * (hit + n)) / (fired + total + (totals.get(id) ?? 0)));
    const at = scores.indexOf(Math.max(...scores));
    if (scores[at] <= f1) break;
    const [[id, n]] = open.splice(at, 1);
    f1 = scores[at];
    hit += n;
    total += totals.get(id) ?? 0;
    ids.push(id);
  }
  return { ids, f1 };
}

/** Looks up the tokens of a text at which a set's tokens stand, or stand just before. */
export function createTokenFinder(text: TextColumns): (set: TokenSet) => number[] {
  const index = (ids: ArrayLike<number>) => {
    const places = new Map<number, number[]>();
    for (let i = 0; i < ids.length; i++) {
      const list = places.get(ids[i]);
      if (list) list.push(i);
      else places.set(ids[i], [i]);
    }
    return places;
  };
  const [on, after] = [index(text.ids), index(text.previous)];
  return ({ where, ids }) => ids.flatMap((id) => (where === 'on' ? on : after).get(id) ?? []);
}
