import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** The owner of a lock shows every so often that it is alive. */
const HEARTBEAT_MS = 5_000;

/** A lock without sign of life for this long has lost its owner. */
const STALE_MS = 60_000;

const POLL_MS = 150;

/**
 * Runs `work` while no other process runs it for the same path. The lock is a file that names its
 * owner. An owner that died is noticed at once on the same machine, and after a minute across
 * machines.
 *
 * @param onWait called every time the lock is found taken; it may throw to give up
 */
export async function withLock<T>(
  path: string,
  work: () => Promise<T>,
  onWait: () => void | Promise<void>,
): Promise<T> {
  await mkdir(dirname(path), { recursive: true });
  const owner = JSON.stringify({
    host: hostname(),
    pid: process.pid,
    nonce: randomBytes(8).toString('hex'),
  });
  while (!(await take(path, owner))) {
    await onWait();
    if (!(await clearStale(path))) await sleep(POLL_MS);
  }
  const heartbeat = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => {});
  }, HEARTBEAT_MS);
  heartbeat.unref();
  try {
    return await work();
  } finally {
    clearInterval(heartbeat);
    // Another process may have judged this one dead and taken over; its lock must stay.
    if ((await readFile(path, 'utf8').catch(() => '')) === owner) await rm(path, { force: true });
  }
}

async function take(path: string, owner: string): Promise<boolean> {
  // Written beside and linked into place, so that nobody ever reads a lock without owner.
  const own = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
  const handle = await open(own, 'wx');
  await handle.writeFile(owner);
  await handle.close();
  try {
    await link(own, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(own, { force: true });
  }
}

/** Removes a lock whose owner is gone. True when the lock may be free now. */
async function clearStale(path: string): Promise<boolean> {
  const seen = await readFile(path, 'utf8').catch(() => undefined);
  const info = await stat(path).catch(() => undefined);
  if (seen === undefined || info === undefined) return true;
  if (Date.now() - info.mtimeMs < STALE_MS && ownerLives(seen)) return false;
  const aside = `${path}.${randomBytes(8).toString('hex')}.stale`;
  try {
    await rename(path, aside);
  } catch {
    return true;
  }
  // Between reading and renaming, another process can have replaced the stale lock by its own:
  // then that one goes back, unless a third has come since.
  if ((await readFile(aside, 'utf8')) !== seen) await link(aside, path).catch(() => {});
  await rm(aside, { force: true });
  return true;
}

function ownerLives(text: string): boolean {
  let owner: { host?: unknown; pid?: unknown };
  try {
    owner = JSON.parse(text);
  } catch {
    return false;
  }
  if (owner.host !== hostname() || typeof owner.pid !== 'number') return true;
  try {
    process.kill(owner.pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
