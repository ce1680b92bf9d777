import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unpinnedOptionals } from './lock.ts';

const tool = { version: '1.0.0', optionalDependencies: { 'tool-linux': '1.0.0' } };

test('a platform package that the lock does not pin is named', () => {
  const lock = { packages: { 'node_modules/tool': tool } };
  assert.deepEqual(unpinnedOptionals(lock), ['node_modules/tool needs tool-linux']);
});

test('an entry without a version pins nothing', () => {
  const lock = { packages: { 'node_modules/tool': tool, 'node_modules/tool-linux': {} } };
  assert.equal(unpinnedOptionals(lock).length, 1);
});

test('a pinned platform package may be nested or hoisted', () => {
  const pinned = { version: '1.0.0' };
  for (const path of ['node_modules/tool-linux', 'node_modules/tool/node_modules/tool-linux']) {
    assert.deepEqual(
      unpinnedOptionals({ packages: { 'node_modules/tool': tool, [path]: pinned } }),
      [],
    );
  }
});
