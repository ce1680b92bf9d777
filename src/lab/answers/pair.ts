import type { Document, Truth } from '../../organisms/world/types.ts';
import type { World } from '../../organisms/world/world.ts';

/** A prompt with one thing replaced, and what should follow it. */
export interface Corrupted {
  readonly prompt: string;
  readonly truth: Truth;
}

function occurrences(text: string, part: string): number[] {
  const escaped = part.replace(/[.*+?^$()|[\]\\{}]/g, '\\$&');
  // "1" must not be found in "17"; Chinese words have no spaces around them.
  const whole = new RegExp(`(?<![A-Za-z0-9])${escaped}(?![A-Za-z0-9])`, 'g');
  return Array.from(text.matchAll(whole), ({ index }) => index);
}

function replaceAt(text: string, places: readonly number[], [part, other]: [string, string]) {
  return places.reduceRight(
    (result, at) => result.slice(0, at) + other + result.slice(at + part.length),
    text,
  );
}

/** What a prompt's answer depends on, with the plainest replacement first. */
function roles({ entities, answer }: Truth): [string, string][] {
  const named = Object.entries(entities).sort(
    ([a], [b]) => Number(a === 'relation') - Number(b === 'relation'),
  );
  return [...named, ['answer', answer]];
}

/**
 * Prompts that differ from one in a single thing and have another right answer by the world's own
 * account: a name, a place or a number is replaced by one that other documents have in its role.
 */
export function* corruptedPrompts(
  world: World,
  prompt: string,
  options: { readonly truth: Truth; readonly others: readonly Document[] },
): Generator<Corrupted> {
  const { truth, others } = options;
  const seen = new Set([prompt]);
  for (const [role, value] of roles(truth)) {
    const places = occurrences(prompt, value);
    if (places.length === 0) continue;
    const values = others.map(({ truth: other }) =>
      role === 'answer' ? other?.answer : other?.entities[role],
    );
    for (const other of new Set([truth.answer, ...values])) {
      if (other === undefined || other === value) continue;
      for (const chosen of [places.slice(-1), places]) {
        const changed = replaceAt(prompt, chosen, [value, other]);
        if (seen.has(changed)) continue;
        seen.add(changed);
        const found = world.truth(changed);
        if (found?.mechanism === truth.mechanism && found.answer !== truth.answer) {
          yield { prompt: changed, truth: found };
        }
      }
    }
  }
}
