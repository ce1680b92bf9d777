import { effect, signal } from '@preact/signals';
import { type ConceptWords, conceptWords } from '../../src/i18n/concepts/index.ts';
import type { LabelView } from '../../src/lab/api.ts';
import { unscoredName } from '../../src/microscope/graph/format/unscored-label.ts';
import { locale } from '../i18n.ts';

const words = signal<ConceptWords>(() => undefined);

effect(() => {
  const wanted = locale.value;
  void conceptWords(wanted).then((found) => {
    if (wanted === locale.peek()) words.value = found;
  });
});

/** A label in the language of the page: planted concepts and places are translated, tokens stay as they are. */
export function labelText(label: Pick<LabelView, 'text' | 'concept'>): string {
  return words.value(label.concept ?? label.text) ?? label.text;
}

/** {@link labelText}, with the mark of what nothing confirms where the label stays below the bars. */
export function markedLabel(label: LabelView): string {
  return label.source === 'weak' ? unscoredName(labelText(label)) : labelText(label);
}
