import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { evalNames } from './evaluation.ts';
import type { Manifest } from './manifest.ts';
import { atlasRecipe } from './recipe.ts';
import { dataHash } from './ship.ts';
import { tokenizerJson } from './tokenizer.ts';
import { createWorld } from './world/world.ts';

const read = (name: string) =>
  readFileSync(new URL(`../../models/glassbox-atlas/${name}`, import.meta.url));
const manifest: Manifest = JSON.parse(read('manifest.json').toString());

test('the shipped files are the ones that were evaluated', () => {
  for (const [name, { bytes, sha256 }] of Object.entries(manifest.files)) {
    const content = read(name);
    assert.equal(content.length, bytes, name);
    assert.equal(createHash('sha256').update(content).digest('hex'), sha256, name);
  }
  assert.ok(manifest.files['model.safetensors'].bytes <= 12e6);
  assert.ok(manifest.parameters <= 5e6);
});

test('the world and the recipe are still those of the shipped model', () => {
  assert.deepEqual(manifest.recipe, JSON.parse(JSON.stringify(atlasRecipe)));
  assert.equal(manifest.dataHash, dataHash(atlasRecipe));
  const tokenizer = JSON.parse(read('tokenizer.json').toString());
  assert.deepEqual(tokenizer, JSON.parse(JSON.stringify(tokenizerJson(createWorld()))));
});

test('every mechanism was measured on at least 500 prompts, and the card repeats the figures', () => {
  assert.deepEqual(
    manifest.evaluation.map(({ name }) => name),
    evalNames,
  );
  const card = read('README.md').toString();
  for (const { name, n, correct, rate, bar } of manifest.evaluation) {
    assert.ok(n >= 500, name);
    assert.ok(rate >= bar, name);
    assert.ok(card.includes(`| ${name} | ${n} | ${correct} |`), name);
  }
});
