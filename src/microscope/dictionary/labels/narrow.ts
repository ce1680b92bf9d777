import { largestCount } from './detect.ts';
import type { FeatureEvents, TextColumns } from './scan.ts';
import { createTokenFinder, placesOf, type TokenSet } from './tokens.ts';
import { TOKEN_PLACES, type TokenPlace } from './types.ts';

/** What narrows a set of tokens down: a concept that holds there too, or tokens at another place. */
export type Context =
  | { readonly concept: number }
  | { readonly where: TokenPlace; readonly ids: readonly number[] };

/** Tokens in a context: the feature fires where both hold. */
export interface NarrowSet extends TokenSet {
  readonly within: Context;
}

/** Tokens named at most, and the share of the largest activations from which no more are added. */
const NAMED = 4;
const ENOUGH = 0.95;
/** Concepts tried as a context, the rarest first. */
const CONSIDERED = 16;

/** A text with the places of its tokens looked up. */
interface Looked {
  readonly text: TextColumns;
  readonly find: ReturnType<typeof createTokenFinder>;
}

/**
 * Finds tokens and a context that together say best where a feature fires, for features that fire at some of a token's
 * places only: `'.'` in stories, `'the'` after `'to'`. Both must hold at a share of the largest activations, which
 * leaves few to try; of these the pair and the threshold with the largest F1 are kept.
 *
 * @returns null where no pair holds at that share
 */
export function createNarrower(
  text: TextColumns,
  options: {
    readonly concepts: number;
    /** Concepts that are common enough. */
    readonly accepts: (concept: number) => boolean;
    /** Share of the largest activations at which tokens and context must hold. */
    readonly largestBar: number;
    /** Tokens of the text at which both must hold, at least. */
    readonly least: number;
  },
): (events: FeatureEvents, feature: number) => NarrowSet | null {
  const { concepts, accepts, largestBar, least } = options;
  const looked: Looked = { text, find: createTokenFinder(text) };
  const columns = placesOf(text);
  const totals = new Uint32Array(concepts);
  for (const concept of text.held) totals[concept]++;
  const common = Array.from(totals.keys()).filter(accepts);
  const allowed = new Uint8Array(concepts);
  for (const concept of common) allowed[concept] = 1;

  /** The tokens most common among the largest activations, by place, where four cover enough of them. */
  function tokenSets(leading: Uint32Array): { where: TokenPlace; ids: number[] }[] {
    return TOKEN_PLACES.flatMap((where) => {
      const counts = new Map<number, number>();
      for (const i of leading) {
        const id = columns[where][i];
        if (id >= 0) counts.set(id, (counts.get(id) ?? 0) + 1);
      }
      const ids: number[] = [];
      let covered = 0;
      for (const [id, count] of [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0])) {
        if (ids.length === NAMED || covered >= ENOUGH * leading.length) break;
        ids.push(id);
        covered += count;
      }
      return covered >= largestBar * leading.length ? [{ where, ids }] : [];
    });
  }

  /** Concepts that hold at enough of the largest activations, the rarest first. */
  function contexts(leading: Uint32Array): number[] {
    const counts = new Map<number, number>();
    for (const i of leading) {
      for (let h = text.heldStart[i]; h < text.heldStart[i + 1]; h++) {
        const concept = text.held[h];
        if (allowed[concept]) counts.set(concept, (counts.get(concept) ?? 0) + 1);
      }
    }
    return [...counts]
      .filter(([, count]) => count >= largestBar * leading.length)
      .map(([concept]) => concept)
      .sort((a, b) => totals[a] - totals[b] || a - b)
      .slice(0, CONSIDERED);
  }

  return ({ start, token, value }, feature) => {
    const [first, end] = [start[feature], start[feature + 1]];
    const leading = token.subarray(first, first + largestCount(end - first));
    if (leading.length === 0) return null;
    const sets = tokenSets(leading);
    const held = contexts(leading);
    let best: NarrowSet | null = null;
    sets.forEach((set, s) => {
      const others = sets.slice(s + 1).map(({ where, ids }): Context => ({ where, ids }));
      const all = [...held.map((concept): Context => ({ concept })), ...others];
      for (const within of all) {
        const places = placesWithin(looked, set, within);
        if (places.length < least) continue;
        const both = new Set(places);
        let hits = 0;
        let f1 = 0;
        let threshold = 0;
        for (let i = first; i < end; i++) {
          if (both.has(token[i])) hits++;
          // Equal activations cannot be told apart by a threshold.
          if (i + 1 < end && value[i + 1] === value[i]) continue;
          const score = (2 * hits) / (i + 1 - first + places.length);
          if (score > f1) [f1, threshold] = [score, value[i]];
        }
        const largest = leading.filter((i) => both.has(i)).length / leading.length;
        if (largest < largestBar || f1 <= (best?.f1 ?? 0)) continue;
        best = { ...set, within, threshold, f1, largest };
      }
    });
    return best;
  };
}

/** Looks up where tokens stand in a context. */
export function createNarrowFinder(text: TextColumns): (set: NarrowSet) => number[] {
  const looked: Looked = { text, find: createTokenFinder(text) };
  return (set) => placesWithin(looked, set, set.within);
}

function placesWithin(
  { text, find }: Looked,
  set: Pick<TokenSet, 'where' | 'ids'>,
  within: Context,
): number[] {
  const places = find(set);
  if ('concept' in within) {
    return places.filter((i) =>
      text.held.subarray(text.heldStart[i], text.heldStart[i + 1]).includes(within.concept),
    );
  }
  const column = placesOf(text)[within.where];
  return places.filter((i) => within.ids.includes(column[i]));
}
