import type { AlignedColumn } from '../api.ts';

/** Beyond this many tokens in common places the table of an alignment would cost more than it shows. */
const MOST_CELLS = 4_000_000;

/**
 * Two prompts side by side: a longest common subsequence of equal tokens in the same columns, and
 * what differs between them paired from the left. Equally long prompts are paired by position, since
 * that is how patching compares them.
 */
export function alignTokens(a: readonly number[], b: readonly number[]): AlignedColumn[] {
  if (a.length === b.length || a.length * b.length > MOST_CELLS) {
    return Array.from({ length: Math.max(a.length, b.length) }, (_, i) => ({
      a: i < a.length ? i : null,
      b: i < b.length ? i : null,
      same: a[i] === b[i],
    }));
  }
  const width = b.length + 1;
  const common = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      common[i * width + j] =
        a[i] === b[j]
          ? common[(i + 1) * width + j + 1] + 1
          : Math.max(common[(i + 1) * width + j], common[i * width + j + 1]);
    }
  }
  const columns: AlignedColumn[] = [];
  let [fromA, fromB, i, j] = [0, 0, 0, 0];
  const flush = () => {
    for (; fromA < i || fromB < j; ) {
      columns.push({
        a: fromA < i ? fromA++ : null,
        b: fromB < j ? fromB++ : null,
        same: false,
      });
    }
  };
  while (i < a.length && j < b.length) {
    if (a[i] === b[j]) {
      flush();
      columns.push({ a: i++, b: j++, same: true });
      [fromA, fromB] = [i, j];
    } else if (common[(i + 1) * width + j] >= common[i * width + j + 1]) i++;
    else j++;
  }
  [i, j] = [a.length, b.length];
  flush();
  return columns;
}
