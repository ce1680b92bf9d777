import type { HeadEffect, HeadKind, IntervalView } from '../../../src/lab/api.ts';

/** One head with what is known about it. */
export interface HeadRow {
  readonly layer: number;
  readonly head: number;
  /** Direct effect on the chosen direction in logits; undefined without a target. */
  readonly effect?: number;
  /** Scores on repeated random tokens; undefined until they are asked for. */
  readonly kinds?: HeadKind;
}

/** By what heads can be ordered. */
export type HeadSort = 'effect' | 'layer' | 'previousToken' | 'duplicateToken' | 'induction';

/** Whether an order needs the scores on random tokens. */
export function needsScores(
  sort: HeadSort,
): sort is 'previousToken' | 'duplicateToken' | 'induction' {
  return sort !== 'effect' && sort !== 'layer';
}

/** `L2H3`. */
export function headName({ layer, head }: Pick<HeadRow, 'layer' | 'head'>): string {
  return `L${layer}H${head}`;
}

/** The score that an order looks at, where it is one with an interval. */
export function scoreOf(row: HeadRow, sort: HeadSort): IntervalView | undefined {
  return needsScores(sort) ? row.kinds?.[sort] : undefined;
}

/** Every head of a model with the effects and scores that are known. */
export function headRows(
  size: { readonly layers: readonly number[]; readonly heads: number },
  known: {
    readonly effects: readonly HeadEffect[] | null;
    readonly scores: readonly HeadKind[] | undefined;
  },
): HeadRow[] {
  const key = (layer: number, head: number) => `${layer}.${head}`;
  const effects = new Map(known.effects?.map((one) => [key(one.layer, one.head), one.effect]));
  const kinds = new Map(known.scores?.map((one) => [key(one.layer, one.head), one]));
  return size.layers.flatMap((layer) =>
    Array.from({ length: size.heads }, (_, head) => ({
      layer,
      head,
      effect: effects.get(key(layer, head)),
      kinds: kinds.get(key(layer, head)),
    })),
  );
}

/**
 * Heads in an order: by layer as they are, by effect with the largest size first (either sign), by score
 * with the highest first. Heads whose value is not known keep their order after the others.
 */
export function sortHeads(rows: readonly HeadRow[], sort: HeadSort): readonly HeadRow[] {
  if (sort === 'layer') return rows;
  const value = (row: HeadRow) =>
    sort === 'effect'
      ? row.effect === undefined
        ? Number.NEGATIVE_INFINITY
        : Math.abs(row.effect)
      : (scoreOf(row, sort)?.mean ?? Number.NEGATIVE_INFINITY);
  return rows
    .map((row, index) => ({ row, index, value: value(row) }))
    .sort((a, b) => (a.value === b.value ? a.index - b.index : b.value - a.value))
    .map(({ row }) => row);
}

/** One entry of a list of attention weights. */
export interface Weight {
  readonly position: number;
  readonly weight: number;
}

/** The largest weights, largest first, and what all the others have together. */
export function largest(
  weights: readonly Weight[],
  count: number,
): { readonly top: readonly Weight[]; readonly rest: number; readonly hidden: number } {
  const sorted = [...weights].sort((a, b) => b.weight - a.weight || a.position - b.position);
  const others = sorted.slice(count);
  return {
    top: sorted.slice(0, count),
    rest: others.reduce((sum, { weight }) => sum + weight, 0),
    hidden: others.length,
  };
}
