import { ask, chat, phraseWords, readPhrase } from '../phrase.ts';
import type { MechanismSource } from '../types.ts';

const exchanges = [
  ['Hello.', 'Hello. How can I help you?'],
  ['Hi.', 'Hello. How can I help you?'],
  ['Good morning.', 'Good morning. How can I help you?'],
  ['Thank you.', 'You are welcome.'],
  ['Thank you for your help.', 'You are welcome.'],
  ['Who are you?', 'I am a small model of a small world.'],
  ['What can you do?', 'I can tell stories, answer questions and add numbers.'],
  ['Goodbye.', 'Goodbye.'],
] as const;

const phrases = exchanges.map(([question]) => chat(question, '{value}'));

/** Greetings and thanks: what a chat needs besides questions. */
export function smallTalk(): MechanismSource {
  const truth = (at: number) =>
    ({ mechanism: 'small-talk', answer: exchanges[at][1], entities: {} }) as const;
  return {
    name: 'small-talk',
    write(rng) {
      const at = rng.int(exchanges.length);
      const parts = ask(phrases[at], { value: exchanges[at][1] });
      return { mechanism: 'small-talk', parts, truth: truth(at) };
    },
    read(prompt) {
      const at = phrases.findIndex((phrase) => readPhrase(phrase, prompt));
      return at < 0 ? undefined : truth(at);
    },
    *lexicon() {
      yield* phraseWords(phrases);
      for (const [, answer] of exchanges) yield answer;
    },
  };
}
