import assert from 'node:assert/strict';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { Rng } from '../../../base/rng.ts';
import { loadModel } from '../../../model/index.ts';
import { saveDictionary } from '../files.ts';
import { type Dictionary, dictionaryShapes } from '../types.ts';
import { createChooser, createScorer, largestCount, reaches } from './detect.ts';
import { labelFeatures } from './label.ts';
import { orderEvents, scanText, textColumns } from './scan.ts';
import { featureLabels, shownLabel } from './show.ts';
import { readLabels, writeLabels } from './store.ts';
import { createTokenChooser, createTokenFinder } from './tokens.ts';
import type { ConceptText, ConceptTexts } from './types.ts';

const folder = await mkdtemp(join(tmpdir(), 'labels-'));
after(() => rm(folder, { recursive: true, force: true }));

const model = await loadModel(join(import.meta.dirname, '../../../../test/fixtures/families/gpt2'));
const { dModel, dVocab } = model.config;
const READ = 'blocks.0.mlp.hook_in';

/** Rows of random tokens; concept 1 holds after token 3, concept 2 at random. */
function randomText(name: string, seed: number, rows: number): ConceptText {
  const rng = new Rng(seed);
  const ids = Array.from({ length: rows }, () => [
    0,
    ...Array.from({ length: 7 }, () => 1 + rng.int(dVocab - 1)),
  ]);
  return {
    name,
    rows: ids,
    documents: ids.map((row, r) => row.map(() => r)),
    held: ids.map((row) =>
      row.map((_, at) => [...(row[at - 1] === 3 ? [1] : []), ...(rng.next() < 0.3 ? [2] : [])]),
    ),
  };
}

/** Columns of a text with one document per ten tokens and given concepts. */
function columns(held: readonly (readonly number[])[]) {
  const rows = [held.map((_, i) => i % 5)];
  const documents = [held.map((_, i) => Math.floor(i / 10))];
  return textColumns({ name: 'text', rows, documents, held: [held] }, []);
}

const cases = fc
  .array(
    fc.record({
      value: fc.integer({ min: 0, max: 6 }),
      a: fc.boolean(),
      b: fc.boolean(),
    }),
    { minLength: 1, maxLength: 40 },
  )
  .map((tokens) => {
    const held = tokens.map(({ a, b }) => [...(a ? [0] : []), ...(b ? [1] : [])]);
    const fires = tokens.flatMap(({ value }, i) => (value > 0 ? [{ i, value }] : []));
    const events = orderEvents(1, {
      token: Uint32Array.from(fires, ({ i }) => i),
      feature: new Uint32Array(fires.length),
      value: Float32Array.from(fires, ({ value }) => value / 3),
    });
    const values = tokens.map(({ value }) => Math.fround(value / 3));
    return { text: columns(held), held, events, values };
  });

const f1At = (values: readonly number[], truth: readonly boolean[], threshold: number) => {
  const fired = values.map((value) => value >= threshold && value > 0);
  const hits = fired.filter((on, i) => on && truth[i]).length;
  const all = fired.filter(Boolean).length + truth.filter(Boolean).length;
  return all === 0 ? 0 : (2 * hits) / all;
};

test('the walk finds the best threshold of every concept that trying them all finds', () => {
  fc.assert(
    fc.property(cases, ({ text, held, events, values }) => {
      const chosen = createChooser(text, 2, { accepts: () => true })(events, 0, 2);
      for (const concept of [0, 1]) {
        const truth = held.map((list) => list.includes(concept));
        const best = Math.max(
          0,
          ...values.map((value) => (value > 0 ? f1At(values, truth, value) : 0)),
        );
        const found = chosen.find((one) => one.concept === concept);
        assert.ok(Math.abs((found?.f1 ?? 0) - best) < 1e-12);
        if (found) assert.ok(Math.abs(f1At(values, truth, found.threshold) - best) < 1e-12);
      }
    }),
  );
});

