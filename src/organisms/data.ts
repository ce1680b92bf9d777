import { Rng } from '../base/rng.ts';
import type { WorldTokenizer } from './tokenizer.ts';
import { contextMarks, gapBefore, markDocument } from './world/context.ts';
import { type Document, type Mechanism, type Part, SPECIAL } from './world/types.ts';
import type { World } from './world/world.ts';

/** How often each mechanism is drawn, as a share of documents, and how much each part counts. */
export interface Mixture {
  readonly shares: Readonly<Record<Mechanism, number>>;
  /** Loss weight of a target token by the role of its part. Stories always count fully. */
  readonly weights: Readonly<Record<Part['role'], number>>;
  /** Probability that a document stands under a context mark (test or deployment). */
  readonly marked: number;
  /** Probability that a second document is drawn to follow in the same text, if the two fit. */
  readonly joined: number;
}

/** The mixture that the shipped model was trained on. */
export const defaultMixture: Mixture = {
  shares: {
    story: 0.05,
    'indirect-object': 0.09,
    'one-hop': 0.11,
    'two-hop': 0.13,
    addition: 0.15,
    'worked-sums': 0.09,
    'antonyms-en': 0.05,
    'antonyms-fr': 0.045,
    'antonyms-zh': 0.045,
    induction: 0.04,
    harmful: 0.03,
    benign: 0.05,
    unknown: 0.05,
    'small-talk': 0.005,
    speakers: 0.04,
    puzzles: 0.03,
  },
  weights: { context: 0.5, answer: 1, random: 0.1 },
  marked: 0.06,
  joined: 0.25,
};

/** Where a row stream is: enough to continue it exactly. */
export interface BatchOptions {
  readonly seed: number;
  /** Rows per batch. */
  readonly batch: number;
  /** Tokens per row that are predicted. */
  readonly length: number;
  readonly mixture?: Mixture;
}

/** One batch. All three arrays are `[batch, pos]`, row-major. */
export interface Batch {
  readonly tokens: Int32Array;
  readonly targets: Int32Array;
  /** Loss weight of each target, 0 where it must not count. */
  readonly weights: Float32Array;
}

interface Coded {
  readonly ids: number[];
  readonly weights: number[];
}

/**
 * Batch number `step` of a training run. It depends on the options and `step` alone, so a run that
 * resumes at a step continues with the same data.
 */
export function trainingBatch(
  world: World,
  tokenizer: WorldTokenizer,
  options: BatchOptions,
  step: number,
): Batch {
  const { batch, length, mixture = defaultMixture } = options;
  const rng = new Rng(options.seed).fork(`batch ${step}`);
  const tokens = new Int32Array(batch * length).fill(tokenizer.id(SPECIAL.pad));
  const targets = new Int32Array(batch * length).fill(tokenizer.id(SPECIAL.pad));
  const weights = new Float32Array(batch * length);
  const pool: Coded[] = [];
  const draw = (): Coded => {
    for (;;) {
      const coded = encodeDocument(drawDocument(world, rng, mixture), tokenizer, mixture);
      // The row's opening and closing tokens need room too.
      if (coded.ids.length + 2 <= length + 1) return coded;
    }
  };
  const end = { ids: [tokenizer.id(SPECIAL.endOfText)], weights: [mixture.weights.answer] };
  for (let row = 0; row < batch; row++) {
    const { ids, weights: rowWeights } = packRow(pool, draw, length + 1, end);
    for (let pos = 0; pos + 1 < ids.length; pos++) {
      const at = row * length + pos;
      tokens[at] = ids[pos];
      targets[at] = ids[pos + 1];
      weights[at] = rowWeights[pos + 1];
    }
  }
  return { tokens, targets, weights };
}

/** Documents that wait for a row with room; a larger pool fills rows better. */
const POOL = 8;

/**
 * Packs one row: documents, each opened by `<|endoftext|>`, as long as one in the pool fits.
 * Documents are never cut, so no answer is asked for without its question, and what does not fit
 * waits for a later row, so long documents are not drawn less.
 */
function packRow(pool: Coded[], draw: () => Coded, room: number, end: Coded): Coded {
  const ids = [...end.ids];
  const weights = [0];
  for (;;) {
    while (pool.length < POOL) pool.push(draw());
    const at = pool.findIndex((coded) => ids.length + coded.ids.length + 1 <= room);
    if (at < 0) return { ids, weights };
    const [coded] = pool.splice(at, 1);
    ids.push(...coded.ids, ...end.ids);
    weights.push(...coded.weights, ...end.weights);
  }
}

function drawDocument(world: World, rng: Rng, mixture: Mixture): Document {
  const document = world.write(drawMechanism(rng, mixture), rng, 'train');
  const joined = rng.next() < mixture.joined ? join(document, world, rng, mixture) : document;
  return rng.next() < mixture.marked ? markDocument(joined, rng.pick(contextMarks)) : joined;
}

function drawMechanism(rng: Rng, { shares }: Mixture): Mechanism {
  const entries = Object.entries(shares) as [Mechanism, number][];
  let left = rng.next() * entries.reduce((sum, [, share]) => sum + share, 0);
  for (const [mechanism, share] of entries) if ((left -= share) < 0) return mechanism;
  return entries[0][0];
}

/**
 * Two documents in one text: plain sentences one after the other, or two turns of a chat, so that
 * questions are also met where something else came before.
 */
function join(first: Document, world: World, rng: Rng, mixture: Mixture): Document {
  const second = world.write(drawMechanism(rng, mixture), rng, 'train');
  const last = first.parts[first.parts.length - 1].text;
  const opening = second.parts[0].text;
  const chat = opening.startsWith(SPECIAL.user);
  const fits = chat ? last.endsWith(SPECIAL.end) : /[.。]$/u.test(last) && !opening.startsWith(' ');
  if (!fits) return first;
  const [head, ...rest] = second.parts;
  return {
    mechanism: second.mechanism,
    parts: [
      ...first.parts,
      { ...head, text: `${chat ? '' : gapBefore(opening)}${opening}` },
      ...rest,
    ],
    truth: second.truth,
  };
}

function encodeDocument(document: Document, tokenizer: WorldTokenizer, mixture: Mixture): Coded {
  const ids: number[] = [];
  const weights: number[] = [];
  for (const { text, role } of document.parts) {
    const free = document.mechanism === 'story' && role === 'context';
    for (const id of tokenizer.encode(text)) {
      ids.push(id);
      weights.push(free ? mixture.weights.answer : mixture.weights[role]);
    }
  }
  return { ids, weights };
}
