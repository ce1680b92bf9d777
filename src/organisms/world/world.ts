import { GlassboxError, nearestNames } from '../../base/error.ts';
import type { Rng } from '../../base/rng.ts';
import { type Atlas, createAtlas } from './atlas.ts';
import { contextWords, splitContext } from './context.ts';
import type { Split } from './hold-out.ts';
import { englishPairs } from './lexicon/antonyms.ts';
import { birds, dishes, flowers } from './lexicon/atlas-words.ts';
import { storyNames } from './lexicon/people.ts';
import { animals, objects, settings } from './lexicon/story-words.ts';
import { antonyms } from './mechanisms/antonyms.ts';
import { addition, workedSums } from './mechanisms/arithmetic.ts';
import { oneHop, twoHop } from './mechanisms/atlas-questions.ts';
import { indirectObject } from './mechanisms/indirect-object.ts';
import { induction } from './mechanisms/induction.ts';
import { puzzles } from './mechanisms/puzzles.ts';
import { benign, harmful } from './mechanisms/requests.ts';
import { smallTalk } from './mechanisms/small-talk.ts';
import { speakers } from './mechanisms/speakers.ts';
import { story } from './mechanisms/story.ts';
import { unknown } from './mechanisms/unknown.ts';
import {
  type Document,
  type Mechanism,
  type MechanismSource,
  SPECIAL,
  type Truth,
} from './types.ts';

/** The seed of the world that the shipped model was trained on. */
export const WORLD_SEED = 1;

/** A small world whose every right answer is known. */
export interface World {
  readonly seed: number;
  readonly atlas: Atlas;
  /** A document of one mechanism from one split; `rng` decides which. */
  write(mechanism: Mechanism, rng: Rng, split: Split): Document;
  /**
   * The right continuation of any prompt of the world, its mechanism and every entity it depends
   * on; undefined for free text. Context marks, a leading `<|endoftext|>` and sentences before the
   * last question are allowed.
   */
  truth(prompt: string): Truth | undefined;
  /** Texts whose words deserve a token of their own. */
  lexicon(): Iterable<string>;
}

/** Builds the world of a seed. Same seed, same names, facts, documents and held-out sets. */
export function createWorld(options: { readonly seed?: number } = {}): World {
  const seed = options.seed ?? WORLD_SEED;
  if (!Number.isInteger(seed) || seed < 0 || seed > 0xffffffff) {
    throw new GlassboxError(`world seed ${seed} is not an integer in [0, 4294967295]`, {
      code: 'bad-seed',
      remedy: 'Give a whole number such as 1.',
    });
  }
  const atlas = createAtlas(seed);
  const pool = [...animals, ...objects, ...settings, ...flowers, ...birds, ...dishes];
  const sources: readonly MechanismSource[] = [
    story(atlas),
    indirectObject(),
    oneHop(atlas),
    twoHop(atlas),
    addition(),
    workedSums(),
    antonyms('antonyms-en'),
    antonyms('antonyms-fr'),
    antonyms('antonyms-zh'),
    induction([...new Set([...pool, ...englishPairs.flat(), ...storyNames, ...atlas.places])]),
    harmful(),
    benign(atlas),
    unknown(atlas),
    smallTalk(),
    speakers(atlas),
    puzzles(),
  ];
  const byName = new Map(sources.map((source) => [source.name, source]));
  const read = (prompt: string): Truth | undefined => {
    // `unknown` reads any atlas question, so it must be asked after the atlas itself.
    for (const source of sources) {
      const truth = source.name === 'induction' ? undefined : source.read(prompt);
      if (truth) return truth;
    }
    return undefined;
  };
  return {
    seed,
    atlas,
    write(mechanism, rng, split) {
      const source = byName.get(mechanism);
      if (source) return source.write(rng, split);
      throw new GlassboxError(`unknown mechanism "${mechanism}"`, {
        code: 'unknown-mechanism',
        remedy: `Did you mean ${nearestNames(mechanism, byName.keys()).join(', ')}?`,
      });
    },
    truth(text) {
      const bare = text.startsWith(SPECIAL.endOfText) ? text.slice(SPECIAL.endOfText.length) : text;
      const repeated = byName.get('induction')?.read(bare);
      for (const candidate of questionsIn(splitContext(bare.trimEnd()).prompt)) {
        const truth = read(candidate);
        if (truth) return truth;
      }
      return repeated;
    },
    *lexicon() {
      for (const source of sources) yield* source.lexicon();
      yield* contextWords;
    },
  };
}

/** The prompt itself, then what is left of it after each sentence end: the last question wins. */
function* questionsIn(prompt: string): Iterable<string> {
  yield prompt;
  const ends = /(?:[.?。,]|<\|end\|>|<\|endoftext\|>)\s*/gu;
  for (const found of prompt.matchAll(ends)) yield prompt.slice(found.index + found[0].length);
}
