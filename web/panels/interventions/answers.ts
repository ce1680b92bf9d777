import type { AnswerPair } from '../../../src/figures/answer-bars.ts';
import type { Guess } from '../../../src/lab/api.ts';

/**
 * The likeliest answers of either run, by their larger probability. One that the other run's list does not
 * reach has no probability there: it is only known to be small.
 *
 * @param options.count answers listed for each run
 */
export function pairAnswers(
  lists: { readonly before: readonly Guess[]; readonly after: readonly Guess[] },
  options: {
    readonly count: number;
    readonly target?: number;
    readonly distractor?: number;
    readonly show: (text: string) => string;
  },
): AnswerPair[] {
  const { count, target, distractor, show } = options;
  const probs = (list: readonly Guess[]) => new Map(list.map(({ id, prob }) => [id, prob]));
  const before = probs(lists.before);
  const after = probs(lists.after);
  const ids = new Map<number, string>();
  for (const list of [lists.before, lists.after]) {
    list.forEach(({ id, text }, rank) => {
      if (rank < count || id === target || id === distractor) ids.set(id, text);
    });
  }
  const largest = (id: number) => Math.max(before.get(id) ?? 0, after.get(id) ?? 0);
  return [...ids]
    .sort(([a], [b]) => largest(b) - largest(a))
    .map(([id, text]) => ({
      name: show(text),
      before: before.get(id) ?? null,
      after: after.get(id) ?? null,
      mark: id === target ? 'target' : id === distractor ? 'distractor' : undefined,
    }));
}
