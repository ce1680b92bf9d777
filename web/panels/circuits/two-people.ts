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
