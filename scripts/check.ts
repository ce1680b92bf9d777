/**
 * Everything that is checked without running the code: types, lint and format, layers, dead code,
 * files, public API. All of them run, two at a time, even when one fails, so that one call tells
 * the whole story. `node scripts/check.ts types lint` runs only those named.
 */
import { runNode, tool } from './lib/run.ts';

const CHECKS: Readonly<Record<string, readonly string[]>> = {
  types: [tool('typescript/bin/tsc'), '--noEmit'],
  api: ['scripts/api-report.ts', '--check'],
  lint: [tool('@biomejs/biome/bin/biome'), 'ci', '--error-on-warnings', '--colors=off', '.'],
  'dead-code': [tool('knip/bin/knip.js'), '--no-progress'],
  layers: ['scripts/check-layers.ts'],
  files: ['scripts/check-files.ts'],
  docs: ['scripts/docs.ts', '--check'],
};

/** Checks with figures to tell even when they pass. */
const TELLING = new Set(['api', 'files']);

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !Object.hasOwn(CHECKS, name));
if (unknown.length > 0) {
  console.error(
    `no such check: ${unknown.join(', ')}; there are ${Object.keys(CHECKS).join(', ')}`,
  );
  process.exit(2);
}

const queue = asked.length > 0 ? [...asked] : Object.keys(CHECKS);
const failed: string[] = [];

async function work(): Promise<void> {
  for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
    const { code, output, seconds } = await runNode(CHECKS[name]);
    const passed = code === 0;
    if (!passed) failed.push(name);
    console.log(`${passed ? 'ok  ' : 'FAIL'} ${name.padEnd(10)} ${seconds.toFixed(1)} s`);
    if (!passed || TELLING.has(name)) console.log(output.trimEnd());
  }
}

await Promise.all([work(), work()]);
if (failed.length > 0) {
  console.error(`checks failed: ${failed.join(', ')}`);
  process.exitCode = 1;
}
