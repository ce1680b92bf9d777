import type { Rng } from '../../base/rng.ts';

const onsets = 'b br c d dr f g gr h j k l m n p qu r s st t tr v w z sh th'.split(' ');
const vowels = 'a e i o u ae ei ou'.split(' ');
const codas = 'l n r s m rn ld nd st k th v'.split(' ');

/** Endings give each kind of thing its own sound; the rest of the name is random. */
const endings = {
  place: 'ford wick ton mere dale holm bury stead field haven port well'.split(' '),
  state: 'ia land ora esh una avia istan onia'.split(' '),
  capital: 'grad polis mont burg gate crown'.split(' '),
  person: 'ez ovich sen ari ine ulo ant eau'.split(' '),
  river: 'ana ow ine essa ur eth'.split(' '),
  language: 'ish ese ic anto ian'.split(' '),
  coin: 'ar on el in ot ek'.split(' '),
} as const;

/** A kind of thing the world invents names for. */
export type NameKind = keyof typeof endings;

/** One invented capitalised name, e.g. `Brandford` for a place. Not necessarily unique. */
export function inventName(rng: Rng, kind: NameKind): string {
  const syllable = () => rng.pick(onsets) + rng.pick(vowels);
  const stem = syllable() + rng.pick(codas);
  const long = kind === 'coin' || kind === 'river' ? false : rng.next() < 0.3;
  const name = (long ? syllable() : '') + stem + rng.pick(endings[kind]);
  return kind === 'coin' ? name : name[0].toUpperCase() + name.slice(1);
}

/** `count` different invented names that also differ from everything in `taken`, which grows. */
export function inventNames(rng: Rng, kind: NameKind, count: number, taken: Set<string>): string[] {
  const out: string[] = [];
  while (out.length < count) {
    const name = inventName(rng, kind);
    const key = name.toLowerCase();
    if (taken.has(key)) continue;
    taken.add(key);
    out.push(name);
  }
  return out;
}
