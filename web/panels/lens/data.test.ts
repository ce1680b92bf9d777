import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { cellShare, columnWidth, visibleColumns } from './data.ts';

test('the best rank has full colour, the worst none, and better is never paler', () => {
  assert.equal(cellShare(0, 'rank', 4000), 1);
  assert.equal(cellShare(4000, 'rank', 4000), 0);
  fc.assert(
    fc.property(fc.nat(50_000), fc.nat(50_000), fc.nat(50_000), (a, b, reach) => {
      const [good, bad] = a < b ? [a, b] : [b, a];
      const most = Math.max(1, bad, reach);
      assert.ok(cellShare(good, 'rank', most) >= cellShare(bad, 'rank', most));
    }),
  );
});

test('a value that is not there has no colour', () => {
  for (const shade of ['top', 'target', 'rank', 'entropy'] as const) {
    assert.equal(cellShare(Number.NaN, shade, 3), 0);
  }
});

test('the drawn columns cover what is seen and stay few', () => {
  fc.assert(
    fc.property(fc.nat(5000), fc.nat(2000), fc.nat(400_000), (count, viewport, far) => {
      const width = columnWidth({ viewport, count, most: 104 });
      const scroll = Math.min(far, Math.max(0, count * width - viewport));
      const { start, end } = visibleColumns({ count, width, scroll, viewport });
      assert.ok(start >= 0 && end <= count && start <= end);
      if (count > 0) {
        assert.ok(start * width <= scroll);
        assert.ok(end === count || end * width >= scroll + viewport);
      }
      assert.ok(end - start <= viewport / width + 8);
    }),
  );
});
