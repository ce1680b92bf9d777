import type { Concept } from '../../microscope/dictionary/labels/types.ts';
import { contextMarks, splitContext } from '../world/context.ts';
import { documentText, mechanisms, SPECIAL } from '../world/types.ts';
import { isSpecial, type Marking } from './pieces.ts';

const HAN = /^[\u3400-\u4dbf\u4e00-\u9fff]$/u;

/** Concepts that documents of every kind can have. */
export const generalConcepts: readonly Concept[] = [
  ...mechanisms.map((name) => ({ id: `mechanism/${name}`, label: `text of the kind ${name}` })),
  ...contextMarks.map((mark) => ({ id: `mark/${mark}`, label: `text marked as ${mark}` })),
  { id: 'turn/system', label: 'inside a system turn' },
  { id: 'turn/user', label: 'inside a user turn' },
  { id: 'turn/assistant', label: 'inside an assistant turn' },
  { id: 'turn/none', label: 'plain text, no chat' },
  { id: 'think/inside', label: 'inside <think>' },
  { id: 'role/answer', label: 'part of an answer' },
  { id: 'role/before-answer', label: 'just before an answer' },
  { id: 'language/french', label: 'French text' },
  { id: 'language/chinese', label: 'Chinese text' },
  { id: 'language/han', label: 'a Chinese character' },
  { id: 'language/french-letters', label: 'a French word' },
  { id: 'token/bytes', label: 'part of a word that has no token of its own' },
  { id: 'token/capital', label: 'a word with a capital letter' },
  { id: 'token/special', label: 'a special token' },
  { id: 'token/digit', label: 'a digit' },
  { id: 'token/repeated', label: 'a word that stood in the text before' },
  { id: 'sentence/first', label: 'the first word of a sentence' },
  { id: 'sentence/second', label: 'in the second sentence or a later one' },
  { id: 'document/first', label: 'the first token of a document' },
  { id: 'document/last', label: 'the last token of a document' },
  { id: 'next/end', label: 'just before a turn ends' },
  { id: 'next/stop', label: 'just before a full stop' },
  { id: 'next/digit', label: 'just before a digit' },
  { id: 'next/han', label: 'just before a Chinese character' },
];

const stops = new Set(['.', '?', '。', '？', SPECIAL.end]);

/** Marks what does not depend on a document's mechanism. */
export function markGeneral(marking: Marking): void {
  const { document, pieces, at, range } = marking;
  range(0, pieces.length, `mechanism/${document.mechanism}`);
  const { mark } = splitContext(documentText(document));
  if (mark) range(0, pieces.length, `mark/${mark}`);
  if (document.mechanism === 'antonyms-fr') range(0, pieces.length, 'language/french');
  if (document.mechanism === 'antonyms-zh') range(0, pieces.length, 'language/chinese');
  let turn = 'none';
  let thinking = false;
  let sentence = 0;
  let begins = true;
  const seen = new Set<string>();
  pieces.forEach((piece, i) => {
    const { word, role } = piece;
    if (word === SPECIAL.system) turn = 'system';
    if (word === SPECIAL.user) turn = 'user';
    if (word === SPECIAL.assistant) turn = 'assistant';
    at(i, `turn/${turn}`);
    if (word === SPECIAL.think) thinking = true;
    if (thinking) at(i, 'think/inside');
    if (word === SPECIAL.endThink) thinking = false;
    if (role === 'answer') at(i, 'role/answer');
    if (role !== 'answer' && pieces[i + 1]?.role === 'answer') at(i, 'role/before-answer');
    if (piece.ids.length > 1) at(i, 'token/bytes');
    if (isSpecial(word)) at(i, 'token/special');
    else if (/^\p{Lu}/u.test(word)) at(i, 'token/capital');
    if (/^\d$/.test(word)) at(i, 'token/digit');
    if (HAN.test(word)) at(i, 'language/han');
    if (document.mechanism === 'antonyms-fr' && /^\p{L}/u.test(word)) {
      at(i, 'language/french-letters');
    }
    if (/^\p{L}{3,}/u.test(word) && seen.has(word)) at(i, 'token/repeated');
    seen.add(word);
    if (begins && !isSpecial(word)) {
      at(i, 'sentence/first');
      begins = false;
    }
    if (sentence > 0) at(i, 'sentence/second');
    if (stops.has(word)) {
      sentence++;
      begins = true;
    }
    const next = pieces[i + 1]?.word ?? '';
    if (next === SPECIAL.end) at(i, 'next/end');
    if (next === '.' || next === '。') at(i, 'next/stop');
    if (/^\d$/.test(next)) at(i, 'next/digit');
    if (HAN.test(next)) at(i, 'next/han');
  });
  at(0, 'document/first');
  at(pieces.length - 1, 'document/last');
}
