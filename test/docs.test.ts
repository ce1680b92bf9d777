import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { examplePages, examplesIn, outputOf } from '../scripts/lib/examples.ts';
import { ROOT } from '../scripts/lib/run.ts';
import { run } from '../src/cli/run.ts';

const trimmed = (text: string) => text.split('\n').map((line) => line.trimEnd());

let found = 0;
for (const page of examplePages()) {
  for (const example of examplesIn(readFileSync(`${ROOT}${page}`, 'utf8'))) {
    found++;
    test(`${page}:${example.line} prints what it says`, async () => {
      assert.deepEqual(trimmed(await outputOf(example)), trimmed(example.output));
    });
  }
}

test('there are examples to check', () => assert.ok(found > 0));

// The feature that the first steps are about has a number, and another dictionary would give it to something else.
test('the first five minutes of every README are about what they say', async () => {
  const answer = async (...argv: string[]) => {
    let out = '';
    await run([...argv, '--json'], {
      stdout: { write: (text) => (out += text) },
      stderr: { write: () => {} },
    });
    return JSON.parse(out);
  };
  const commands = ['README.md', 'README.zh-Hant.md', 'README.zh-Hans.md'].map((page) => {
    const text = readFileSync(`${ROOT}${page}`, 'utf8');
    const [, block] = /```sh\n(npm run -s glassbox -- trace[\s\S]*?)```/.exec(text) ?? [];
    assert.ok(block, `${page} has the commands`);
    return block;
  });
  assert.equal(new Set(commands).size, 1);
  const [prompt] = /(?<=trace ")[^"]+/.exec(commands[0]) ?? [''];
  const [, name, number] = /dict features (\S+) (\d+)/.exec(commands[0]) ?? [];
  const [edits] = /(?<=--edits ')[^']+/.exec(commands[0]) ?? [''];
  assert.ok(edits.includes(`"${name}:${number}"`));
  const { features } = await answer('trace', prompt);
  const shown = features.find(
    (one: { layer: number; feature: number }) =>
      `transcoder-${one.layer}` === name && String(one.feature) === number,
  );
  assert.equal(shown?.token, ' river');
  const page = await answer('dict', 'features', name, number);
  assert.match(page.label.label, /river/);
  const { before, after } = await answer('edit', prompt, '--edits', edits);
  assert.equal(before.top[0].text, ' Braressa');
  assert.equal(after.top[0].text, ' Punonia');
});
