import { Rng } from '../../base/rng.ts';
import type { ConceptText, ConceptTexts } from '../../microscope/dictionary/labels/types.ts';
import { defaultMixture } from '../data.ts';
import { createTokenizer } from '../tokenizer.ts';
import { contextMarks, markDocument } from '../world/context.ts';
import type { Split } from '../world/hold-out.ts';
import { mechanisms, SPECIAL } from '../world/types.ts';
import type { World } from '../world/world.ts';
import { type WorldConcepts, worldConcepts } from './concepts.ts';

/** How much text with known concepts is made. */
/** How much text, and which. */
export interface ConceptTextOptions {
  /** Tokens per row at most. */
  readonly length: number;
  /** Rows to choose by; 1,024 unless told. */
  readonly trainRows?: number;
  /** Rows to score on; 768 unless told. */
  readonly heldOutRows?: number;
  /** Seed of the text to choose by; the other follows from it. 5001 unless told. */
  readonly seed?: number;
}

/**
 * Text of a world in which it is known of every token which planted concepts hold: documents to choose labels by, and
 * documents about combinations that were never trained to score them on (mechanisms that have no such
 * combinations, like small talk, are written anew with another seed). Mechanisms and marks have their shares of
 * training; rows are packed as in training.
 */
export function conceptTexts(world: World, options: ConceptTextOptions): ConceptTexts {
  const { length, trainRows = 1024, heldOutRows = 768, seed = 5001 } = options;
  const tokenizer = createTokenizer(world);
  const known = worldConcepts(world, tokenizer);
  const opening = tokenizer.id(SPECIAL.endOfText);
  const write = (split: Split, rows: number, own: number) =>
    writeText({ world, known, opening, length, split, rows, seed: own });
  return {
    concepts: known.concepts,
    train: write('train', trainRows, seed),
    heldOut: write('held-out', heldOutRows, seed + 1),
  };
}

function writeText(options: {
  readonly world: World;
  readonly known: WorldConcepts;
  readonly opening: number;
  readonly length: number;
  readonly split: Split;
  readonly rows: number;
  readonly seed: number;
}): ConceptText {
  const { known, opening, length, split, seed } = options;
  const rng = new Rng(seed).fork(`labels ${split}`);
  const [start, early, late] = ['position/start', 'position/early', 'position/late'].map(
    (id) => known.index.get(id) as number,
  );
  const rows: number[][] = [];
  const documents: number[][] = [];
  const held: number[][][] = [];
  let waiting = drawDocument(options, rng);
  let count = 0;
  while (rows.length < options.rows) {
    const [ids, owners, concepts] = [[opening], [count], [[] as number[]]];
    for (let first = true; ids.length + waiting.ids.length <= length; first = false) {
      if (!first) {
        ids.push(opening);
        owners.push(count);
        concepts.push([]);
        if (ids.length + waiting.ids.length > length) break;
      }
      waiting.ids.forEach((id, i) => {
        const at = ids.length;
        const place = [...(first ? [start] : []), ...(at <= 8 ? [early] : at > 64 ? [late] : [])];
        ids.push(id);
        owners.push(count);
        concepts.push([...waiting.held[i], ...place]);
      });
      count++;
      waiting = drawDocument(options, rng);
    }
    // A document longer than a row can never stand in one.
    if (ids.length === 1) waiting = drawDocument(options, rng);
    else {
      rows.push(ids);
      documents.push(owners);
      held.push(concepts);
    }
  }
  const kind = split === 'train' ? 'documents' : 'held-out documents';
  return { name: `${count} ${kind} of the built-in world, seed ${seed}`, rows, documents, held };
}

function drawDocument(
  { world, known, split }: { world: World; known: WorldConcepts; split: Split },
  rng: Rng,
) {
  const { shares, marked } = defaultMixture;
  let left = rng.next() * mechanisms.reduce((sum, name) => sum + shares[name], 0);
  const mechanism = mechanisms.find((name) => (left -= shares[name]) < 0) ?? mechanisms[0];
  const document = world.write(mechanism, rng, split);
  return known.mark(
    rng.next() < marked ? markDocument(document, rng.pick(contextMarks)) : document,
  );
}
