import { FIELDS, type Field, type State, type StateKey } from './fields.ts';

/** The keys of the state in the order in which an address lists them. */
export const STATE_KEYS = Object.keys(FIELDS) as readonly StateKey[];

/** The table with the link between a key and its type forgotten, for loops over all keys. */
const fields = FIELDS as unknown as Readonly<Record<StateKey, Field<unknown>>>;

/** The text of each field that an address gives. What it does not know or cannot read is left out. */
export function parseFragment(fragment: string): Map<StateKey, string> {
  const given = new URLSearchParams(fragment.replace(/^#/, ''));
  const out = new Map<StateKey, string>();
  for (const key of STATE_KEYS) {
    const text = given.get(key);
    if (text !== null && fields[key].read(text) !== undefined) out.set(key, text);
  }
  return out;
}

/** The value of one field from its text in the address. */
export function readField<K extends StateKey>(key: K, text: string | undefined): State[K] {
  const field = fields[key];
  const value = text === undefined ? undefined : field.read(text);
  return (value ?? field.initial) as State[K];
}

/** The texts after a change. A field that takes its initial value leaves the address. */
export function changeTexts(
  texts: ReadonlyMap<StateKey, string>,
  change: Partial<State>,
): Map<StateKey, string> {
  const out = new Map(texts);
  for (const key of STATE_KEYS) {
    if (!(key in change)) continue;
    const value = change[key] ?? fields[key].initial;
    const text = fields[key].write(value);
    if (text === fields[key].write(fields[key].initial)) out.delete(key);
    else out.set(key, text);
  }
  return out;
}

/** The fragment of an address, without `#`. */
export function formatFragment(texts: ReadonlyMap<StateKey, string>): string {
  const params = new URLSearchParams();
  for (const key of STATE_KEYS) {
    const text = texts.get(key);
    if (text !== undefined) params.set(key, text);
  }
  return params.toString();
}
