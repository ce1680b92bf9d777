import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { access, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { GlassboxError } from './error.ts';

/** Where an atomic write takes its bytes from. Parts are taken one at a time, so they may be lazy. */
export type FileContent = string | Uint8Array | Iterable<Uint8Array>;

const CHOOSE = 'Choose a folder that exists and that you may write into.';

/** A place that cannot be written to because of what was asked for. */
const wrongPlace = (path: string, reason: string, cause?: unknown): GlassboxError =>
  new GlassboxError(`cannot write ${path}: ${reason}`, {
    code: 'write-failed',
    remedy: CHOOSE,
    details: { path },
    cause,
  });

/** What systems say of a place that was badly chosen, in words; anything else is a failure of the machine. */
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such folder',
  ENOTDIR: 'a part of its path is a file',
  EISDIR: 'it is a folder',
  EACCES: 'no permission',
  EPERM: 'no permission',
  EROFS: 'the disk is read-only',
};

async function checkWritable(path: string, folder: string): Promise<void> {
  await access(folder, constants.W_OK | constants.X_OK).catch((cause: NodeJS.ErrnoException) => {
    throw wrongPlace(path, `${REASONS[cause.code ?? ''] ?? cause.message} (${folder})`, cause);
  });
}

/**
 * Throws `write-failed` where a file could not be written, so that long work does not end on it: its folder must exist
 * and be writable, and the file itself be no folder.
 */
export async function checkFileWritable(path: string): Promise<void> {
  const [own, folder] = await Promise.all(
    [path, dirname(resolve(path))].map((at) => stat(at).catch(() => null)),
  );
  if (own?.isDirectory()) throw wrongPlace(path, 'it is a folder');
  if (!folder) throw wrongPlace(path, `there is no folder ${dirname(path)}`);
  if (!folder.isDirectory()) throw wrongPlace(path, `${dirname(path)} is a file`);
  await checkWritable(path, dirname(resolve(path)));
}

/**
 * The same for a folder that need not exist yet: the first thing on the way up that does must be a folder that may be
 * written into.
 */
export async function checkFolderWritable(path: string): Promise<void> {
  let at = resolve(path);
  let found = await stat(at).catch(() => null);
  while (!found && dirname(at) !== at) {
    at = dirname(at);
    found = await stat(at).catch(() => null);
  }
  if (!found?.isDirectory()) throw wrongPlace(path, `${at} is a file`);
  await checkWritable(path, at);
}

/**
 * Writes a file so that a reader sees either the old content or the whole new one: the bytes go to
 * a temporary sibling, are flushed to disk, and the sibling is renamed over the target. On failure
 * (full disk, no permission) the temporary file is removed and the old content stays.
 *
 * @throws GlassboxError `write-failed`, of kind `input` where the place was badly chosen
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
    const { code = '' } = cause as NodeJS.ErrnoException;
    if (code in REASONS) throw wrongPlace(path, REASONS[code], cause);
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
