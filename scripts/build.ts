/**
 * Makes the publishable package: JavaScript and types from `src/` into `dist/`, the web page into
 * `dist/web/`. Fails when a file that package.json promises is not there afterwards.
 * `--into FOLDER` makes FOLDER/dist instead of the checkout's.
 */
import { chmod, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { missingTargets, readPackage } from './lib/package.ts';
import { ROOT, runNode, tool } from './lib/run.ts';

const { values } = parseArgs({ options: { into: { type: 'string', default: ROOT } } });
const into = resolve(values.into);
const dist = join(into, 'dist');
await rm(dist, { recursive: true, force: true });

const page = join(dist, 'web');
const steps = [
  [tool('typescript/bin/tsc'), '-p', 'tsconfig.build.json', '--outDir', dist],
  [tool('vite/bin/vite.js'), 'build', '--logLevel', 'warn', '--emptyOutDir', '--outDir', page],
];
for (const step of steps) {
  const { code } = await runNode(step, { inherit: true });
  if (code !== 0) process.exit(code);
}

const missing = missingTargets(into);
if (missing.length > 0) {
  console.error(`package.json promises files that the build did not make:\n${missing.join('\n')}`);
  process.exit(1);
}
for (const path of Object.values(readPackage().bin)) await chmod(join(into, path), 0o755);
