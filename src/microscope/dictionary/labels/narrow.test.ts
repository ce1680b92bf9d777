import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Rng } from '../../../base/rng.ts';
import { createNarrower, createNarrowFinder } from './narrow.ts';
import { orderEvents, textColumns } from './scan.ts';
import { shownLabel } from './show.ts';
import { readLabels, writeLabels } from './store.ts';
import type { FeatureLabels, LabelledFeature, TokenLabel } from './types.ts';

const folder = await mkdtemp(join(tmpdir(), 'narrow-'));
after(() => rm(folder, { recursive: true, force: true }));

/** Twelve tokens at random; concept 0 holds in the first half of the text, concept 1 everywhere. */
const TOKENS = 6000;
const rng = new Rng(5);
const ids = Array.from({ length: TOKENS }, () => rng.int(12));
const text = textColumns(
  {
    name: 'text',
    rows: [ids],
    documents: [ids.map((_, i) => i >> 4)],
    held: [ids.map((_, i) => (i < TOKENS / 2 ? [0, 1] : [1]))],
  },
  [],
);
const firesAt = (holds: (i: number) => boolean, value = (i: number) => 1 + (i % 7)) => {
  const token = ids.flatMap((_, i) => (holds(i) ? [i] : []));
  return orderEvents(1, {
    token: Uint32Array.from(token),
    feature: new Uint32Array(token.length),
    value: Float32Array.from(token, value),
  });
};
const options = { concepts: 2, largestBar: 0.8, least: 20 };
const narrow = createNarrower(text, { ...options, accepts: () => true });

test('a feature that fires on a token under a concept only gets both', () => {
  const holds = (i: number) => ids[i] === 2 && i < TOKENS / 2;
  const found = narrow(firesAt(holds), 0);
  assert.ok(found);
  const { where, ids: named, within, f1, largest } = found;
  assert.deepEqual(
    { where, named, within, f1, largest },
    {
      where: 'on',
      named: [2],
      within: { concept: 0 },
      f1: 1,
      largest: 1,
    },
  );
  assert.deepEqual(
    createNarrowFinder(text)(found),
    ids.flatMap((_, i) => (holds(i) ? [i] : [])),
  );
});

test('a feature that fires on a token after another gets the two', () => {
  const found = narrow(
    firesAt((i) => ids[i] === 1 && ids[i - 1] === 3),
    0,
  );
  assert.deepEqual(
    [found?.where, found?.ids, found?.within],
    ['on', [1], { where: 'after', ids: [3] }],
  );
  assert.equal(found?.f1, 1);
});

test('the threshold leaves out where it fires weakly on something else', () => {
  const strong = (i: number) => ids[i] === 2 && i < TOKENS / 2;
  const events = firesAt(
    (i) => strong(i) || i % 3 === 0,
    (i) => (strong(i) ? 10 + (i % 5) : 1),
  );
  const found = narrow(events, 0);
  assert.deepEqual([found?.ids, found?.within, found?.f1], [[2], { concept: 0 }, 1]);
  assert.equal(found?.threshold, 10);
});

test('what is contradicted by the largest activations or too rare is not taken', () => {
  const scattered = firesAt((i) => i % 11 === 0);
  assert.equal(narrow(scattered, 0), null);
  const rare = createNarrower(text, { ...options, accepts: (concept) => concept === 1 });
  const found = rare(
    firesAt((i) => ids[i] === 2 && i < TOKENS / 2),
    0,
  );
  assert.notDeepEqual(found?.within, { concept: 0 });
  assert.equal(
    narrow(
      firesAt(() => false),
      0,
    ),
    null,
  );
});

const score = { f1: 0.9, low: 0.8, high: 0.95, precision: 0.9, recall: 0.9, auc: 0.9 };
const token = (id: number, name: string) => ({ id, text: name });
const tokens = (within: TokenLabel['within']): TokenLabel => ({
  where: 'on',
  tokens: [token(1, '.')],
  within,
  threshold: 1,
  positives: 30,
  largest: 1,
  ...score,
});
const labelled = (feature: number, within: TokenLabel['within']): LabelledFeature => ({
  feature,
  source: 'tokens',
  fires: 50,
  concept: null,
  tokens: tokens(within),
  promotes: [],
});

test('a context is kept in the file and shown after the tokens', async () => {
  const story = { id: 'mechanism/story', label: 'text of the kind story' };
  const labels: FeatureLabels = {
    model: 'm',
    dictionary: 'd',
    request: 'r',
    reads: [],
    writes: [],
    features: 3,
    bar: 0.5,
    largestBar: 0.8,
    l0: 1,
    train: { name: 'a', tokens: 100 },
    heldOut: { name: 'b', tokens: 100, documents: 10 },
    concepts: 1,
    labelled: [
      labelled(0, { concept: story }),
      labelled(1, { where: 'after', tokens: [token(2, ' to'), token(3, ' at')] }),
      labelled(2, undefined),
    ],
  };
  await writeLabels(folder, labels);
  const read = await readLabels(folder);
  assert.ok(read);
  const shown = read.labelled.map((one) => shownLabel(read, one));
  assert.deepEqual(
    shown.map((one) => [one?.label, one?.concept]),
    [
      ["'.' & text of the kind story", "'.' & mechanism/story"],
      ["'.' & after ' to', ' at'", null],
      ["'.'", null],
    ],
  );
  assert.deepEqual(read.labelled[1].tokens?.within, labels.labelled[1].tokens?.within);
});
