import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cp, glob, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { subPaths } from '../scripts/lib/package.ts';
import { ROOT, runNode, tool } from '../scripts/lib/run.ts';
import { pageSize } from './support/page-size.ts';

/** A project of somebody else, with the built package in its node_modules. */
let project: string;

before(async () => {
  project = await mkdtemp(join(tmpdir(), 'glassbox-package-'));
  const glassbox = join(project, 'node_modules/glassbox');
  await mkdir(glassbox, { recursive: true });
  await cp(`${ROOT}package.json`, join(glassbox, 'package.json'));
  await symlink(`${ROOT}node_modules`, join(glassbox, 'node_modules'));
  await symlink(`${ROOT}node_modules/@types`, join(project, 'node_modules/@types'));
  await symlink(`${ROOT}models`, join(glassbox, 'models'));
  const { code, output } = await runNode(['scripts/build.ts', '--into', glassbox]);
  assert.equal(code, 0, output);
});

after(() => rm(project, { recursive: true, force: true }));

test('every sub-path loads as JavaScript in another project', async () => {
  const file = join(project, 'load.mjs');
  const lines = subPaths().map(
    (name) => `console.log(Object.keys(await import('glassbox/${name}')).length > 0);`,
  );
  await writeFile(file, lines.join('\n'));
  // Node of the machine, beside the checkout's own, when npm started this: the package promises both.
  const nodes = new Set([process.execPath, process.env.npm_node_execpath ?? process.execPath]);
  for (const node of nodes) {
    const output = execFileSync(node, [file], { encoding: 'utf8' });
    assert.deepEqual(new Set(output.trim().split('\n')), new Set(['true']), node);
  }
});

test('every sub-path has types that another strict project can use', async () => {
  const imports = subPaths().map(
    (name) => `export * as ${name.replace('/', '_')} from 'glassbox/${name}';`,
  );
  const use = `import { wilson } from 'glassbox/base';
export const rate: number = wilson(9, 10).rate;
// @ts-expect-error The types are there: a word is no count.
wilson('nine', 10);
`;
  await writeFile(join(project, 'use.ts'), `${imports.join('\n')}\n${use}`);
  await writeFile(join(project, 'package.json'), '{"type":"module"}');
  const compilerOptions = {
    target: 'es2024',
    lib: ['es2024', 'dom', 'dom.iterable', 'esnext.disposable'],
    module: 'nodenext',
    strict: true,
    noEmit: true,
    types: ['node'],
    skipLibCheck: false,
  };
  const tsconfig = join(project, 'tsconfig.json');
  await writeFile(tsconfig, JSON.stringify({ compilerOptions, files: ['use.ts'] }));
  const { code, output } = await runNode([tool('typescript/bin/tsc'), '-p', tsconfig]);
  assert.equal(code, 0, output);
});

test('the built command starts and knows its version', async () => {
  const { version } = JSON.parse(await readFile(`${ROOT}package.json`, 'utf8')) as {
    version: string;
  };
  const command = join(project, 'node_modules/glassbox/dist/cli/main.js');
  const { code, output } = await runNode([command, '--version']);
  assert.equal(code, 0, output);
  assert.equal(output.trim(), version);
});

test('no test and no source map is published', async () => {
  const { files } = JSON.parse(await readFile(`${ROOT}package.json`, 'utf8')) as {
    files: string[];
  };
  assert.deepEqual(files.slice(0, 2), ['dist', 'models']);
  const dist = join(project, 'node_modules/glassbox/dist');
  const unwanted: string[] = [];
  for await (const path of glob('**/*.{test.js,test.d.ts,map}', { cwd: dist })) unwanted.push(path);
  assert.deepEqual(unwanted, []);
});

test('the page keeps its budget, compressed: shell 40 KB, a panel 60 KB, all of it 200 KB', () => {
  const { shell, chunks, rest } = pageSize(join(project, 'node_modules/glassbox/dist/web'));
  const kilobytes = (bytes: number) => Math.round(bytes / 102.4) / 10;
  assert.ok(shell > 1000, 'the page is there');
  assert.ok(kilobytes(shell) <= 40, `the shell has ${kilobytes(shell)} KB`);
  for (const [file, bytes] of Object.entries(chunks)) {
    assert.ok(kilobytes(bytes) <= 60, `${file} has ${kilobytes(bytes)} KB`);
  }
  assert.ok(kilobytes(shell + rest) <= 200, `shell and panels have ${kilobytes(shell + rest)} KB`);
});
