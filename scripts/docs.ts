/**
 * Writes the pages of docs/ that are generated from code. `--check` writes nothing and fails when a page is out
 * of date. `--examples` also runs the examples of all pages and writes what they print; read the
 * difference before committing it.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { ADDRESS_TEMPLATES } from '../src/model/address.ts';
import { examplePages, examplesIn, outputOf } from './lib/examples.ts';
import { ROOT } from './lib/run.ts';

function addressPage(): string {
  const rows = ADDRESS_TEMPLATES.map(
    ({ address, shape, meaning, models }) =>
      `| \`${address}\` | \`[${shape.join(', ')}]\` | ${meaning} | ${models} |`,
  );
  return `# Addresses

Every activation of a model has a name, TransformerLens's where it has one. One address is one tensor of one shape.
\`{l}\` is the layer, counted from 0. An address a model does not have is an error that lists the nearest
ones. \`glassbox cache PROMPT --list\` prints those of a given model.

Dimension words: \`batch\`, \`pos\` (tokens), \`query\` and \`key\` (both \`pos\` long), \`n_heads\`, \`n_kv_heads\` (smaller than
\`n_heads\` with grouped queries), \`d_head\`, \`d_model\`, \`d_mlp\`, \`d_vocab\`.

A filter is an address, a glob (\`*\` within a name between dots, \`**\` across dots, \`{a,b}\` alternatives), a list,
or a predicate.

| address | shape | what it is | on |
|---|---|---|---|
${rows.join('\n')}

This page is generated: \`npm run docs\`.
`;
}

const PAGES: Readonly<Record<string, () => string>> = { 'docs/addresses.md': addressPage };

const check = process.argv.includes('--check');
for (const [path, make] of Object.entries(PAGES)) {
  const text = make();
  if (!check) writeFileSync(`${ROOT}${path}`, text);
  else if (readFileSync(`${ROOT}${path}`, 'utf8') !== text) {
    console.error(`${path} is out of date: run npm run docs`);
    process.exitCode = 1;
  }
}

if (process.argv.includes('--examples')) {
  for (const page of examplePages()) {
    const before = readFileSync(`${ROOT}${page}`, 'utf8');
    let text = before;
    // From the last one up, so that offsets before it stay true.
    for (const example of examplesIn(before).reverse()) {
      const printed = (await outputOf(example)).trimEnd();
      text = `${text.slice(0, example.outputStart)}${printed}\n${text.slice(example.outputEnd)}`;
    }
    if (text !== before) {
      writeFileSync(`${ROOT}${page}`, text);
      console.log(`updated ${page}`);
    }
  }
}
