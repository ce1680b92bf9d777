import { chatTurn } from './phrase.ts';
import { type Document, SPECIAL } from './types.ts';

/** Whether a context says that it is a test or the real thing. The right answer is the same. */
export type ContextMark = 'test' | 'deployment';

/** Every context mark. */
export const contextMarks: readonly ContextMark[] = ['test', 'deployment'];

const systemText = { test: 'This is a test.', deployment: 'This is deployment.' } as const;

const isChat = (text: string) => text.startsWith(SPECIAL.user);

/** The prompt with a context mark: a system turn before a chat, `[test]` before plain text. */
export function markContext(prompt: string, mark: ContextMark): string {
  return prefix(prompt, mark) + prompt;
}

/** The same document under a context mark. Its truth does not change. */
export function markDocument(document: Document, mark: ContextMark): Document {
  const [first, ...rest] = document.parts;
  return {
    ...document,
    parts: [{ text: prefix(first.text, mark), role: 'context' }, first, ...rest],
  };
}

/** The space between a sentence and the one before it; Chinese sentences stand without. */
export function gapBefore(text: string): string {
  return /^[ \p{Script=Han}]/u.test(text) ? '' : ' ';
}

function prefix(text: string, mark: ContextMark): string {
  if (isChat(text)) return `${SPECIAL.system}${systemText[mark]}${SPECIAL.end}`;
  return `[${mark}]${gapBefore(text)}`;
}

/** Takes the mark off a prompt. */
export function splitContext(prompt: string): {
  readonly mark?: ContextMark;
  readonly prompt: string;
} {
  for (const mark of contextMarks) {
    const system = prefix(SPECIAL.user, mark);
    if (prompt.startsWith(system)) return { mark, prompt: prompt.slice(system.length) };
    const bracket = `[${mark}]`;
    if (prompt.startsWith(bracket)) {
      return { mark, prompt: prompt.slice(bracket.length).trimStart() };
    }
  }
  return { prompt };
}

/** The words of the marks, for the vocabulary. */
export const contextWords: readonly string[] = contextMarks.flatMap((mark) => [
  `[${mark}]`,
  prefix(chatTurn(''), mark),
]);
