/**
 * `npm test`: the static checks, then every test. Tests that drive a browser lie in `test/e2e/` or end in
 * `.browser.test.ts`; they run when a Chromium is found. Without one they are left out with a line that
 * says so, and in CI (CI=true) that is a failure. Arguments choose test files by part of their path.
 */
import { glob } from 'node:fs/promises';
import { findChromium } from './lib/chromium.ts';
import { ROOT, runNode } from './lib/run.ts';

const wanted = process.argv.slice(2);
const isBrowserTest = (path: string) =>
  path.startsWith('test/e2e/') || path.endsWith('.browser.test.ts');

const all: string[] = [];
for await (const path of glob('{src,test,web,bench,scripts}/**/*.test.ts', { cwd: ROOT })) {
  const named = path.replaceAll('\\', '/');
  if (wanted.length === 0 || wanted.some((part) => named.includes(part))) all.push(named);
}
all.sort();
if (all.length === 0) {
  console.error(`no test file matches ${wanted.join(', ')}`);
  process.exit(2);
}

let failed = false;
if (wanted.length === 0) {
  const checks = await runNode(['scripts/check.ts'], { inherit: true });
  failed = checks.code !== 0;
}

const chromium = findChromium();
const withBrowser = all.filter(isBrowserTest);
const files = chromium === undefined ? all.filter((path) => !isBrowserTest(path)) : all;
const missing = `${withBrowser.length} browser test file(s) not run: no Chromium found (install one or set CHROMIUM_PATH)`;

if (files.length > 0) {
  const args = ['--test', '--test-concurrency=2', '--test-timeout=300000', ...files];
  const env = chromium === undefined ? undefined : { CHROMIUM_PATH: chromium };
  const tests = await runNode(args, { inherit: true, env });
  failed ||= tests.code !== 0;
}
if (chromium === undefined && withBrowser.length > 0) {
  console.log(missing);
  failed ||= process.env.CI === 'true';
}
process.exitCode = failed ? 1 : 0;
