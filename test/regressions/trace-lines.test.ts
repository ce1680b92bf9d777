import assert from 'node:assert/strict';
import { test } from 'node:test';
import { glassbox, refusal } from '../support/cli.ts';

const PROMPT = 'When Mary and John went to the store, John gave a drink to';

// A line break among the explained tokens broke the line in two.
test('what a graph explains stands on one line, whatever the tokens are', async () => {
  const { code, out } = await glassbox('trace', PROMPT, '--target', '"\n"');
  assert.equal(code, 0);
  const lines = out.split('\n').filter((line) => line.startsWith('explained: '));
  assert.equal(lines.length, 1);
  assert.match(lines[0], /^explained: '\\n' [\d.]+$/);
});

// How much a graph may hold could be said in code alone, and what it held stood in the JSON alone.
test('a bound on memory holds on the command line, and what was held is said', async () => {
  const { out } = await glassbox('trace', PROMPT, '--memory', '64');
  const [, held] = /the graph held ([\d.]+) MiB, 64 are allowed/.exec(out) ?? [];
  assert.ok(Number(held) > 1 && Number(held) < 64, out);
  assert.equal(await refusal('trace', PROMPT, '--memory', '1'), 'graph-too-large');
});
