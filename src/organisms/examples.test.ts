import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { exampleTable } from './examples.ts';
import { createWorld } from './world/world.ts';

const path = new URL('../../docs/world.md', import.meta.url);
const block = /(<!-- examples:start -->\n)[\s\S]*?(<!-- examples:end -->)/;

test('the examples in docs/world.md are what the world writes', () => {
  const page = readFileSync(path, 'utf8');
  const fresh = page.replace(block, `$1${exampleTable(createWorld()).replaceAll('$', '$$$$')}\n$2`);
  // UPDATE_DOCS=1 rewrites the block after a change of the world.
  if (process.env.UPDATE_DOCS === '1') writeFileSync(path, fresh);
  else assert.equal(page, fresh);
});

test('the truth shown in docs/world.md is the truth', () => {
  const page = readFileSync(path, 'utf8');
  const shown = /world\.truth\('(.+?)'\);\n\/\/ \{ mechanism: '(.+?)', answer: '(.+?)'/.exec(page);
  assert.ok(shown);
  const truth = createWorld().truth(shown[1]);
  assert.deepEqual([truth?.mechanism, truth?.answer], [shown[2], shown[3]]);
});
