import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Rng } from '../../base/rng.ts';
import { defaultMixture } from '../data.ts';
import { createTokenizer } from '../tokenizer.ts';
import { documentText, type Mechanism, mechanisms } from '../world/types.ts';
import { createWorld } from '../world/world.ts';
import { worldConcepts } from './concepts.ts';
import { probeText } from './probes.ts';
import { conceptTexts } from './text.ts';

const world = createWorld();
const tokenizer = createTokenizer(world);
const known = worldConcepts(world, tokenizer);

/** A document of a mechanism that `wanted` accepts, as tokens with the concepts that hold. */
function marked(mechanism: Mechanism, wanted: (text: string) => boolean = () => true) {
  for (let seed = 0; seed < 5000; seed++) {
    const document = world.write(mechanism, new Rng(seed), seed % 2 ? 'held-out' : 'train');
    const text = documentText(document);
    if (!wanted(text)) continue;
    const { ids, held } = known.mark(document);
    const words = ids.map((id) => tokenizer.decode([id]).trim());
    const where = (id: string) => {
      const index = known.index.get(id);
      assert.notEqual(index, undefined, id);
      return words.flatMap((word, i) => (held[i].includes(index as number) ? [word] : []));
    };
    return { document, text, words, where, truth: document.truth };
  }
  return assert.fail(`no ${mechanism} as wanted`);
}

test('every concept has a name of its own, and there are a few hundred', () => {
  assert.ok(known.concepts.length > 300, String(known.concepts.length));
  assert.equal(known.index.size, known.concepts.length);
  const labels = new Set(known.concepts.map(({ label }) => label));
  assert.equal(labels.size, known.concepts.length);
});

test('marks name listed concepts only, one list per token of the document', () => {
  for (const mechanism of mechanisms) {
    for (let seed = 0; seed < 40; seed++) {
      for (const split of ['train', 'held-out'] as const) {
        const document = world.write(mechanism, new Rng(seed), split);
        const { ids, held } = known.mark(document);
        assert.deepEqual(
          ids,
          document.parts.flatMap(({ text }) => tokenizer.encode(text)),
        );
        assert.equal(held.length, ids.length);
        assert.ok(held.flat().every((index) => index in known.concepts));
      }
    }
  }
});

test('people: first, second, repeated name and indirect object', () => {
  const { where, truth } = marked('indirect-object', (text) => text.startsWith('When '));
  const giver = truth?.entities.subject as string;
  assert.deepEqual(where('io/repeated'), [giver]);
  assert.deepEqual(where('io/object'), [truth?.answer]);
  assert.deepEqual(where('io/answer'), [truth?.answer]);
  assert.deepEqual(where('io/before'), ['to']);
  assert.deepEqual(where('io/after-repeat').slice(0, 1), [giver]);
  const order = truth?.entities.order === 'BABA' ? 'io/first-repeated' : 'io/second-repeated';
  assert.equal(where(order)[0], giver);
});

test('sums: operands, carry, digits of the sum', () => {
  const { where, truth, text } = marked('addition', (found) =>
    /^\d\d \+ \d\d = 1\d\d$/.test(found),
  );
  const [a, b] = [truth?.entities.a as string, truth?.entities.b as string];
  assert.deepEqual(where('sum/first-operand').join(''), a);
  assert.deepEqual(where('sum/second-operand').join(''), b);
  const carry = Number(a[1]) + Number(b[1]) > 9;
  assert.equal(where('sum/carry').length > 0, carry, text);
  assert.equal(where('sum/no-carry').length > 0, !carry);
  assert.deepEqual(where('sum/before'), ['=']);
  assert.deepEqual(where('sum/first-digit'), ['1']);
  assert.deepEqual(where('sum/hundred').join(''), `${b[1]}=${truth?.answer}`);
  assert.deepEqual(where(`sum/next-last=${truth?.answer.at(-1)}`), [truth?.answer[1]]);
});

test('worked sums: the thinking, its totals, the final answer', () => {
  const { where, truth, text } = marked('worked-sums');
  const inside = /<think>.*<\/think>/u.exec(text)?.[0] as string;
  assert.equal(where('think/inside').length, tokenizer.encode(inside).length);
  const totals = [...inside.matchAll(/= (\d+)/g)].map(([, total]) => total);
  assert.equal(where('worked/total').join(''), totals.join(''));
  assert.equal(where('worked/final').join(''), truth?.answer);
});

test('the atlas: the state in between is known from the place on', () => {
  const { where, truth, words } = marked('two-hop', (text) => text.startsWith('The '));
  const { state, place, relation } = truth!.entities;
  assert.equal(where(`state/${state}`)[0], place);
  assert.ok(where(`asked/${relation}`).includes(truth?.answer as string));
  assert.deepEqual(where(`place-of/${state}`), [place]);
  assert.deepEqual(where(`next-fact/${state}`), ['is']);
  assert.deepEqual(where('atlas/value'), [truth?.answer]);
  const other = world.atlas.states.find(({ name }) => name !== state)?.name;
  assert.deepEqual(where(`state/${other}`), []);
  assert.deepEqual(where('mechanism/two-hop'), words);
});

