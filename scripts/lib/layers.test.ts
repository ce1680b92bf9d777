import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { findLayerViolations, LAYERS } from './layers.ts';
import { ROOT } from './run.ts';

/** Lays out a small tree of sources and returns the names of the rules that it breaks. */
async function brokenRules(files: Readonly<Record<string, string>>): Promise<string[]> {
  const root = await mkdtemp(join(tmpdir(), 'glassbox-layers-'));
  try {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), text);
    }
    await symlink(`${ROOT}node_modules`, join(root, 'node_modules'));
    const folders = [...new Set(Object.keys(files).map((path) => path.split('/')[0]))];
    const found = await findLayerViolations(root, folders);
    return [...new Set(found.map(({ rule }) => rule))].sort();
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

const CLEAN = {
  'src/graph/a.ts':
    "import { n } from '../base/n.ts';\nexport const a: number = n satisfies number;\n",
  'src/base/n.ts': 'export const n = 1;\n',
  'src/figures/f.ts': 'export type F = { readonly x: number };\nexport const f = 1;\n',
  'src/lab/api.ts': 'export type Api = string;\nexport const port = 1;\n',
  'web/main.tsx':
    "import type { Api } from '../src/lab/api.ts';\nimport { f } from '../src/figures/f.ts';\nexport const x: Api = String(f);\nexport const y = <p>{x}</p>;\n",
};

const PLANTED: readonly (readonly [string, Record<string, string>, string])[] = [
  [
    'a higher layer',
    { 'src/base/n.ts': "import { a } from '../graph/a.ts';\nexport const n = () => a;\n" },
    'base-imports-no-higher-layer',
  ],
  [
    'a type of a higher layer',
    {
      'src/base/n.ts':
        "import type { Api } from '../lab/api.ts';\nexport const n = (x: Api) => x;\n",
    },
    'base-imports-no-higher-layer',
  ],
  [
    'a higher layer, by a re-export',
    { 'src/graph/b.ts': "export { port } from '../lab/api.ts';\n" },
    'graph-imports-no-higher-layer',
  ],
  [
    'a higher layer, when called',
    { 'src/graph/b.ts': "export const b = () => import('../lab/api.ts');\n" },
    'graph-imports-no-higher-layer',
  ],
  [
    'a higher layer, from a test',
    { 'src/graph/a.test.ts': "import { port } from '../lab/api.ts';\nport satisfies number;\n" },
    'graph-imports-no-higher-layer',
  ],
  [
    'a ring',
    {
      'src/lab/b.ts': "import { c } from './c.ts';\nexport const b = () => c;\n",
      'src/lab/c.ts': "import { b } from './b.ts';\nexport const c = () => b;\n",
    },
    'no-cycles',
  ],
  [
    'a folder that is no layer',
    { 'src/misc/b.ts': "export { n } from '../base/n.ts';\n" },
    'src-has-only-known-layers',
  ],
  [
    'a file that is not there',
    { 'src/lab/b.ts': "export { b } from './none.ts';\n" },
    'imports-resolve',
  ],
  [
    'server code in the page',
    { 'web/b.ts': "import { port } from '../src/lab/api.ts';\nexport const b = port;\n" },
    'web-takes-only-types-from-the-rest',
  ],
  [
    'more than types in what the page shares',
    {
      'src/microscope/graph/format/b.ts':
        "import { m } from '../m.ts';\nexport const b = () => m;\n",
      'src/microscope/graph/m.ts': 'export const m = 1;\n',
    },
    'what-the-page-shares-stands-alone',
  ],
  [
    'a Node module in a figure',
    { 'src/figures/g.ts': "import { join } from 'node:path';\nexport const g = join;\n" },
    'figures-and-words-use-no-builtin',
  ],
  [
    'a package in the graph layer',
    { 'src/graph/b.ts': "import { z } from 'zod';\nexport const b = z.string();\n" },
    'base-and-graph-use-no-other-package',
  ],
  [
    'a second package in the ONNX lowering',
    { 'src/graph/onnx/b.ts': "import { z } from 'zod';\nexport const b = z.string();\n" },
    'onnx-lowering-uses-only-the-wire-writer',
  ],
  [
    'a lower layer in a figure',
    { 'src/figures/g.ts': "import { n } from '../base/n.ts';\nexport const g = n;\n" },
    'figures-and-words-stand-alone',
  ],
];

test('a tree that keeps the layers passes', async () => {
  assert.deepEqual(await brokenRules(CLEAN), []);
});

for (const [what, files, rule] of PLANTED) {
  test(`the layer check finds ${what}`, async () => {
    const broken = await brokenRules({ ...CLEAN, ...files });
    assert.ok(broken.includes(rule), `wanted ${rule}, found ${broken.join(', ') || 'nothing'}`);
  });
}

test('CONTRIBUTING lists the layers in their order', async () => {
  const text = await readFile(`${ROOT}CONTRIBUTING.md`, 'utf8');
  const chain = /^`base` <[^.]*`$/m.exec(text)?.[0] ?? '';
  const names = [...chain.matchAll(/`(\w+)`/g)].map(([, name]) => name);
  assert.deepEqual(names, [...LAYERS]);
});
