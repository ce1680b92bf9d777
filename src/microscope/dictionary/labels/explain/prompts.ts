import type { Message } from './endpoint.ts';
import type { Example } from './examples.ts';

/** Largest level of activation in prompts. */
export const LEVELS = 10;

/** The text of an example with some of its tokens between << and >>; neighbours share one pair. */
export function markedText(tokens: readonly string[], marked: readonly boolean[]): string {
  return tokens
    .map((token, i) => {
      const open = marked[i] && !marked[i - 1] ? '<<' : '';
      const close = marked[i] && !marked[i + 1] ? '>>' : '';
      return `${open}${token}${close}`;
    })
    .join('')
    .trim();
}

/** Activations as whole levels from 0 to 10, rounded up as delphi does: any activation is at least 1. */
export function levels(acts: readonly number[], max: number): number[] {
  return acts.map((act) =>
    act <= 0 ? 0 : Math.min(LEVELS, Math.ceil((LEVELS * act) / (max || 1))),
  );
}

/**
 * Asks for an explanation, from texts with the active tokens marked and their levels listed: the form of delphi
 * (Paulo et al. 2024), after Bills et al. 2023.
 */
export function explainPrompt(examples: readonly Example[], max: number): Message[] {
  const shown = examples.map(({ tokens, acts }, i) => {
    const level = levels(acts, max);
    const listed = tokens.flatMap((token, at) =>
      level[at] > 0 ? [`${JSON.stringify(token)}: ${level[at]}`] : [],
    );
    const text = markedText(
      tokens,
      acts.map((act) => act > 0),
    );
    return `Text ${i + 1}: ${text}\nActive: ${listed.join(', ')}`;
  });
  return [
    {
      role: 'system',
      content:
        'You study one feature inside a language model. In each text below, the tokens that activate the feature ' +
        `stand between << and >>; after the text they are listed with their activation from 1 to ${LEVELS}. Find what ` +
        'the active tokens, or the places where they stand, have in common, and what distinguishes them from the other ' +
        'tokens. Answer with one line that starts with "EXPLANATION:" and then says it in at most 20 words.',
    },
    { role: 'user', content: shown.join('\n\n') },
  ];
}

const LIST =
  'Answer with a JSON list of the digits 0 and 1, one per text in order, and nothing else.';

function numbered(explanation: string, texts: readonly string[]): Message {
  const list = texts.map((text, i) => `Text ${i + 1}: ${text}`).join('\n\n');
  return { role: 'user', content: `Explanation: ${explanation}\n\n${list}` };
}

/** Asks in which texts a feature with this explanation fires (detection; Paulo et al. 2024). */
export function detectionPrompt(explanation: string, texts: readonly string[]): Message[] {
  return [
    {
      role: 'system',
      content:
        'You get an explanation of what activates a feature of a language model, and several texts. Decide for each ' +
        `text whether it holds a token that activates the feature: 1 if it does, 0 if not. ${LIST}`,
    },
    numbered(explanation, texts),
  ];
}

/** Asks whether the marked tokens of texts are those a feature fires on (fuzzing; Paulo et al. 2024). */
export function fuzzingPrompt(explanation: string, texts: readonly string[]): Message[] {
  return [
    {
      role: 'system',
      content:
        'You get an explanation of what activates a feature of a language model, and several texts in which some ' +
        'tokens stand between << and >>. Decide for each text whether the marked tokens are the ones that activate ' +
        `the feature: 1 if they are, 0 if not. ${LIST}`,
    },
    numbered(explanation, texts),
  ];
}

/** Asks for the activation of every token (simulation; Bills et al. 2023, all tokens in one answer). */
export function simulationPrompt(explanation: string, tokens: readonly string[]): Message[] {
  return [
    {
      role: 'system',
      content:
        'You get an explanation of what activates a feature of a language model, and a text as a JSON list of tokens. ' +
        `Say how strongly the feature is active at each token, from 0 (silent, as at most tokens) to ${LEVELS}. Answer ` +
        'with a JSON list of whole numbers of the same length, and nothing else.',
    },
    { role: 'user', content: `Explanation: ${explanation}\n\nTokens: ${JSON.stringify(tokens)}` },
  ];
}

/** The explanation in an answer; null when there is none. */
export function readExplanation(text: string): string | null {
  const lines = text.split('\n').map((line) => line.trim());
  const named = lines.map((line) => /^\W*explanation\W*:\W*(.+)$/i.exec(line)?.[1]);
  const found = named.findLast((line) => line !== undefined) ?? lines.findLast((line) => line);
  return found?.replace(/^["'*\s]+|["'*\s]+$/g, '') || null;
}

/** The list of whole numbers from 0 to `largest` in an answer; null when it is not one of the right length. */
export function readList(text: string, length: number, largest: number): number[] | null {
  const list = /\[[\d\s,]*\]/.exec(text)?.[0];
  if (list === undefined) return null;
  const parts = list.slice(1, -1).split(',');
  // An empty part would read as 0, an answer that nobody gave.
  const right = parts.every((part) => /^\s*\d+\s*$/.test(part) && Number(part) <= largest);
  return right && parts.length === length ? parts.map(Number) : null;
}
