import { fill, match, type Slots, type Template } from './template.ts';
import { type Part, SPECIAL } from './types.ts';

/** A way to ask for something, and the way its answer is written. */
export interface Phrase {
  readonly prompt: Template;
  /** Holds `{value}` where the answer of the truth stands. */
  readonly answer: Template;
}

/** A sentence that the answer completes: `The capital of X is` + ` Y.` */
export function plain(prompt: Template, answer: Template = ' {value}.'): Phrase {
  return { prompt, answer };
}

/** The text of one chat turn up to where the assistant speaks. */
export function chatTurn(user: string): string {
  return `${SPECIAL.user}${user}${SPECIAL.end}${SPECIAL.assistant}`;
}

/** A question in a chat turn: the assistant answers with a sentence and ends its turn. */
export function chat(question: Template, answer: Template = 'It is {value}.'): Phrase {
  return { prompt: chatTurn(question), answer: `${answer}${SPECIAL.end}` };
}

/** The parts of a document that asks by `phrase` and gives the answer. */
export function ask(phrase: Phrase, slots: Slots): Part[] {
  return [
    { text: fill(phrase.prompt, slots), role: 'context' },
    { text: fill(phrase.answer, slots), role: 'answer' },
  ];
}

/**
 * Reads a prompt against a phrase. The prompt may already hold the words of the answer that come
 * before the value (`It is`), because that is where a next-token question is asked.
 */
export function readPhrase(phrase: Phrase, prompt: string): Slots | undefined {
  const lead = phrase.answer.slice(0, phrase.answer.indexOf('{value}')).trimEnd();
  if (lead && prompt.endsWith(SPECIAL.assistant + lead)) {
    return match(phrase.prompt, prompt.slice(0, -lead.length));
  }
  return match(phrase.prompt, prompt);
}

/** The fixed words of phrases, for the vocabulary: as a first sentence and as a later one. */
export function* phraseWords(phrases: Iterable<Phrase>): Iterable<string> {
  for (const { prompt, answer } of phrases) {
    const text = prompt.replace(/\{\w+\}/g, '');
    yield text;
    yield ` ${text}`;
    yield answer.replace(/\{\w+\}/g, '');
  }
}
