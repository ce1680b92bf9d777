/**
 * Makes the publishable package: JavaScript and types from `src/` into `dist/`, the web page into
 * `dist/web/`. Fails when a file that package.json promises is not there afterwards.
 */
import { chmod, rm } from 'node:fs/promises';
import { missingTargets, readPackage } from './lib/package.ts';
import { ROOT, runNode, tool } from './lib/run.ts';

await rm(`${ROOT}dist`, { recursive: true, force: true });

const steps = [
  [tool('typescript/bin/tsc'), '-p', 'tsconfig.build.json'],
  [tool('vite/bin/vite.js'), 'build', '--logLevel', 'warn'],
];
for (const step of steps) {
  const { code } = await runNode(step, { inherit: true });
  if (code !== 0) process.exit(code);
}

const missing = missingTargets();
if (missing.length > 0) {
  console.error(`package.json promises files that the build did not make:\n${missing.join('\n')}`);
  process.exit(1);
}
for (const path of Object.values(readPackage().bin)) await chmod(`${ROOT}${path}`, 0o755);