test('scores agree with counting, and the area under the curve with comparing all pairs', () => {
  fc.assert(
    fc.property(cases, fc.integer({ min: 1, max: 6 }), ({ text, held, events, values }, level) => {
      const scorer = createScorer(text);
      const truth = held.map((list) => list.includes(0));
      const threshold = Math.fround(level / 3);
      const truths = scorer.truths(truth.flatMap((holds, i) => (holds ? [i] : [])));
      const score = scorer.score(events, 0, { truths, threshold });
      assert.ok(Math.abs(score.f1 - f1At(values, truth, threshold)) < 1e-12);
      const pairs = values.flatMap((p, i) =>
        values.flatMap((n, j) => (truth[i] && !truth[j] ? [p > n ? 1 : p === n ? 0.5 : 0] : [])),
      );
      const auc = pairs.length > 0 ? pairs.reduce((a: number, b) => a + b, 0) / pairs.length : 0.5;
      assert.ok(Math.abs(score.auc - auc) < 1e-12);
    }),
  );
});

test('the largest activations are a tenth, at least 20, at most all', () => {
  assert.deepEqual([0, 3, 20, 150, 201, 1000].map(largestCount), [0, 3, 20, 20, 21, 100]);
});

test('intervals hold the score and shrink with the text', () => {
  const widths = [20, 2000].map((documents) => {
    const rng = new Rng(4);
    const held = Array.from({ length: documents * 10 }, () => (rng.next() < 0.3 ? [0] : []));
    const text = columns(held);
    const on = held.flatMap((list, i) => (list.length > 0 === rng.next() < 0.8 ? [i] : []));
    const events = orderEvents(1, {
      token: Uint32Array.from(on),
      feature: new Uint32Array(on.length),
      value: new Float32Array(on.length).fill(1),
    });
    const scorer = createScorer(text);
    const truths = scorer.truths(held.flatMap((list, i) => (list.length > 0 ? [i] : [])));
    const { f1, low, high } = scorer.score(events, 0, { truths, threshold: 1 });
    assert.ok(low <= f1 && f1 <= high);
    return high - low;
  });
  assert.ok(widths[1] < widths[0] / 3, String(widths));
});

test('tokens: on, after or before, as few as explain where a feature fires', () => {
  const ids = [1, 2, 3, 1, 4, 3, 1, 2, 4, 3, 2, 1];
  const text = textColumns(
    { name: 'text', rows: [ids], documents: [ids.map(() => 0)], held: [[]] },
    [],
  );
  const fires = (where: readonly number[]) =>
    orderEvents(1, {
      token: Uint32Array.from(where),
      feature: new Uint32Array(where.length),
      value: new Float32Array(where.length).fill(2),
    });
  const choose = createTokenChooser(text);
  const on = choose(fires([0, 3, 6, 11, 4, 8]), 0);
  assert.deepEqual([on?.where, [...(on?.ids ?? [])].sort(), on?.f1], ['on', [1, 4], 1]);
  const following = choose(fires([3, 6, 10]), 0);
  assert.deepEqual([following?.where, following?.ids, following?.f1], ['after', [3], 1]);
  // Just before every 3, after different tokens.
  const leading = choose(fires([1, 4, 8]), 0);
  assert.deepEqual([leading?.where, leading?.ids, leading?.f1], ['before', [3], 1]);
  assert.deepEqual(leading && createTokenFinder(text)(leading), [1, 4, 8]);
});

/** Fires weakly at 400 tokens where concept 0 holds and strongly at 60 where concept 1 does, of 4,000. */
function contradicting() {
  const held = Array.from({ length: 4000 }, (_, i) =>
    i % 10 === 0 ? [0] : i % 65 === 1 ? [1] : [],
  );
  const text = columns(held);
  const at = held.flatMap(([concept], i) => (concept === undefined ? [] : [{ i, concept }]));
  const events = orderEvents(1, {
    token: Uint32Array.from(at, ({ i }) => i),
    feature: new Uint32Array(at.length),
    value: Float32Array.from(at, ({ i, concept }) => (concept === 1 ? 9 : 1) + (i % 7) / 100),
  });
  return { held, text, events };
}

