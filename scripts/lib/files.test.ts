import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countLines, findForbidden, median } from './files.ts';

// Joined here, so that the check does not find its own examples in this file.
const join = (...parts: string[]) => parts.join('');

const BAD: readonly string[] = [
  join('/ho', 'me/ada/glassbox/x.ts'),
  join('/Use', 'rs/ada/x'),
  join("read('/wo", "rk/shared/x')"),
  join('/ro', 'ot/.npmrc'),
  join('C:\\Us', 'ers\\ada'),
  join('"resol', 'ved": "https://host/a.tgz"'),
  join('regis', 'try=https://host/'),
  join('@scope:regis', 'try = https://host/'),
  join('see https://artif', 'actory.example.com/npm'),
  join('// TO', 'DO later'),
  join('FIX', 'ME'),
];

const GOOD: readonly string[] = [
  '/usr/bin/chromium',
  'https://example.com/home/index.html',
  "import x from '../work/x.ts'",
  'the registry is asked',
  'HOME/.cache/huggingface',
];

for (const text of BAD) {
  test(`"${text}" must not be committed`, () => {
    const [finding] = findForbidden(`first line\n${text}\n`);
    assert.equal(finding?.line, 2);
  });
}

for (const text of GOOD) {
  test(`"${text}" may be committed`, () => assert.deepEqual(findForbidden(text), []));
}

test('lines are counted as an editor does', () => {
  assert.equal(countLines(''), 0);
  assert.equal(countLines('a'), 1);
  assert.equal(countLines('a\nb\n'), 2);
});

test('the median of an even number of files is the lower middle one', () => {
  assert.equal(median([]), 0);
  assert.equal(median([9, 1, 5]), 5);
  assert.equal(median([9, 1, 5, 7]), 5);
});
