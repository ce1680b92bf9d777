/**
 * `npm test`: the static checks, then every test. Arguments choose test files by part of their path
 * and leave the checks out: `npm test -- figures`.
 */
import { glob } from 'node:fs/promises';
import { findChromium } from './lib/chromium.ts';
import { ROOT, runNode } from './lib/run.ts';
import { planTests } from './lib/test-plan.ts';

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
  const env = chromium === undefined ? undefined : { CHROMIUM_PATH: chromium };
  const tests = await runNode(args, { inherit: true, env });
  failed ||= tests.code !== 0;
}
if (plan.notice !== undefined) console.log(plan.notice);
if (failed) console.log('npm test failed: see the FAIL lines of the checks and the tests above');
process.exitCode = failed || plan.mustFail ? 1 : 0;