test('a concept that the largest activations contradict is not chosen, however large its F1', () => {
  const { held, text, events } = contradicting();
  const options = { accepts: () => true };
  const [plain] = createChooser(text, 2, options)(events, 0, 1);
  assert.equal(plain.concept, 1, 'F1 1 at a high threshold');
  const scorer = createScorer(text);
  const truths = [0, 1].map((concept) =>
    scorer.truths(held.flatMap((list, i) => (list.includes(concept) ? [i] : []))),
  );
  const weak = scorer.score(events, 0, { truths: truths[0], threshold: 1 });
  assert.ok(weak.f1 > 0.9, String(weak.f1));
  assert.equal(weak.largest, 0);
  assert.equal(reaches(weak, { bar: 0.5, largestBar: 0.8 }), false);
  const strong = scorer.score(events, 0, { truths: truths[1], threshold: 9 });
  assert.equal(strong.largest, 1);
  assert.equal(reaches(strong, { bar: 0.5, largestBar: 0.8 }), true);
  // Without the concept that holds at the top, nothing is chosen rather than the one that does not.
  const only = { accepts: (concept: number) => concept === 0 };
  assert.equal(createChooser(text, 2, only)(events, 0, 1).length, 1);
  assert.deepEqual(createChooser(text, 2, { ...only, largestBar: 0.8 })(events, 0, 1), []);
});

test('tokens that do not stand at the largest activations give way to those that do', () => {
  // Token 1 everywhere it fires weakly, tokens 5 to 24 once each where it fires most.
  const ids = Array.from({ length: 400 }, (_, i) => (i < 20 ? 5 + i : i % 2 === 0 ? 1 : 2));
  const text = textColumns(
    { name: 'text', rows: [ids], documents: [ids.map(() => 0)], held: [[]] },
    [],
  );
  const fires = ids.flatMap((id, i) => (id === 2 ? [] : [i]));
  const events = orderEvents(1, {
    token: Uint32Array.from(fires),
    feature: new Uint32Array(fires.length),
    value: Float32Array.from(fires, (i) => (i < 20 ? 9 - i / 100 : 1)),
  });
  const plain = createTokenChooser(text)(events, 0);
  assert.ok(plain?.ids.includes(1) && plain.f1 > 0.9 && plain.largest < 0.2);
  const consistent = createTokenChooser(text, { largestBar: 0.8 })(events, 0);
  assert.ok(consistent && !consistent.ids.includes(1), String(consistent?.ids));
});

/** Feature 0 and 1 are random directions, 2 never fires. */
const config: Dictionary['config'] = {
  activation: { kind: 'relu' },
  reads: [READ],
  writes: ['blocks.0.hook_mlp_out'],
  dIn: dModel,
  dOut: dModel,
  dDict: 3,
  centreInput: false,
  skip: false,
  scale: 1,
  model: { name: model.name, hash: null },
};
const rng = new Rng(9);
const params = Object.fromEntries(
  Object.entries(dictionaryShapes(config)).map(([name, shape]) => {
    const size = shape.reduce((a, b) => a * b);
    const data = Float32Array.from({ length: size }, () => rng.normal());
    return [name, { dtype: 'float32' as const, shape, data }];
  }),
);
(params.b_enc.data as Float32Array).set([0, 0, -1e6]);
const dictionary: Dictionary = { config, params };

/** Concept 0 holds exactly where feature 0 is above this, as far as the feature is concerned a planted truth. */
const LEVEL = 0.8;

async function planted(text: ConceptText): Promise<ConceptText> {
  const { cache } = await model.runWithCache(text.rows, [READ], { logits: 'none' });
  const x = cache[READ].data as Float32Array;
  const strong = (i: number) => {
    let dot = 0;
    for (let d = 0; d < dModel; d++) {
      dot += x[i * dModel + d] * Number(params['W_enc.0'].data[d * 3]);
    }
    return dot > LEVEL;
  };
  return {
    ...text,
    held: text.held.map((row, r) =>
      row.map((list, at) => (strong(r * row.length + at) ? [0, ...list] : list)),
    ),
  };
}

const texts: ConceptTexts = {
  concepts: [
    { id: 'strong', label: 'where feature 0 is strong' },
    { id: 'after-3', label: 'after token 3' },
    { id: 'chance', label: 'chance' },
  ],
  train: await planted(randomText('text to choose by', 1, 150)),
  heldOut: await planted(randomText('text to score on', 2, 130)),
};
const [run] = (await labelFeatures(model, [dictionary], { texts, excluded: [0] })) ?? [];
const { labels } = run;

