import { GlassboxError } from '../../base/error.ts';
import { Rng } from '../../base/rng.ts';
import type { Model } from '../../model/model.ts';
import type { CircuitExample } from '../circuits/metric.ts';
import { encodePrompt } from '../prompt.ts';
import { englishTemplates, type IoiTemplates } from './templates.ts';

/** The second person acts (ABBA), or the first (BABA). */
export type IoiOrder = 'ABBA' | 'BABA';

/**
 * How the corrupted prompt differs (the corruptions of Wang et al. 2022). `abc`: three other people, one in each
 * place, so that nobody is repeated. `s2-io`: the other of the two acts, so that the answer flips. `s2-random`,
 * `s1-random`, `io-random`: somebody else at that place. `s-random`: another subject, at both places.
 * `order`: the first two people change places, which keeps the answer.
 */
export const ioiCorruptions = [
  'abc',
  's2-io',
  's2-random',
  's1-random',
  's-random',
  'io-random',
  'order',
] as const;
/** The name of a way to corrupt a sentence. */
export type IoiCorruption = (typeof ioiCorruptions)[number];

/** Where the people stand: the indirect object, the subject twice, and the last token. */
export interface IoiPositions {
  readonly io: number;
  readonly s1: number;
  /** The token after the subject's first mention. */
  readonly s1Next: number;
  readonly s2: number;
  readonly end: number;
}

/** One sentence with its corruption; `target` is the indirect object, `distractor` the subject. */
export interface IoiExample extends CircuitExample {
  readonly text: string;
  readonly corruptedText: string;
  readonly order: IoiOrder;
  readonly positions: IoiPositions;
}

/** Which sentences are made. */
export interface IoiOptions {
  /** Sentences, half of each order; 32 unless told. */
  readonly count?: number;
  readonly seed?: number;
  /** `abc` unless told. */
  readonly corruption?: IoiCorruption;
  /** English sentences unless told. */
  readonly templates?: IoiTemplates;
}

type Slots = Readonly<Record<string, string>>;

/** A filled template and where each slot's text ends. */
function fill(template: string, slots: Slots): { text: string; ends: Record<string, number> } {
  const ends: Record<string, number> = {};
  let text = '';
  template.split(/\{(\w+)\}/).forEach((part, i) => {
    text += i % 2 === 0 ? part : slots[part];
    if (i % 2 === 1) ends[part] = text.length;
  });
  return { text, ends };
}

/** Ids of a prompt behind the begin-of-text token, where the model has one. */
export function ioiTokens(model: Model, text: string): number[] {
  const ids = encodePrompt(model, text);
  const { bos } = model.config.tokens;
  return bos === null || ids[0] === bos ? ids : [bos, ...ids];
}

/** Names that are one token in the middle of a sentence, and one at its beginning where they stand there. */
function usableNames(model: Model, { names, templates }: IoiTemplates): Map<string, number> {
  const encode = (text: string) => model.tokenizer!.encode(text, { addSpecialTokens: false });
  const opens = templates.some((template) => template.startsWith('{'));
  const found = new Map<string, number>();
  for (const name of names) {
    const inside = encode(` ${name}`);
    if (inside.length !== 1 || (opens && encode(name).length !== 1)) continue;
    // A word the tokenizer does not know is one token too, the same for all of them.
    if (inside[0] === model.tokenizer!.special.unk) continue;
    found.set(name, inside[0]);
  }
  if (found.size >= 5) return found;
  throw new GlassboxError(
    `${found.size} of ${names.length} names are one token for ${model.name}; five are needed`,
    {
      code: 'too-few-names',
      remedy: 'Use a tokenizer with whole-word names, or give templates with other names.',
    },
  );
}

function corruptedSlots(
  slots: Slots,
  people: readonly string[],
  corruption: IoiCorruption,
): Record<string, string> {
  const [io, subject, ...others] = people;
  const put = (io: string, s1: string, s2: string) =>
    slots.first === subject
      ? { ...slots, first: s1, second: io, giver: s2 }
      : { ...slots, first: io, second: s1, giver: s2 };
  switch (corruption) {
    case 'abc':
      return { ...slots, first: others[0], second: others[1], giver: others[2] };
    case 's2-io':
      return put(io, subject, io);
    case 's2-random':
      return put(io, subject, others[0]);
    case 's1-random':
      return put(io, others[0], subject);
    case 's-random':
      return put(io, others[0], others[0]);
    case 'io-random':
      return put(others[0], subject, subject);
    case 'order':
      return { ...slots, first: slots.second, second: slots.first, giver: subject };
  }
}

/**
 * Sentences for indirect object identification (Wang et al. 2022) for any tokenizer, in both orders. Names
 * that are several tokens are left out; prompts begin with the begin-of-text token where there is one.
 *
 * @throws GlassboxError `too-few-names`, `no-tokenizer`
 */
export function ioiDataset(model: Model, options: IoiOptions = {}): IoiExample[] {
  const { count = 32, seed = 0, corruption = 'abc', templates = englishTemplates } = options;
  encodePrompt(model, templates.templates[0]);
  const ids = usableNames(model, templates);
  const names = [...ids.keys()];
  const rng = new Rng(seed);
  return Array.from({ length: count }, (_, i) => {
    const template = rng.pick(templates.templates);
    const order: IoiOrder = i % 2 === 0 ? 'ABBA' : 'BABA';
    const people = rng.sample(names, 5);
    const [io, subject] = people;
    const slots: Record<string, string> = {
      ...Object.fromEntries(
        Object.entries(templates.slots).map(([slot, values]) => [slot, rng.pick(values)]),
      ),
      first: order === 'ABBA' ? io : subject,
      second: order === 'ABBA' ? subject : io,
      giver: subject,
    };
    const { text, ends } = fill(template, slots);
    const corruptedText = fill(template, corruptedSlots(slots, people, corruption)).text;
    const at = (slot: string) => ioiTokens(model, text.slice(0, ends[slot])).length - 1;
    const clean = ioiTokens(model, text);
    const s1 = at(order === 'ABBA' ? 'second' : 'first');
    return {
      text,
      corruptedText,
      order,
      clean,
      corrupted: ioiTokens(model, corruptedText),
      target: ids.get(io)!,
      distractor: ids.get(subject)!,
      positions: {
        io: at(order === 'ABBA' ? 'first' : 'second'),
        s1,
        s1Next: s1 + 1,
        s2: at('giver'),
        end: clean.length - 1,
      },
    };
  });
}
