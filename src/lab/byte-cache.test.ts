import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ByteCache } from './byte-cache.ts';

const answer = (size: number) => ({ json: new Uint8Array(size) });

test('the least recently used answer leaves first', () => {
  const cache = new ByteCache({ bytes: 100 });
  cache.set('a', answer(40));
  cache.set('b', answer(40));
  cache.get('a');
  cache.set('c', answer(40));
  assert.equal(cache.get('b'), undefined);
  assert.ok(cache.get('a'));
  assert.ok(cache.get('c'));
});

test('an answer too large to share the memory is not kept', () => {
  const cache = new ByteCache({ bytes: 100 });
  cache.set('small', answer(10));
  cache.set('large', answer(60));
  assert.equal(cache.get('large'), undefined);
  assert.ok(cache.get('small'));
});

test('whatever is kept stays within the bound', () => {
  const step = fc.record({
    key: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
    size: fc.nat(120),
  });
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const cache = new ByteCache<{ json: Uint8Array }>({ bytes: 200 });
      for (const { key, size } of steps) cache.set(key, answer(size));
      let kept = 0;
      for (const key of 'abcde') kept += (cache.get(key)?.json.length ?? -2) + 2;
      assert.equal(cache.bytes, kept);
      assert.ok(kept <= 200);
    }),
  );
});