test('a feature gets the concept it was made for, a silent one gets none', () => {
  assert.deepEqual(
    labels.labelled.map(({ feature }) => feature),
    [0, 1],
  );
  const [own, random] = labels.labelled;
  assert.equal(own.concept?.concept.id, 'strong');
  assert.ok(own.concept.f1 > 0.95, String(own.concept.f1));
  assert.ok(own.concept.auc > 0.99);
  assert.ok(Math.abs(own.concept.threshold - LEVEL) < 0.1);
  assert.ok(own.concept.low > (random.concept?.high ?? 0));
  assert.equal(own.source, 'concept');
  assert.equal(own.promotes.length, 3);
  assert.equal(labels.heldOut.tokens, 130 * 7);
  assert.equal(labels.heldOut.documents, 130);
});

test('stopping leaves nothing, and reports come while it works', async () => {
  const seen = new Set<string>();
  const stop = new AbortController();
  const result = await labelFeatures(model, [dictionary], {
    texts,
    excluded: [0],
    signal: stop.signal,
    progress: ({ label }) => {
      seen.add(label);
      if (label.includes('score')) stop.abort();
    },
  });
  assert.equal(result, null);
  assert.deepEqual([...seen], ['reading text to choose by', 'reading text to score on']);
});

test('files keep what is shown, in little room, and find their feature', async () => {
  const place = join(folder, 'set', 'transcoder-0');
  await saveDictionary(place, dictionary);
  await writeLabels(place, labels);
  const read = await readLabels(place);
  assert.ok(read);
  assert.equal(read.dictionary, labels.dictionary);
  labels.labelled.forEach((one, i) => {
    const [was, is] = [shownLabel(labels, one), shownLabel(read, read.labelled[i])];
    assert.equal(is?.label, was?.label);
    assert.ok(Math.abs((is?.score ?? 0) - (was?.score ?? 0)) <= 0.0005);
  });
  assert.ok((await stat(join(place, 'labels.json'))).size < 2500);
  const lookup = await featureLabels(join(folder, 'set'), { dictionaries: [dictionary] });
  assert.equal(lookup(0, 0)?.label, 'where feature 0 is strong');
  assert.match(lookup(0, 0)?.how ?? '', /F1 on held-out text/);
  assert.equal(lookup(0, 2), null);
  assert.equal(lookup(1, 0), null);
  const changed = { ...dictionary, config: { ...dictionary.config, scale: 2 } };
  const other = await featureLabels(join(folder, 'set'), { dictionaries: [changed] });
  assert.equal(other(0, 0), null, 'labels of another dictionary are not shown');
});

test('a damaged file is named, a missing one is no labels', async () => {
  const place = join(folder, 'damaged');
  await saveDictionary(place, dictionary);
  assert.equal(await readLabels(place), null);
  await writeFile(join(place, 'labels.json'), '{"format": "other"}');
  await assert.rejects(readLabels(place), { code: 'bad-labels', message: /format/ });
  await writeFile(join(place, 'labels.json'), '{');
  await assert.rejects(readLabels(place), { code: 'bad-labels' });
});

test('events hold every activation above zero, each with its token', async () => {
  const [events] =
    (await scanText(model, [dictionary], { text: texts.train, excluded: [0] })) ?? [];
  const text = textColumns(texts.train, [0]);
  assert.equal(events.start[3], events.token.length);
  assert.equal(events.start[3], events.start[2], 'feature 2 is silent');
  const { cache } = await model.runWithCache(texts.train.rows, [READ], { logits: 'none' });
  const x = cache[READ].data as Float32Array;
  const encoder = dictionary.params['W_enc.0'].data;
  for (const at of [0, 17, 400]) {
    const [row, position] = [text.row[at], text.position[at]];
    let expected = Number(dictionary.params.b_enc.data[0]);
    for (let d = 0; d < dModel; d++) {
      expected += x[(row * 8 + position) * dModel + d] * Number(encoder[d * 3]);
    }
    const index = events.token.subarray(0, events.start[1]).indexOf(at);
    const found = index < 0 ? 0 : events.value[index];
    assert.ok(Math.abs(found - Math.max(0, expected)) < 1e-3, `${found} ${expected}`);
  }
});
