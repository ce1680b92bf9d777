import { conceptWords } from '../../../i18n/concepts/index.ts';
import type { FindFeaturesRequest, FoundFeature, LabelView } from '../../contract/graph.ts';
import { choice, type Handler, type Session } from '../session.ts';
import { catalogue, type NamedDictionary } from './dictionaries.ts';
import { openedHarvest } from './harvest.ts';
import { importedNamesOf } from './imported.ts';
import { labelBook } from './labels.ts';

const LIMIT = 100;
/** Raised tokens that are listed and searched. */
const RAISED = 5;

/** A label's words in a language. */
async function reader(language: FindFeaturesRequest['language']) {
  const words = await conceptWords(language ?? 'en');
  return (label: LabelView | null): string =>
    label === null ? '' : (words(label.concept ?? label.text) ?? label.text);
}

interface Candidate extends FoundFeature {
  /** The label as it is read, then raised tokens: what is searched. */
  readonly text: string;
  readonly name: string;
}

async function candidatesOf(
  session: Session,
  own: NamedDictionary,
  read: (label: LabelView | null) => string,
): Promise<Candidate[]> {
  const [harvest, book, names] = await Promise.all([
    openedHarvest(own),
    labelBook(own),
    importedNamesOf(own),
  ]);
  const { name: dictionary, kind, layer, config } = own;
  return Array.from({ length: config.dDict }, (_, index) => {
    const label = book?.label(index) ?? null;
    const summary = harvest?.list[index];
    const raises = summary?.top.slice(0, RAISED).map((id) => choice(session, id).text) ?? [];
    const imported = label === null ? names(index) : null;
    const name = (imported?.text ?? read(label)).toLowerCase();
    return {
      dictionary,
      kind,
      layer,
      index,
      label,
      imported,
      density: summary?.density ?? null,
      max: summary?.max ?? null,
      raises,
      name,
      text: `${name}\n${raises.join('\n').toLowerCase()}`,
    };
  });
}

/** Whether a feature has all words of a query, and how directly: 0 is best. */
function rankOf({ name, text, index }: Candidate, query: string): number | undefined {
  if (query === '') return 0;
  const number = /^#(\d+)$/.exec(query)?.[1];
  if (number !== undefined) return index === Number(number) ? 0 : undefined;
  if (name === query) return 0;
  if (name.includes(query)) return 1;
  const words = query.split(/\s+/);
  if (words.every((word) => name.includes(word))) return 2;
  return words.every((word) => text.includes(word)) ? 3 : undefined;
}

const SURENESS = { concept: 0, tokens: 1, explanation: 1, weak: 2, imported: 3, none: 4 } as const;

/** What kind of label a feature is listed with. */
function kindOf({ label, imported }: FoundFeature): keyof typeof SURENESS {
  return label?.source ?? (imported ? 'imported' : 'none');
}

function compare(sort: NonNullable<FindFeaturesRequest['sort']>) {
  return (a: { one: Candidate; rank: number }, b: { one: Candidate; rank: number }): number => {
    const [x, y] = [a.one, b.one];
    const score = (y.label?.score ?? -1) - (x.label?.score ?? -1);
    const sure = SURENESS[kindOf(x)] - SURENESS[kindOf(y)] || score;
    if (sort === 'density') return (y.density ?? -1) - (x.density ?? -1) || sure;
    if (sort === 'max') return (y.max ?? -1) - (x.max ?? -1) || sure;
    return sort === 'score' ? score || a.rank - b.rank : a.rank - b.rank || sure;
  };
}

/** Searches the features of all dictionaries, active or not. */
export const findFeatures: Handler<'find-features'> = async (session, request) => {
  const { language, kind = 'all', dictionary, source = 'all', sort = 'match' } = request;
  const { offset = 0, limit = LIMIT } = request;
  const read = await reader(language);
  const query = request.query.trim().toLowerCase();
  const chosen = (await catalogue(session)).filter(
    (one) =>
      (dictionary === undefined || one.name === dictionary) &&
      (kind === 'all' || (one.kind === 'autoencoder') === (kind === 'autoencoder')),
  );
  const all = (await Promise.all(chosen.map((one) => candidatesOf(session, one, read)))).flat();
  const fitting = all
    .filter((one) => source === 'all' || kindOf(one) === source)
    .flatMap((one) => {
      const rank = rankOf(one, query);
      return rank === undefined ? [] : [{ one, rank }];
    })
    .sort(compare(sort));
  return {
    features: fitting
      .slice(offset, offset + limit)
      .map(({ one: { text: _, name: __, ...found } }) => found),
    total: fitting.length,
    searched: all.length,
  };
};