test('speakers: what a wrong one says, and the truth after it', () => {
  const { where, truth } = marked('speakers', (text) => /In truth/.test(text) && /^Ivo/.test(text));
  assert.equal(where('speaker/wrong')[0], 'Ivo');
  assert.ok(where('speaker/wrong').includes(truth?.answer as string));
  assert.deepEqual(where('speaker/truth'), ['In', 'truth', ',', 'it', 'is', truth?.knows, '.']);
  assert.deepEqual(where('speaker/right'), []);
});

test('requests, unknown names and repeated lists', () => {
  const harmful = marked('harmful');
  assert.equal(harmful.where('request/harmful')[0], harmful.truth?.entities.hazard);
  assert.equal(harmful.where('request/refusal')[0], 'I');
  assert.deepEqual(harmful.where('request/refuse-next'), ['<|assistant|>']);
  const unknown = marked('unknown');
  assert.equal(unknown.where('unknown/name').join(''), unknown.truth?.entities.name);
  const list = marked('induction');
  const length = Number(list.truth?.entities.length);
  assert.deepEqual(list.where('induction/second'), list.words.slice(length));
  const again = list.words.slice(length);
  assert.deepEqual(again, list.words.slice(0, again.length));
});

test('opposites: the cue is the slot even where the phrase holds the same word', () => {
  const { where, words } = marked('antonyms-zh', (text) => /^[从從]前前/u.test(text));
  assert.deepEqual(where('antonyms-zh/cue'), ['前']);
  assert.equal(words.indexOf('前'), 1);
  const after = where('antonyms-zh/after');
  assert.deepEqual(after, words.slice(2));
  const french = marked('antonyms-fr');
  assert.deepEqual(french.where('antonyms-fr/cue'), [french.truth?.entities.word]);
  assert.deepEqual(french.where('antonyms/answer'), [french.truth?.answer]);
});

test('both texts have the mixture of mechanisms that the model was trained on', () => {
  const texts = conceptTexts(world, { length: 96, trainRows: 256, heldOutRows: 256 });
  const total = mechanisms.reduce((sum, name) => sum + defaultMixture.shares[name], 0);
  for (const { rows, documents, held } of [texts.train, texts.heldOut]) {
    const kinds = new Map<number, string>();
    rows.forEach((row, r) => {
      row.forEach((_, i) => {
        for (const concept of held[r][i]) {
          const [prefix, kind] = texts.concepts[concept].id.split('/');
          if (prefix === 'mechanism') kinds.set(documents[r][i], kind);
        }
      });
    });
    const n = kinds.size;
    assert.ok(n > 800, String(n));
    for (const name of mechanisms) {
      const share = defaultMixture.shares[name] / total;
      const found = [...kinds.values()].filter((kind) => kind === name).length / n;
      // Five deviations of a share of n draws.
      const deviation = Math.sqrt((share * (1 - share)) / n);
      assert.ok(Math.abs(found - share) < 5 * deviation, `${name}: ${found}, expected ${share}`);
    }
  }
});

test('probes ask tokens that hold their answer, in enough rows of each', () => {
  const options = { length: 96, count: 20 };
  const states = probeText(world, 'state', options);
  assert.equal(new Set(states.labels).size, 30);
  states.rows.forEach((row, i) => {
    assert.equal(row.length, (states.positions?.[i] ?? 0) + 1, 'nothing after the token asked');
    const place = tokenizer.decode([row[row.length - 1]]).trim();
    assert.equal(world.atlas.stateOf.get(place)?.name, states.labels[i], place);
  });
  const kinds = probeText(world, 'word', options);
  const counts = new Map<string, number>();
  for (const label of kinds.labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  assert.ok(counts.size >= 15 && [...counts.values()].every((n) => n >= 10 && n <= 20));
  const texts = probeText(world, 'mechanism', options);
  assert.equal(texts.rows.length, 20 * mechanisms.length);
  assert.equal(texts.positions, undefined);
});

test('texts are deterministic, fit their rows and separate documents', () => {
  const options = { length: 96, trainRows: 12, heldOutRows: 8 };
  const texts = conceptTexts(world, options);
  assert.deepEqual(conceptTexts(world, options), texts);
  const { rows, documents, held } = texts.train;
  assert.equal(rows.length, 12);
  rows.forEach((row, i) => {
    assert.ok(row.length > 1 && row.length <= 96);
    assert.equal(row[0], tokenizer.id('<|endoftext|>'));
    assert.equal(documents[i].length, row.length);
    assert.equal(held[i].length, row.length);
    assert.ok(documents[i].every((one, at) => at === 0 || one >= documents[i][at - 1]));
  });
  assert.notDeepEqual(texts.heldOut.rows, rows.slice(0, 8));
});
