import { createHash } from 'node:crypto';
import { dictionaryHash } from '../harvest/harvest.ts';
import type { Dictionary } from '../types.ts';
import { type Bars, LABEL_BAR, LARGEST_BAR } from './detect.ts';
import type { ConceptText, ConceptTexts } from './types.ts';

/** Changes when the way labels are made does, so that older ones are not taken for the same. */
const METHOD = 3;

/** SHA-256 of everything labels depend on: dictionary, texts, concepts, what is left out, bars. */
export function labelRequest(
  dictionary: Dictionary,
  options: { readonly texts: ConceptTexts; readonly excluded?: readonly number[] } & Partial<Bars>,
): string {
  const { texts, excluded = [], bar = LABEL_BAR, largestBar = LARGEST_BAR } = options;
  const { concepts, train, heldOut } = texts;
  const settings = { method: METHOD, excluded, bar, largestBar, concepts };
  return createHash('sha256')
    .update(dictionaryHash(dictionary))
    .update(JSON.stringify(settings))
    .update(textHash(train))
    .update(textHash(heldOut))
    .digest('hex');
}

const hashes = new WeakMap<ConceptText, string>();

function textHash(text: ConceptText): string {
  const known = hashes.get(text);
  if (known !== undefined) return known;
  const hash = createHash('sha256').update(text.name);
  for (const part of [text.rows, text.documents, text.held]) hash.update(JSON.stringify(part));
  const made = hash.digest('hex');
  hashes.set(text, made);
  return made;
}
