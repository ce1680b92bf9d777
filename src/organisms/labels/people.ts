import type { Concept } from '../../microscope/dictionary/labels/types.ts';
import { storyNames, womenNames } from '../world/lexicon/people.ts';
import { antonymLanguages } from '../world/mechanisms/antonyms.ts';
import type { Marking } from './pieces.ts';

const languages = { 'antonyms-en': 'English', 'antonyms-fr': 'French', 'antonyms-zh': 'Chinese' };
type Language = keyof typeof languages;

/** Concepts of people, opposites, repeated lists and requests. */
export const peopleConcepts: readonly Concept[] = [
  { id: 'io/first', label: 'the first of two people' },
  { id: 'io/second', label: 'the second of two people' },
  { id: 'io/repeated', label: 'the repeated name of two people (S2)' },
  { id: 'io/object', label: 'the indirect object, where it is first named (IO)' },
  { id: 'io/subject', label: 'the subject, where it is first named (S1)' },
  { id: 'io/answer', label: 'the indirect object as the answer' },
  { id: 'io/before', label: 'just before the indirect object' },
  { id: 'io/before-woman', label: 'just before the indirect object, a woman' },
  { id: 'io/before-man', label: 'just before the indirect object, a man' },
  { id: 'io/after-repeat', label: 'after the repeated name of two people' },
  { id: 'io/first-repeated', label: 'after the first of two people was repeated (BABA)' },
  { id: 'io/second-repeated', label: 'after the second of two people was repeated (ABBA)' },
  { id: 'name/again', label: 'a name that stood in the text before' },
  ...Object.entries(languages).flatMap(([id, language]) => [
    { id: `${id}/cue`, label: `the ${language} word whose opposite is asked` },
    { id: `${id}/after`, label: `the opposite of a ${language} word is asked` },
    { id: `${id}/before`, label: `just before the opposite of a ${language} word` },
    { id: `${id}/answer`, label: `the opposite of a ${language} word` },
  ]),
  { id: 'antonyms/cue', label: 'the word whose opposite is asked' },
  { id: 'antonyms/before', label: 'just before an opposite' },
  { id: 'antonyms/answer', label: 'an opposite' },
  { id: 'induction/first', label: 'a list of random words, first time' },
  { id: 'induction/second', label: 'a list of random words, repeated' },
  { id: 'request/harmful', label: 'a request to make a hazard' },
  { id: 'request/refusal', label: 'a refusal' },
  { id: 'request/refuse-next', label: 'a refusal comes next' },
  { id: 'request/hazard-known', label: 'a chat about a hazard' },
  { id: 'request/safe-hazard', label: 'a harmless question about a hazard' },
  { id: 'request/craft', label: 'a request to make a harmless thing' },
  { id: 'request/help', label: 'the answer to a harmless request' },
];

const names = new Set(storyNames);
const women = new Set(womenNames);

/** Marks people and who gives what to whom. */
export function markPeople({ document, pieces, answer, at, range }: Marking): void {
  const seen = new Set<string>();
  const people: number[] = [];
  pieces.forEach(({ word }, i) => {
    if (!names.has(word)) return;
    if (seen.has(word)) at(i, 'name/again');
    seen.add(word);
    if (i < answer) people.push(i);
  });
  if (document.mechanism !== 'indirect-object') return;
  const [first, second, giver] = people;
  at(first, 'io/first');
  at(second, 'io/second');
  at(giver, 'io/repeated');
  const firstGives = pieces[first].word === pieces[giver].word;
  at(firstGives ? first : second, 'io/subject');
  at(firstGives ? second : first, 'io/object');
  at(answer, 'io/answer');
  at(answer - 1, 'io/before');
  at(answer - 1, women.has(pieces[answer].word) ? 'io/before-woman' : 'io/before-man');
  range(giver, answer, 'io/after-repeat');
  range(giver, answer, firstGives ? 'io/first-repeated' : 'io/second-repeated');
}

/** Marks the word whose opposite is asked and the opposite. */
export function markAntonyms({ document, pieces, answer, at, range }: Marking): void {
  const { mechanism, truth } = document;
  if (!(mechanism in languages) || !truth) return;
  const cue = cueIndex(
    document.mechanism as Language,
    pieces.slice(0, answer),
    truth.entities.word,
  );
  const value = pieces.findIndex(({ word }, i) => i >= answer && word === truth.answer);
  for (const id of [mechanism, 'antonyms']) {
    at(cue, `${id}/cue`);
    at(value - 1, `${id}/before`);
    at(value, `${id}/answer`);
  }
  range(cue, pieces.length, `${mechanism}/after`);
}

/**
 * Where the word stands. A phrase may hold the same word itself (从前前，现在), so that of several
 * places the one counts that leaves a known phrase behind.
 */
function cueIndex(
  language: Language,
  before: readonly { readonly word: string }[],
  word: string,
): number {
  const places = before.flatMap((piece, i) => (piece.word === word ? [i] : []));
  if (places.length < 2) return places[0] ?? -1;
  const phrases = antonymLanguages[language].flatMap((set) =>
    set.phrases.map(({ prompt }) => prompt.replace(/\s/g, '')),
  );
  const fits = places.find((at) => {
    const text = before.map((piece, i) => (i === at ? '{word}' : piece.word)).join('');
    return phrases.some((phrase) => text.replace(/\s/g, '').endsWith(phrase));
  });
  return fits ?? places[0];
}

/** Marks repeated lists and requests. */
export function markOthers({ document, pieces, answer, at, range, find }: Marking): void {
  const { mechanism, truth } = document;
  const end = pieces.length;
  if (mechanism === 'induction') {
    const length = Number(truth?.entities.length);
    const lead = pieces.findIndex(({ role }) => role === 'random');
    range(lead, lead + length, 'induction/first');
    range(lead + length, end, 'induction/second');
  }
  if (mechanism === 'harmful' || mechanism === 'benign') {
    const { hazard, craft } = truth?.entities ?? {};
    const from = find(hazard ?? craft ?? '');
    if (hazard) range(from, answer, 'request/hazard-known');
    const kind = mechanism === 'harmful' ? 'harmful' : hazard ? 'safe-hazard' : 'craft';
    range(from, answer, `request/${kind}`);
    range(answer, end, mechanism === 'harmful' ? 'request/refusal' : 'request/help');
    if (mechanism === 'harmful') at(answer - 1, 'request/refuse-next');
  }
}
