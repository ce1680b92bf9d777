/**
 * Runs the examples of the README and of docs/. A block of `ts`, or of `sh` with one `glassbox` command, that
 * is followed by a block of `text` must print exactly that text. Imports of `glassbox/…` mean the sources.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

const root = join(import.meta.dirname, '..');
const run = promisify(execFile);

interface Example {
  readonly language: 'ts' | 'sh';
  readonly code: string;
  readonly output: string;
  readonly line: number;
}

const BLOCKS = /^```(ts|sh)\n([\s\S]*?)^```\n\s*^```text\n([\s\S]*?)^```/gm;

function examplesIn(markdown: string): Example[] {
  return [...markdown.matchAll(BLOCKS)].map((match) => ({
    language: match[1] as Example['language'],
    code: match[2],
    output: match[3],
    line: markdown.slice(0, match.index).split('\n').length,
  }));
}

/** Splits a command line as a shell would, for the quotes that examples use. */
function words(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map((m) => m[1] ?? m[2] ?? m[3]);
}

async function outputOf(example: Example): Promise<string> {
  if (example.language === 'sh') {
    const [program, ...args] = words(example.code.replaceAll('\\\n', ' ').trim());
    assert.equal(program, 'glassbox', 'an example with output is one glassbox command');
    const { stdout } = await run(process.execPath, ['src/cli/main.ts', ...args], { cwd: root });
    return stdout;
  }
  const source = example.code.replace(
    /from 'glassbox\/([\w/]+)'/g,
    (_, layer) => `from '${join(root, 'src', layer, 'index.ts')}'`,
  );
  const child = run(process.execPath, ['--input-type=module-typescript', '-'], { cwd: root });
  child.child.stdin!.end(source);
  return (await child).stdout;
}

async function pages(): Promise<string[]> {
  const readmes = (await readdir(root)).filter((name) => /^README.*\.md$/.test(name));
  const docs = await readdir(join(root, 'docs'), { recursive: true });
  return [
    ...readmes.map((name) => join(root, name)),
    ...docs.filter((name) => name.endsWith('.md')).map((name) => join(root, 'docs', name)),
  ];
}

let found = 0;
for (const path of await pages()) {
  for (const example of examplesIn(await readFile(path, 'utf8'))) {
    found++;
    test(`${relative(root, path)}:${example.line} prints what it says`, async () => {
      const lines = (text: string) => text.split('\n').map((line) => line.trimEnd());
      assert.deepEqual(lines(await outputOf(example)), lines(example.output));
    });
  }
}

test('there are examples to check', () => assert.ok(found > 0));
