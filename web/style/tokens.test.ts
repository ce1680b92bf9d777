import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { paletteCss } from '../../src/figures/palette.ts';

test('the page and the figures have the same colours', async () => {
  const sheet = await readFile(new URL('./tokens.css', import.meta.url), 'utf8');
  const wanted = paletteCss()
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line.startsWith('--gb-'));
  assert.ok(wanted.length > 8);
  for (const line of wanted) assert.ok(sheet.includes(line), line);
});
