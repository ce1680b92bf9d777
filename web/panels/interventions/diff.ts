/** A piece of text in both continuations, or in one of them. */
export interface DiffPiece {
  readonly kind: 'same' | 'before' | 'after';
  readonly text: string;
}

/**
 * The shortest way from one list of tokens to another: a longest common subsequence, with what only the
 * first has before what only the second has. Quadratic, for continuations of a few hundred tokens.
 */
export function diffTokens(before: readonly string[], after: readonly string[]): DiffPiece[] {
  const width = after.length + 1;
  const common = new Uint32Array((before.length + 1) * width);
  for (let i = before.length - 1; i >= 0; i--) {
    for (let j = after.length - 1; j >= 0; j--) {
      common[i * width + j] =
        before[i] === after[j]
          ? common[(i + 1) * width + j + 1] + 1
          : Math.max(common[(i + 1) * width + j], common[i * width + j + 1]);
    }
  }
  const out: DiffPiece[] = [];
  let i = 0;
  let j = 0;
  while (i < before.length || j < after.length) {
    if (i < before.length && j < after.length && before[i] === after[j]) {
      out.push({ kind: 'same', text: before[i] });
      i++;
      j++;
      continue;
    }
    const dropFirst =
      j >= after.length ||
      (i < before.length && common[(i + 1) * width + j] >= common[i * width + j + 1]);
    if (dropFirst) out.push({ kind: 'before', text: before[i++] });
    else out.push({ kind: 'after', text: after[j++] });
  }
  return out;
}
