import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseEditSpecs } from '../../../src/microscope/edit-spec.ts';
import { globPattern } from '../../../src/model/glob.ts';
import type { StackedEdit } from '../../state/edits.ts';
import { pairAnswers } from './answers.ts';
import { diffTokens } from './diff.ts';
import {
  activeEdits,
  activeIndex,
  chosenPositions,
  type EditContext,
  matchAddresses,
  moved,
  OPS,
  placeOf,
  searchAddresses,
  sweepStrengths,
  withOp,
} from './edits.ts';
import { presets } from './presets.ts';

const listing = (address: string, shape: string[], meaning = '') => ({ address, shape, meaning });
const ADDRESSES = [
  listing('hook_embed', ['batch', 'pos', 'd_model'], 'token embeddings'),
  listing('blocks.0.attn.hook_z', ['batch', 'pos', 'n_heads', 'd_head'], 'values mixed'),
  listing('blocks.0.attn.hook_k', ['batch', 'pos', 'n_kv_heads', 'd_head'], 'keys'),
  listing('blocks.0.attn.hook_pattern', ['batch', 'n_heads', 'query', 'key'], 'attention'),
  listing('blocks.0.hook_mlp_out', ['batch', 'pos', 'd_model'], 'what the MLP adds'),
  listing('blocks.1.hook_mlp_out', ['batch', 'pos', 'd_model'], 'what the MLP adds'),
];
const MODEL = { addresses: ADDRESSES, heads: 6, keyValueHeads: 2 };
const CONTEXT: EditContext = { target: ' Mary', distractor: 12, promptB: 'other', feature: 'a:1' };

test('every operation turned into every other is an edit that the library accepts', () => {
  const start: StackedEdit = { at: 'blocks.0.attn.hook_z', op: 'zero', positions: [3], heads: [1] };
  for (const first of OPS) {
    for (const second of OPS) {
      for (const context of [CONTEXT, { promptB: 'x', feature: 'b/c:2' }]) {
        const edit = withOp(withOp(start, first, context), second, context);
        const [parsed] = parseEditSpecs([edit]);
        assert.deepEqual(parsed, edit);
        assert.equal(parsed.op, second);
        const whole = first === 'feature' || second === 'feature';
        assert.deepEqual([parsed.positions, parsed.heads], [[3], whole ? undefined : [1]]);
      }
    }
  }
});

test('an edit that is off stays in the stack and is not sent', () => {
  const stack: StackedEdit[] = [
    { at: 'a', op: 'zero', off: true },
    { at: 'b', op: 'mean' },
    { at: 'c', op: 'freeze' },
  ];
  assert.deepEqual(parseEditSpecs(activeEdits(stack)), [
    { at: 'b', op: 'mean' },
    { at: 'c', op: 'freeze' },
  ]);
  assert.equal(activeIndex(stack, 0), undefined);
  assert.equal(activeIndex(stack, 2), 1);
  assert.equal(activeIndex(stack, 9), undefined);
  assert.equal(withOp(stack[0], 'mean', CONTEXT).off, true);
  const heads: StackedEdit = { at: 'blocks.0.attn.hook_z', op: 'zero', heads: [1] };
  assert.deepEqual(withOp(heads, 'scale', CONTEXT).heads, [1]);
  assert.ok(!('heads' in withOp(heads, 'feature', CONTEXT)), 'a feature writes as a whole');
});

test('suggestions are edits that the library accepts', () => {
  const all = presets({
    layers: 4,
    tokens: 9,
    head: { layer: 3, head: 1 },
    layer: 9,
    position: 2,
    target: ' Mary',
    distractor: ' John',
    promptB: 'other words',
  });
  assert.deepEqual(
    all.map(({ kind }) => kind),
    ['head', 'patch', 'mlp', 'steer', 'project', 'random', 'freeze'],
  );
  for (const { edit, layer } of all) {
    assert.deepEqual(parseEditSpecs([edit]), [edit]);
    assert.ok(layer < 4);
  }
  const few = presets({ layers: 2, tokens: 5, promptB: '' });
  assert.deepEqual(
    few.map(({ kind }) => kind),
    ['mlp', 'random', 'freeze'],
  );
});

