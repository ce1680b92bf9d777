import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Rng } from '../../base/rng.ts';
import { relations } from './atlas.ts';
import { contextMarks, markContext } from './context.ts';
import { documentText, mechanisms, promptOf } from './types.ts';
import { createWorld } from './world.ts';

const world = createWorld();
const withAnswer = mechanisms.filter((name) => name !== 'story');

test('the atlas has 150 places in 30 states and 30 different values per relation', () => {
  const { atlas } = world;
  assert.equal(atlas.places.length, 150);
  assert.equal(atlas.states.length, 30);
  assert.equal(new Set(atlas.places).size, 150);
  for (const relation of relations) {
    assert.equal(new Set(atlas.states.map((state) => state.facts[relation])).size, 30);
  }
  for (const state of atlas.states) {
    const own = atlas.places.filter((place) => atlas.stateOf.get(place) === state);
    assert.equal(own.length, 5);
    assert.notEqual(state.rival, state.name);
  }
});

test('one in five (place, relation) combinations is held out, evenly over relations', () => {
  const { atlas } = world;
  for (const relation of relations) {
    const heldOut = atlas.places.filter((place) => atlas.split(place, relation) === 'held-out');
    assert.equal(heldOut.length, 30, relation);
  }
  for (const place of atlas.places) {
    const trained = relations.filter((relation) => atlas.split(place, relation) === 'train');
    assert.ok(trained.length >= 6, `${place} is trained on ${trained.length} relations`);
  }
});

test('the truth of every prompt is what its document says, in both splits', () => {
  for (const mechanism of withAnswer) {
    fc.assert(
      fc.property(fc.nat(), fc.constantFrom('train', 'held-out'), (seed, split) => {
        const document = world.write(mechanism, new Rng(seed), split as 'train' | 'held-out');
        const { prompt } = promptOf(document);
        assert.deepEqual(world.truth(prompt), document.truth, prompt);
      }),
      { numRuns: 150 },
    );
  }
});

test('a context mark, an opening token or an earlier sentence does not change the truth', () => {
  for (const mechanism of withAnswer.filter((name) => name !== 'induction')) {
    const rng = new Rng(5);
    for (let i = 0; i < 20; i++) {
      const document = world.write(mechanism, rng, 'train');
      const { prompt } = promptOf(document);
      for (const mark of contextMarks) {
        assert.deepEqual(world.truth(markContext(prompt, mark)), document.truth);
      }
      assert.deepEqual(world.truth(`<|endoftext|>${prompt}`), document.truth);
      const earlier = documentText(world.write('one-hop', rng, 'train'));
      assert.deepEqual(world.truth(`${earlier} ${prompt}`)?.answer, document.truth?.answer, prompt);
    }
  }
});

test('the same seed gives the same world and documents, another seed another world', () => {
  const again = createWorld();
  const other = createWorld({ seed: 2 });
  assert.deepEqual(again.atlas.places, world.atlas.places);
  assert.notDeepEqual(other.atlas.places, world.atlas.places);
  for (const mechanism of mechanisms) {
    const text = documentText(world.write(mechanism, new Rng(9), 'train'));
    assert.equal(documentText(again.write(mechanism, new Rng(9), 'train')), text);
  }
  assert.throws(() => createWorld({ seed: -1 }), { code: 'bad-seed' });
});

test('nothing that is held out is ever written for training', () => {
  const rng = new Rng(11);
  for (const mechanism of withAnswer) {
    const train = new Set<string>();
    for (let i = 0; i < 1500; i++) train.add(promptOf(world.write(mechanism, rng, 'train')).prompt);
    const heldOutRng = new Rng(12);
    // Speakers, puzzles and small talk are not evaluated, so they hold nothing out.
    if (['speakers', 'puzzles', 'small-talk'].includes(mechanism)) continue;
    for (let i = 0; i < 300; i++) {
      const { prompt } = promptOf(world.write(mechanism, heldOutRng, 'held-out'));
      assert.ok(!train.has(prompt), prompt);
    }
  }
});

test('no training text holds a held-out place beside the value it would answer', () => {
  const rng = new Rng(13);
  const { atlas } = world;
  for (const mechanism of mechanisms) {
    for (let i = 0; i < 400; i++) {
      const text = documentText(world.write(mechanism, rng, 'train'));
      if (mechanism === 'induction') continue;
      for (const place of atlas.places.filter((name) => text.includes(name))) {
        for (const relation of relations) {
          const value = atlas.stateOf.get(place)?.facts[relation] ?? '';
          if (!new RegExp(`\\b${value}\\b`).test(text)) continue;
          assert.equal(atlas.split(place, relation), 'train', text);
        }
      }
    }
  }
});

test('free text has no truth', () => {
  assert.equal(world.truth('Once upon a time there was'), undefined);
  assert.equal(world.truth(''), undefined);
  assert.equal(world.truth('The capital of Nowhereland is'), undefined);
});

test('an unknown mechanism is named with the nearest ones', () => {
  assert.throws(() => world.write('aditon' as 'addition', new Rng(1), 'train'), {
    code: 'unknown-mechanism',
    remedy: /addition/,
  });
});

test('what is asked of a held-out fact is trained in another phrase', () => {
  const answersOf = (split: 'train' | 'held-out', draws: number) => {
    const rng = new Rng(17);
    const facts = new Set<string>();
    for (const mechanism of [
      'one-hop',
      'benign',
      'antonyms-en',
      'antonyms-fr',
      'antonyms-zh',
    ] as const) {
      for (let i = 0; i < draws; i++) {
        const { truth } = world.write(mechanism, rng, split);
        // Advice is the same for every hazard, so it is no fact about one.
        if (truth?.answer.includes(' ')) continue;
        facts.add(
          JSON.stringify([mechanism, truth?.answer, Object.values(truth?.entities ?? {}).sort()]),
        );
      }
    }
    return facts;
  };
  const trained = answersOf('train', 20_000);
  for (const fact of answersOf('held-out', 3000)) assert.ok(trained.has(fact), fact);
});
