import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseEditSpecs } from '../../src/microscope/edit-spec.ts';
import { isStack, isSweep } from './guards.ts';

const token = fc.oneof(fc.string({ minLength: 1 }), fc.nat());
const direction = fc.oneof(
  fc.record({ token, minus: token }, { requiredKeys: ['token'], noNullPrototype: true }),
  fc.record({ random: fc.integer() }, { noNullPrototype: true }),
  fc.record({ vector: fc.array(fc.integer(), { minLength: 1 }) }, { noNullPrototype: true }),
);
const place = {
  at: fc.string({ minLength: 1 }),
  positions: fc.oneof(fc.array(fc.integer()), fc.constantFrom('prompt', 'generated')),
  heads: fc.array(fc.nat()),
};
const edit = fc.oneof(
  ...(
    [
      ['zero', {}],
      ['mean', {}],
      ['freeze', {}],
      ['scale', { strength: fc.integer() }],
      ['add', { direction, strength: fc.integer() }],
      ['project', { direction, strength: fc.integer() }],
      ['set', { value: fc.oneof(fc.integer(), fc.array(fc.integer(), { minLength: 1 })) }],
      ['patch', { from: fc.string() }],
    ] as const
  ).map(([op, needs]) => {
    const required = [
      'op',
      'at',
      ...Object.keys(needs).filter((key) => op !== 'project' || key !== 'strength'),
    ];
    return fc.record(
      { op: fc.constant(op), ...place, ...needs },
      { requiredKeys: required as never, noNullPrototype: true },
    );
  }),
);

test('every edit that the library accepts can be in an address', () => {
  fc.assert(
    fc.property(fc.array(edit, { maxLength: 4 }), (stack) => {
      parseEditSpecs(stack);
      assert.ok(isStack(stack), JSON.stringify(stack));
      assert.ok(isStack(stack.map((one) => ({ ...one, off: true }))));
    }),
  );
});

test('any other JSON is answered, never a crash; an edit lacking what its operation needs is none', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      assert.equal(typeof isStack(value), 'boolean');
      assert.equal(typeof isSweep(value), 'boolean');
    }),
  );
  for (const bad of [
    [null],
    [{}],
    [{ at: 'x', op: 'add', strength: 1 }],
    [{ at: 'x', op: 'add', direction: {}, strength: 1 }],
    [{ at: 'x', op: 'constructor' }],
    [{ at: 'x', op: 'zero', positions: 'all' }],
    [{ at: 'x', op: 'patch' }],
    {},
  ]) {
    assert.equal(isStack(bad), false, JSON.stringify(bad));
  }
  assert.ok(isSweep({ edit: 0, from: -1, to: 1, steps: 9, baselines: 8 }));
  assert.equal(isSweep({ edit: 0, from: '-1', to: 1, steps: 9, baselines: 8 }), false);
});
