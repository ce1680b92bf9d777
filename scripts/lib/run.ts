import { type SpawnOptions, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The checkout's root folder, with a trailing slash. */
export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** How a finished command ended. `output` holds stdout and stderr in the order they came. */
export interface Finished {
  readonly code: number;
  readonly output: string;
  readonly seconds: number;
}

/** The path of a JavaScript tool inside node_modules, run with this very Node and not a shell. */
export function tool(path: string): string {
  return `${ROOT}node_modules/${path}`;
}

/**
 * Runs this Node with `args` in the checkout's root. With `inherit` the output goes straight to
 * the terminal and `output` stays empty. A command killed by a signal counts as code 1.
 */
export function runNode(
  args: readonly string[],
  options: { inherit?: boolean; env?: Record<string, string> } = {},
): Promise<Finished> {
  const started = performance.now();
  const spawnOptions: SpawnOptions = {
    cwd: ROOT,
    env: { ...process.env, ...options.env },
    stdio: options.inherit === true ? 'inherit' : ['ignore', 'pipe', 'pipe'],
  };
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, spawnOptions);
    let output = '';
    const collect = (chunk: Buffer) => {
      output += chunk.toString('utf8');
    };
    child.stdout?.on('data', collect);
    child.stderr?.on('data', collect);
    child.on('error', reject);
    child.on('close', (code) => {
      resolve({ code: code ?? 1, output, seconds: (performance.now() - started) / 1000 });
    });
  });
}
