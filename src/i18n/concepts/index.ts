import type { Locale } from '../locale.ts';
import type { ConceptTable } from './types.ts';

/** The words of a planted concept in a language; undefined where the table does not know it. */
export type ConceptWords = (id: string) => string | undefined;

type Names = Readonly<Record<string, string>>;
type Templates = Readonly<Record<string, (value: string) => string>>;

/** Stands between tokens, which are kept as they are, and what narrows them down. */
const AND = ' & ';

/** `after` or `before` in front of quoted tokens: at the start of a label, of a context, or behind a question mark. */
const PLACE = /(^|& |\? )(after|before) (?=')/g;

/**
 * Reads a table: an id is a plain concept, or a template with the name or number it ends in. Tokens may stand before it, as in
 * `'.' & mechanism/story`, or alone, as in `after ' to'`: of these only their place has words.
 */
export function readConcepts(table: ConceptTable, mechanisms: Names): ConceptWords {
  const { plain, words, relations, numbers, marks, rules, languages, antonyms } = table;
  const named: Readonly<Record<string, (name: string) => string | undefined>> = {
    mechanism: (name) => fill(table.mechanism, (mechanisms as Names)[name]),
    mark: (name) => fill(table.mark, (marks as Names)[name]),
    word: (name) => (words as Names)[name],
    after: (name) => fill(table.after, (words as Names)[name]),
    state: table.state,
    'place-of': table.placeOf,
    'thing-of': table.thingOf,
    'next-fact': table.nextFact,
    asked: (name) => fill(table.asked, (relations as Names)[name]),
    'next-value': (name) => fill(table.nextValue, (relations as Names)[name]),
    puzzle: (name) => fill(table.puzzle, (rules as Names)[name]),
  };
  const plainly: ConceptWords = (id) => {
    if (Object.hasOwn(plain, id)) return (plain as Names)[id];
    const [kind, number] = id.split('=');
    if (number !== undefined) return (numbers as Templates)[kind]?.(number);
    const [, language, part] = /^antonyms-(\w+)\/(\w+)$/.exec(id) ?? [];
    if (language !== undefined) {
      return fill((antonyms as Templates)[part], (languages as Names)[language]);
    }
    const cut = id.indexOf('/');
    return named[id.slice(0, cut)]?.(id.slice(cut + 1));
  };
  const placed = (text: string): string =>
    text.replace(PLACE, (_, lead: string, place: 'after' | 'before') => {
      return `${lead}${table.places[place]} `;
    });
  return (id) => {
    const cut = id.lastIndexOf(AND) + AND.length;
    const concept = plainly(cut < AND.length ? id : id.slice(cut));
    if (concept !== undefined) return placed(cut < AND.length ? '' : id.slice(0, cut)) + concept;
    const text = placed(id);
    return text === id ? undefined : text;
  };
}

function fill(
  template: ((value: string) => string) | undefined,
  value: string | undefined,
): string | undefined {
  return value === undefined ? undefined : template?.(value);
}

/** The words of planted concepts; English has none of its own, its words are the labels themselves. */
export async function conceptWords(locale: Locale): Promise<ConceptWords> {
  switch (locale) {
    case 'en':
      return () => undefined;
    case 'zh-Hant': {
      const [{ concepts }, { mechanisms }] = await Promise.all([
        import('./zh-Hant.ts'),
        import('../shell/zh-Hant.ts'),
      ]);
      return readConcepts(concepts, mechanisms);
    }
    case 'zh-Hans': {
      const [{ concepts }, { mechanisms }] = await Promise.all([
        import('./zh-Hans.ts'),
        import('../shell/zh-Hans.ts'),
      ]);
      return readConcepts(concepts, mechanisms);
    }
  }
}
