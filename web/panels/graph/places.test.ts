import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readPlaces, writePlaces } from './places.ts';
import type { Group } from './view.ts';

const part = (id: string, members: number[], supernode: number | null = null): Group => {
  return { id, label: null, members, supernode };
};

test('places are written in the order in which other front ends sort parts', () => {
  // Sorted characters: "0,2,5" for 205, " ,1,1,3" for "1 31" (a space sorts first), "4" for 4.
  const groups = [part('super:0', [1, 2], 0), part('a', [0]), part('b', [3])];
  const features = [205, 1, 31, 4];
  const places = new Map([
    ['a', { x: 1, y: 2 }],
    ['b', { x: 3, y: 4.4 }],
    ['super:0', { x: 5, y: 6 }],
  ]);
  const text = writePlaces(groups, features, places);
  assert.equal(text, '5 6 1 2 3 4');
  assert.deepEqual(readPlaces(text, groups, features), [
    ['super:0', 5, 6],
    ['a', 1, 2],
    ['b', 3, 4],
  ]);
});

test('a row of numbers that does not fit the parts is left alone', () => {
  const groups = [part('a', [0])];
  for (const text of ['', '1', '1 2 3', 'x y']) {
    assert.deepEqual(readPlaces(text, groups, [7]), []);
  }
  assert.equal(writePlaces(groups, [7], new Map()), '');
});
