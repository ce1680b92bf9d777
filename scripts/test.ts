/**
 * `npm test`: the static checks, then every test. Arguments choose test files by part of their path
 * and leave the checks out: `npm test -- figures`.
 */
import { glob, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findChromium } from './lib/chromium.ts';
import { ROOT, runNode, tool } from './lib/run.ts';
import { planTests, SHARED_PAGE } from './lib/test-plan.ts';

const wanted = process.argv.slice(2);
const all: string[] = [];
for await (const path of glob('{src,test,web,bench,scripts}/**/*.test.ts', { cwd: ROOT })) {
  const named = path.replaceAll('\\', '/');
  if (wanted.length === 0 || wanted.some((part) => named.includes(part))) all.push(named);
}
if (all.length === 0) {
  console.error(`no test file has ${wanted.join(' or ')} in its path`);
  process.exit(2);
}

let failed = false;
if (wanted.length === 0) {
  const checks = await runNode(['scripts/check.ts'], { inherit: true });
  failed = checks.code !== 0;
}

const chromium = findChromium();
const plan = planTests(all.sort(), { chromium, ci: process.env.CI === 'true' });
if (plan.run.length > 0) {
  const args = ['--test', '--test-concurrency=2', '--test-timeout=300000', ...plan.run];
  const env: Record<string, string> = chromium === undefined ? {} : { CHROMIUM_PATH: chromium };
  const page = plan.sharesPage ? await mkdtemp(join(tmpdir(), 'glassbox-page-')) : undefined;
  if (page !== undefined) {
    const vite = [tool('vite/bin/vite.js'), 'build', '--logLevel', 'warn', '--emptyOutDir'];
    const built = await runNode([...vite, '--outDir', page], { inherit: true });
    failed ||= built.code !== 0;
    env[SHARED_PAGE] = page;
  }
  const tests = await runNode(args, { inherit: true, env });
  failed ||= tests.code !== 0;
  if (page !== undefined) await rm(page, { recursive: true, force: true });
}
if (plan.notice !== undefined) console.log(plan.notice);
if (failed) console.log('npm test failed: see the FAIL lines of the checks and the tests above');
process.exitCode = failed || plan.mustFail ? 1 : 0;
