import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { changeTexts, formatFragment, parseFragment, readField, STATE_KEYS } from './codec.ts';
import { FIELDS, LENS_SHADES, SHADES, type State } from './fields.ts';

/** Every value of the state, from its texts. */
function stateOf(texts: ReturnType<typeof parseFragment>): State {
  return Object.fromEntries(
    STATE_KEYS.map((key) => [key, readField(key, texts.get(key))]),
  ) as State;
}

const someState = fc.record({
  model: fc.string({ unit: 'grapheme' }),
  prompt: fc.string({ unit: 'grapheme' }),
  target: fc.string({ unit: 'grapheme' }),
  position: fc.option(fc.nat(1e6)),
  layer: fc.option(fc.nat(1e4)),
  head: fc.option(
    fc.record({ layer: fc.nat(9999), head: fc.nat(9999) }, { noNullPrototype: true }),
  ),
  k: fc.integer({ min: 1, max: 20 }),
  shade: fc.constantFrom(...SHADES),
  lensShade: fc.constantFrom(...LENS_SHADES),
  edits: fc.array(
    fc.record(
      { at: fc.string(), op: fc.constant('scale' as const), strength: fc.integer() },
      { noNullPrototype: true },
    ),
  ),
  lang: fc.constantFrom('auto' as const, 'zh-Hant' as const),
});

test('what a state writes it reads again, through an address', () => {
  fc.assert(
    fc.property(someState, (given) => {
      const fragment = formatFragment(changeTexts(new Map(), given));
      const back = stateOf(parseFragment(new URL(`http://x/#${fragment}`).hash));
      for (const key of Object.keys(given) as (keyof typeof given)[]) {
        assert.deepEqual(back[key], given[key], key);
      }
    }),
  );
});

test('the initial state has an empty address', () => {
  const initial = Object.fromEntries(STATE_KEYS.map((key) => [key, FIELDS[key].initial]));
  assert.equal(formatFragment(changeTexts(new Map(), initial as State)), '');
});

test('a field that returns to its initial value leaves the address', () => {
  const once = changeTexts(new Map(), { shade: 'rank', prompt: 'a' });
  assert.equal(formatFragment(once), 'prompt=a&shade=rank');
  assert.equal(formatFragment(changeTexts(once, { shade: 'loss' })), 'prompt=a');
});

test('position 0 is a position, not the absence of one', () => {
  const texts = changeTexts(new Map(), { position: 0 });
  assert.equal(formatFragment(texts), 'position=0');
  assert.equal(readField('position', texts.get('position')), 0);
  assert.equal(formatFragment(changeTexts(texts, { position: null })), '');
});

test('what cannot be read falls back to the initial value', () => {
  for (const fragment of [
    'k=0&shade=colour&edits={"at":1}&head=1&position=-3',
    'edits=[&sweep=[]&theme=blue',
    'unknown=1',
    '%E0%A4%A',
  ]) {
    const state = stateOf(parseFragment(fragment));
    for (const key of STATE_KEYS) assert.deepEqual(state[key], FIELDS[key].initial, key);
  }
});
