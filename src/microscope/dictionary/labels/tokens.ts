import { largestCount } from './detect.ts';
import type { FeatureEvents, TextColumns } from './scan.ts';
import { TOKEN_PLACES, type TokenPlace } from './types.ts';

/** A feature described by the tokens it fires on, just after, or just before. */
export interface TokenSet {
  /** Whether it fires on the tokens, just after them, or just before them: at what predicts them. */
  readonly where: TokenPlace;
  readonly ids: readonly number[];
  /** The feature counts as firing from this activation on. */
  readonly threshold: number;
  /** F1 on the text that the choice was made on. */
  readonly f1: number;
  /** Share of the largest activations there that stand so to one of the tokens. */
  readonly largest: number;
}

/** The token that stands on, before or after every token of a text, by place. */
export const placesOf = (text: TextColumns): Readonly<Record<TokenPlace, ArrayLike<number>>> => ({
  on: text.ids,
  after: text.previous,
  before: text.next,
});

/** Tokens named at most. */
const NAMED = 4;
/** Tokens considered. */
const CONSIDERED = 12;
/** Thresholds tried, as shares of the largest activation. */
const LEVELS = [0, 0.25, 0.5];

/**
 * Finds the few tokens that say best where a feature fires: greedily, by F1 of "the token is one of them" against "the
 * feature fires", for the token itself, the one before and the one after, at three thresholds. Sets that do not hold at a
 * share of the largest activations are left out; where none does, the set is the one that covers most of them.
 */
export function createTokenChooser(
  text: TextColumns,
  options: {
    /** Share of the largest activations at which a set must hold; 0 unless told. */
    readonly largestBar?: number;
  } = {},
): (events: FeatureEvents, feature: number) => TokenSet | null {
  const { largestBar = 0 } = options;
  const columns = placesOf(text);
  const places = TOKEN_PLACES.map((where) => ({ where, ids: columns[where] }));
  const totals = places.map(({ ids }) => {
    const counts = new Map<number, number>();
    for (const id of Array.from(ids)) counts.set(id, (counts.get(id) ?? 0) + 1);
    return counts;
  });
  return ({ start, token, value }, feature) => {
    const [first, end] = [start[feature], start[feature + 1]];
    const leading = largestCount(end - first);
    const setsUpTo = (last: number): TokenSet[] =>
      places.map(({ where, ids }, p) => {
        const hits = new Map<number, number>();
        for (let i = first; i < last; i++) {
          const id = ids[token[i]];
          hits.set(id, (hits.get(id) ?? 0) + 1);
        }
        const found = greedy(hits, totals[p], last - first);
        const named = new Set(found.ids);
        let covered = 0;
        for (let i = first; i < first + leading; i++) if (named.has(ids[token[i]])) covered++;
        return { where, ...found, threshold: value[last - 1], largest: covered / leading };
      });
    const sets = LEVELS.flatMap((level) => {
      let last = first;
      while (last < end && value[last] >= level * value[first]) last++;
      return setsUpTo(last);
    });
    const best = pick(
      sets.filter(({ largest }) => largest >= largestBar),
      ({ f1 }) => f1,
    );
    if (best || leading === 0) return best;
    return pick(setsUpTo(first + leading), ({ largest }) => largest);
  };
}

/** The set with the largest score above zero, the first of equals. */
function pick(sets: readonly TokenSet[], score: (set: TokenSet) => number): TokenSet | null {
  let best: TokenSet | null = null;
  for (const set of sets) if (score(set) > (best ? score(best) : 0)) best = set;
  return best;
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

/** Looks up the tokens of a text at which a set's tokens stand, or just before or after. */
export function createTokenFinder(
  text: TextColumns,
): (set: Pick<TokenSet, 'where' | 'ids'>) => number[] {
  const index = (ids: ArrayLike<number>) => {
    const places = new Map<number, number[]>();
    for (let i = 0; i < ids.length; i++) {
      const list = places.get(ids[i]);
      if (list) list.push(i);
      else places.set(ids[i], [i]);
    }
    return places;
  };
  const { on, after, before } = placesOf(text);
  const found = { on: index(on), after: index(after), before: index(before) };
  return ({ where, ids }) => ids.flatMap((id) => found[where].get(id) ?? []);
}
