import type { Rng } from '../../../base/rng.ts';
import { isHeldOut } from '../hold-out.ts';
import type { MechanismSource, Part } from '../types.ts';

const HELD_OUT_PERCENT = 10;

/**
 * A sequence of different random words, repeated: after the first pass every next word is known
 * from the last time its predecessor was seen. `pool` holds the words, without leading spaces.
 */
export function induction(pool: readonly string[]): MechanismSource {
  const draw = (rng: Rng) => {
    const chosen = new Set<string>();
    const length = 5 + rng.int(16);
    while (chosen.size < length) chosen.add(rng.pick(pool));
    return [...chosen];
  };
  return {
    name: 'induction',
    write(rng, split) {
      for (;;) {
        const words = draw(rng);
        if (isHeldOut(`induction|${words.join(' ')}`, HELD_OUT_PERCENT) !== (split === 'held-out'))
          continue;
        const first = words.map((word) => ` ${word}`).join('');
        // In training the whole second pass is the answer; an evaluation asks one word of it.
        const seen = split === 'train' ? 1 : 1 + rng.int(words.length - 1);
        const lead = words.slice(0, seen).map((word) => ` ${word}`);
        const rest = words.slice(seen).map((word) => ` ${word}`);
        const parts: Part[] = [
          { text: first + lead.join(''), role: 'random' },
          { text: (split === 'train' ? rest : rest.slice(0, 1)).join(''), role: 'answer' },
        ];
        const entities = { length: String(words.length), previous: words[seen - 1] };
        const truth = { mechanism: 'induction', answer: words[seen], entities } as const;
        return { mechanism: 'induction', parts, truth };
      }
    },
    read(prompt) {
      const words = prompt.trim().split(/\s+/);
      const last = words[words.length - 1];
      const at = words.lastIndexOf(last, words.length - 2);
      // A repeat counts when everything from the start of the sequence on is repeated in order.
      if (words.length < 4 || at < 0) return undefined;
      const period = words.length - 1 - at;
      for (let i = period; i < words.length; i++) {
        if (words[i] !== words[i - period]) return undefined;
      }
      return {
        mechanism: 'induction',
        answer: words[at + 1],
        entities: { length: String(period), previous: last },
      };
    },
    lexicon: () => pool.map((word) => ` ${word}`),
  };
}
