import { englishTemplates, type IoiTemplates } from '../microscope/ioi/index.ts';
import { tokenizerOf } from '../microscope/prompt.ts';
import type { Model } from '../model/index.ts';
import { worldIoiTemplates } from './ioi.ts';

/** Which sentences of indirect objects: English ones, the built-in world's, or what suits the tokenizer. */
export const sentenceSets = ['auto', 'english', 'world'] as const;
/** The name of a set of sentences. */
export type SentenceSet = (typeof sentenceSets)[number];

/** Tokens per word of a set's sentences: near 1 for a tokenizer made for such text. */
function tokensPerWord(model: Model, { templates, slots }: IoiTemplates): number {
  const text = [...templates, ...Object.values(slots).flat()].join(' ').replace(/\{\w+\}/g, '');
  const words = text.split(/\s+/).join(' ');
  const ids = tokenizerOf(model).encode(words, { addSpecialTokens: false });
  return ids.length / words.split(' ').length;
}

/** The sentences asked for; `auto` takes those that the model's tokenizer splits less. */
export function ioiSentences(
  model: Model,
  set: SentenceSet,
): { readonly name: 'english' | 'world'; readonly templates: IoiTemplates } {
  const world = { name: 'world', templates: worldIoiTemplates } as const;
  const english = { name: 'english', templates: englishTemplates } as const;
  if (set !== 'auto') return set === 'world' ? world : english;
  // Sets of common words differ by far less than this on a tokenizer for all of English.
  const gap = tokensPerWord(model, englishTemplates) - tokensPerWord(model, worldIoiTemplates);
  return gap > 0.25 ? world : english;
}
