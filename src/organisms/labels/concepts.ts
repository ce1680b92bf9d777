import type { Concept } from '../../microscope/dictionary/labels/types.ts';
import type { WorldTokenizer } from '../tokenizer.ts';
import type { Document } from '../world/types.ts';
import type { World } from '../world/world.ts';
import { atlasConcepts, markAtlas, stateOfWord } from './atlas.ts';
import { generalConcepts, markGeneral } from './general.ts';
import { markAntonyms, markOthers, markPeople, peopleConcepts } from './people.ts';
import { createMarking, piecesOf } from './pieces.ts';
import { markSums, sumConcepts } from './sums.ts';
import { wordClasses } from './words.ts';

/** Concepts about where in a row of text a token stands; they do not depend on the document. */
const positions: readonly Concept[] = [
  { id: 'position/start', label: 'the first document of a text' },
  { id: 'position/early', label: 'among the first 8 tokens of a text' },
  { id: 'position/late', label: 'after the first 64 tokens of a text' },
];

/** What is known of every token of a document. */
export interface MarkedDocument {
  /** Token ids, without an opening `<|endoftext|>`. */
  readonly ids: readonly number[];
  /** Per token, indices of the concepts that hold. */
  readonly held: readonly (readonly number[])[];
}

/** The planted concepts of a world, and a reader that knows them on its documents. */
export interface WorldConcepts {
  readonly concepts: readonly Concept[];
  /** Index of a concept by its id. */
  readonly index: ReadonlyMap<string, number>;
  mark(document: Document): MarkedDocument;
}

/**
 * The planted concepts of a world as predicates on tokens: kinds of words, entities that a question is about,
 * roles in a mechanism, steps of a sum, parts of a chat, what comes next. Their truth follows from how a document was
 * written, never from a model.
 */
export function worldConcepts(world: World, tokenizer: WorldTokenizer): WorldConcepts {
  const classes = wordClasses(world);
  const concepts: readonly Concept[] = [
    ...generalConcepts,
    ...positions,
    ...classes.flatMap(({ id, label }) => [
      { id: `word/${id}`, label },
      { id: `after/${id}`, label: `just after ${label}` },
    ]),
    ...atlasConcepts(world.atlas),
    ...sumConcepts,
    ...peopleConcepts,
  ];
  const index = new Map(concepts.map(({ id }, i) => [id, i]));
  const ofWord = stateOfWord(world.atlas);
  const kinds = new Map<string, string[]>();
  for (const { id, words } of classes) {
    for (const word of words) kinds.set(word, [...(kinds.get(word) ?? []), id]);
  }
  const mark = (document: Document): MarkedDocument => {
    const pieces = piecesOf(document, tokenizer);
    const held = pieces.map(() => new Set<string>());
    const marking = createMarking(document, pieces, held);
    markGeneral(marking);
    pieces.forEach(({ word }, i) => {
      for (const kind of kinds.get(word) ?? []) {
        marking.at(i, `word/${kind}`);
        marking.at(i + 1, `after/${kind}`);
      }
    });
    markAtlas(marking, world.atlas, ofWord);
    markSums(marking);
    markPeople(marking);
    markAntonyms(marking);
    markOthers(marking);
    return {
      ids: pieces.flatMap((piece) => piece.ids),
      held: pieces.flatMap((piece, i) => {
        const indices = [...held[i]].map((id) => index.get(id) as number);
        return piece.ids.map(() => indices);
      }),
    };
  };
  return { concepts, index, mark };
}
