import { randomBytes } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { GlassboxError } from './error.ts';

/** Where an atomic write takes its bytes from. Parts are taken one at a time, so they may be lazy. */
export type FileContent = string | Uint8Array | Iterable<Uint8Array>;

/**
 * Writes a file so that a reader sees either the old content or the whole new one: the bytes go to
 * a temporary sibling, are flushed to disk, and the sibling is renamed over the target. On failure
 * (full disk, no permission) the temporary file is removed and the old content stays.
 */
export async function writeFileAtomic(path: string, content: FileContent): Promise<void> {
  const temporary = `${path}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`;
  try {
    const handle = await open(temporary, 'wx');
    try {
      const parts =
        typeof content === 'string' || content instanceof Uint8Array ? [content] : content;
      for (const part of parts) await handle.writeFile(part);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true });
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new GlassboxError(`cannot write ${path}: ${reason}`, {
      code: 'write-failed',
      remedy: 'Free some disk space or choose a writable folder; the previous file is untouched.',
      kind: 'failure',
      details: { path },
      cause,
    });
  }
}