test('addresses are matched as the library matches them', () => {
  const names = ADDRESSES.map(({ address }) => address);
  const parts = fc.constantFrom(
    'blocks',
    '0',
    '1',
    '*',
    '**',
    '.',
    'hook_',
    'mlp_out',
    '{0,1}',
    '+',
  );
  fc.assert(
    fc.property(fc.array(parts, { maxLength: 6 }), (pieces) => {
      const glob = `${pieces.join('')}*`;
      const found = matchAddresses(glob, ADDRESSES).map(({ address }) => address);
      assert.deepEqual(
        found,
        names.filter((name) => globPattern(glob).test(name)),
      );
    }),
  );
  assert.equal(matchAddresses('hook_embed', ADDRESSES).length, 1);
});

test('a place says what can be done there', () => {
  assert.deepEqual(placeOf('blocks.0.attn.hook_z', MODEL), {
    known: true,
    heads: 6,
    vectors: true,
    residual: false,
    positions: true,
  });
  assert.equal(placeOf('blocks.0.attn.hook_k', MODEL).heads, 2);
  assert.equal(placeOf('blocks.0.attn.hook_pattern', MODEL).vectors, false);
  assert.equal(placeOf('blocks.*.hook_mlp_out', MODEL).residual, true);
  // Where shapes differ, only what they share counts.
  assert.equal(placeOf('blocks.0.**', MODEL).heads, 0);
  assert.equal(placeOf('nowhere', MODEL).known, false);
});

test('a search looks at names and meanings', () => {
  const found = searchAddresses('MLP 1', ADDRESSES);
  assert.deepEqual(
    found.map(({ address }) => address),
    ['blocks.1.hook_mlp_out'],
  );
  assert.equal(searchAddresses('', ADDRESSES).length, ADDRESSES.length);
});

test('a sweep has its ends and no rounding dust', () => {
  assert.deepEqual(sweepStrengths({ from: -1, to: 1, steps: 5 }), [-1, -0.5, 0, 0.5, 1]);
  assert.deepEqual(sweepStrengths({ from: 0, to: 0.3, steps: 4 }), [0, 0.1, 0.2, 0.3]);
  assert.equal(sweepStrengths({ from: 0, to: 1, steps: 1e6 }).length, 101);
});

test('moving keeps every edit; positions count from either end', () => {
  assert.deepEqual(moved([1, 2, 3], 1, -1), [2, 1, 3]);
  assert.deepEqual(moved([1, 2, 3], 2, 1), [1, 2, 3]);
  assert.deepEqual(chosenPositions([-1, 0], 5), [4, 0]);
  assert.deepEqual(chosenPositions('prompt', 5), []);
});

test('a difference keeps both texts and finds no change where there is none', () => {
  const words = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 12 });
  fc.assert(
    fc.property(words, words, (before, after) => {
      const pieces = diffTokens(before, after);
      const side = (kind: 'before' | 'after') =>
        pieces.filter((piece) => piece.kind !== kind).map(({ text }) => text);
      assert.deepEqual(side('after'), before);
      assert.deepEqual(side('before'), after);
      if (before.join(' ') === after.join(' ')) {
        assert.ok(pieces.every(({ kind }) => kind === 'same'));
      }
    }),
  );
  assert.deepEqual(diffTokens(['a', 'x', 'b'], ['a', 'y', 'b']), [
    { kind: 'same', text: 'a' },
    { kind: 'before', text: 'x' },
    { kind: 'after', text: 'y' },
    { kind: 'same', text: 'b' },
  ]);
});

test('answers of both runs are listed once, the likeliest of either first', () => {
  const guess = (id: number, prob: number) => ({ id, text: `t${id}`, prob });
  const pairs = pairAnswers(
    {
      before: [guess(1, 0.8), guess(2, 0.1), guess(3, 0.05)],
      after: [guess(2, 0.9), guess(4, 0.06), guess(1, 0.01)],
    },
    { count: 2, target: 1, distractor: 3, show: (text) => text },
  );
  assert.deepEqual(pairs, [
    { name: 't2', before: 0.1, after: 0.9, mark: undefined },
    { name: 't1', before: 0.8, after: 0.01, mark: 'target' },
    { name: 't4', before: null, after: 0.06, mark: undefined },
    { name: 't3', before: 0.05, after: null, mark: 'distractor' },
  ]);
});
