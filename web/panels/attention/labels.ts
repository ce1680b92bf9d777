import type { Tokens } from '../../../src/lab/api.ts';

/**
 * One label per token for axes and lists. Tokens that share a character all carry its text, numbered,
 * because a part of a character cannot be shown alone.
 *
 * @param show makes spaces and breaks visible
 */
export function tokenLabels({ tokens, groups }: Tokens, show: (text: string) => string): string[] {
  return tokens.map((token, position) => {
    const group = groups[token.group];
    if (group === undefined) return show(token.text);
    if (group.count === 1) return show(group.text);
    return `${show(group.text)} ${position - group.first + 1}/${group.count}`;
  });
}
