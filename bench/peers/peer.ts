import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Times } from './types.ts';

const SCRIPT = fileURLToPath(new URL('../../scripts/reference/peers.py', import.meta.url));

/** A process of the other side, loaded, warm and waiting. */
export interface Peer {
  readonly name: string;
  /** Its first run, which warms up; of a graph a part. */
  readonly first: Times;
  readonly versions: Readonly<Record<string, string>>;
  run(): Promise<Times>;
  /** Writes its last result as safetensors. */
  save(path: string): Promise<void>;
  close(): void;
}

/** Starts a peer and waits until it has loaded and run once. */
export async function startPeer(
  name: string,
  options: { readonly python: string; readonly folder: string; readonly threads: number },
): Promise<Peer> {
  const threads = String(options.threads);
  const child = spawn(
    options.python,
    [SCRIPT, name, '--inputs', options.folder, '--threads', threads],
    {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, OMP_NUM_THREADS: threads, TQDM_DISABLE: '1' },
    },
  );
  let heard = '';
  child.stderr.on('data', (chunk) => {
    heard = (heard + chunk).slice(-4000);
  });
  const stopped = new Promise<never>((_, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => reject(new Error(`${name} ended with ${code}: ${heard}`)));
  });
  // Closed on purpose nobody waits for it.
  stopped.catch(() => {});
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async <T>(): Promise<T> => {
    const { value } = await Promise.race([lines.next(), stopped]);
    // The last line is over before the exit code is known.
    return value === undefined ? stopped : JSON.parse(value);
  };
  const ask = <T>(line: string): Promise<T> => {
    child.stdin.write(`${line}\n`);
    return answer<T>();
  };
  const { first, versions } = await answer<Pick<Peer, 'first' | 'versions'>>();
  return {
    name,
    first,
    versions,
    run: () => ask<Times>('run'),
    save: async (path) => {
      await ask(`save ${path}`);
    },
    close: () => child.kill(),
  };
}
