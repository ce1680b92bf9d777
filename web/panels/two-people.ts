/**
 * Whether a prompt is about two people of whom one acts: the distractor's token stands twice, the target's once, and
 * both are named before the distractor acts.
 */
export function isTwoPeople(
  tokens: readonly number[],
  { target, distractor }: { readonly target: number; readonly distractor: number },
): boolean {
  const places = (id: number) => tokens.flatMap((token, i) => (token === id ? [i] : []));
  const [io, subject] = [places(target), places(distractor)];
  return io.length === 1 && subject.length === 2 && io[0] < subject[1];
}

/** The same sentence with the first mentions of two names exchanged, which keeps who acts; null where it cannot be. */
export function swapNames(
  prompt: string,
  { target, distractor }: { readonly target: string; readonly distractor: string },
): string | null {
  const [one, other] = [target.trim(), distractor.trim()];
  const [a, b] = [prompt.indexOf(one), prompt.indexOf(other)];
  if (one === '' || other === '' || a < 0 || b < 0 || one.includes(other) || other.includes(one)) {
    return null;
  }
  const [first, second] = a < b ? [one, other] : [other, one];
  const [from, to] = [Math.min(a, b), Math.max(a, b)];
  return (
    prompt.slice(0, from) +
    second +
    prompt.slice(from + first.length, to) +
    first +
    prompt.slice(to + second.length)
  );
}
