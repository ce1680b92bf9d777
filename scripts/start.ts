/** `npm start`: builds the web page when a source is newer than it, then serves the lab. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { glob, stat } from 'node:fs/promises';
import { ROOT, runNode, tool } from './lib/run.ts';

const PAGE = `${ROOT}dist/web/index.html`;
const SOURCES = ['web/**/*', 'src/{figures,i18n}/**/*.ts', 'vite.config.ts', 'package-lock.json'];

async function isStale(): Promise<boolean> {
  if (!existsSync(PAGE)) return true;
  const built = (await stat(PAGE)).mtimeMs;
  for await (const path of glob(SOURCES, { cwd: ROOT })) {
    if ((await stat(`${ROOT}${path}`)).mtimeMs > built) return true;
  }
  return false;
}

if (await isStale()) {
  console.error('building the web page …');
  const vite = [tool('vite/bin/vite.js'), 'build', '--logLevel', 'warn'];
  const { code } = await runNode(vite, { inherit: true });
  if (code !== 0) process.exit(code);
}

const lab = [`${ROOT}src/cli/main.ts`, 'lab', ...process.argv.slice(2)];
const child = spawn(process.execPath, lab, { stdio: 'inherit' });
// The terminal sends Ctrl-C to the whole group; the lab closes its sockets and this waits for it.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => child.kill('SIGTERM'));
child.on('close', (code) => process.exit(code ?? 0));
