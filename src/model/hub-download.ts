import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import {
  copyFile,
  type FileHandle,
  mkdir,
  open,
  rename,
  rm,
  stat,
  symlink,
} from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { downloadFile, HubApiError } from '@huggingface/hub';
import { GlassboxError } from '../base/error.ts';
import { isFile, repoFolder } from './hub-cache.ts';
import {
  type HubFile,
  type HubTarget,
  hubFetch,
  isTransient,
  RangeIgnored,
  withStallLimit,
} from './hub-client.ts';
import { withLock } from './hub-lock.ts';

const ATTEMPTS = 5;

export interface DownloadOptions {
  readonly commit: string;
  readonly signal?: AbortSignal;
  /** Bytes of this file that are on disk now, while another process downloads it as well. */
  readonly onBytes: (done: number) => void;
  /** Wait before the second attempt, in milliseconds; it doubles each time. */
  readonly retryMs?: number;
}

/**
 * Brings one file into the cache: its content under `blobs/{etag}`, a link to it in the snapshot. A
 * partial file is continued; the content is checked against its hash before it gets its name.
 *
 * @returns path in the snapshot folder
 */
export async function downloadToCache(
  target: HubTarget,
  file: HubFile,
  options: DownloadOptions,
): Promise<string> {
  const repo = repoFolder(target.settings.cacheDir, target.id);
  const blob = join(repo, 'blobs', file.etag);
  const pointer = join(repo, 'snapshots', options.commit, file.path);
  await mkdir(dirname(blob), { recursive: true });
  const partial = `${blob}.glassbox.incomplete`;
  if (!(await isFile(blob))) {
    const waiting = async () => {
      options.signal?.throwIfAborted();
      options.onBytes(await sizeOf(partial));
    };
    const work = async () => {
      // The process this one waited for has done the work.
      if (await isFile(blob)) return;
      await downloadPartial(target, file, { ...options, partial });
      await rename(partial, blob);
    };
    await withLock(`${blob}.glassbox.lock`, work, waiting);
  }
  options.onBytes(file.size);
  await linkBlob(blob, pointer);
  return pointer;
}

interface PartialOptions extends DownloadOptions {
  readonly partial: string;
}

async function downloadPartial(
  target: HubTarget,
  file: HubFile,
  options: PartialOptions,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await downloadRest(target, file, options);
      return;
    } catch (cause) {
      if (cause instanceof RangeIgnored) await rm(options.partial, { force: true });
      if (options.signal?.aborted || attempt === ATTEMPTS || !isTransient(cause)) throw cause;
      await sleep((options.retryMs ?? 1000) * 2 ** (attempt - 1), undefined, {
        signal: options.signal,
      });
    }
  }
}

async function downloadRest(
  target: HubTarget,
  file: HubFile,
  options: PartialOptions,
): Promise<void> {
  const { partial, onBytes } = options;
  // More bytes than the file has cannot be a beginning of it.
  if ((await sizeOf(partial)) > file.size) await rm(partial);
  const hash = startHash(file);
  const start = await hashPartial(partial, hash);
  onBytes(start);
  if (start < file.size) {
    const handle = await open(partial, 'a');
    try {
      await appendRest(handle, { target, file, start, hash, options });
      await handle.sync();
    } finally {
      await handle.close();
    }
  } else if (start === 0) {
    await (await open(partial, 'a')).close();
  }
  if (hash.digest('hex') !== file.etag) {
    await rm(partial, { force: true });
    throw changed(file, 'its content does not match its hash');
  }
}

async function appendRest(
  handle: FileHandle,
  context: {
    readonly target: HubTarget;
    readonly file: HubFile;
    readonly start: number;
    readonly hash: Hash;
    readonly options: PartialOptions;
  },
): Promise<void> {
  const { target, file, start, hash, options } = context;
  const { settings, id } = target;
  const failures: unknown[] = [];
  const content = await downloadFile({
    repo: { type: 'model', name: id },
    path: file.path,
    revision: options.commit,
    hubUrl: settings.endpoint,
    fetch: recordFailures(hubFetch(settings, options.signal), failures),
    // Plain HTTP with ranges resumes where it stopped; the chunk protocol would start over.
    xet: false,
  });
  if (content === null) throw changed(file, 'it is listed, but not there');
  if (content.size !== file.size) {
    throw changed(file, `it has ${content.size} bytes, but ${file.size} are listed`);
  }
  let done = start;
  try {
    for await (const chunk of withStallLimit(content.slice(start).stream())) {
      if (done + chunk.length > file.size) throw changed(file, 'more bytes arrive than are listed');
      await handle.writeFile(chunk);
      hash.update(chunk);
      done += chunk.length;
      options.onBytes(done);
    }
  } catch (error) {
    throw failures.at(-1) ?? error;
  }
  if (done < file.size) throw new Error(`the connection ended after ${done} of ${file.size} bytes`);
}

/** The client's stream keeps only the message of a failed request; what it was decides here. */
function recordFailures(inner: typeof fetch, failures: unknown[]): typeof fetch {
  return async (input, init) => {
    try {
      const response = await inner(input, init);
      if (response.ok) return response;
      await response.body?.cancel();
      throw new HubApiError(String(input), response.status);
    } catch (error) {
      failures.push(error);
      throw error;
    }
  };
}

function changed(file: HubFile, problem: string): GlassboxError {
  return new GlassboxError(`${file.path} cannot be downloaded: ${problem}`, {
    code: 'hub-file-changed',
    remedy: 'Run the same command again; the repository may have been changed meanwhile.',
    kind: 'failure',
    details: { file: file.path, size: file.size, etag: file.etag },
  });
}

/** Git names a file by the SHA-1 of its length and content. */
function startHash(file: HubFile): Hash {
  if (file.hash === 'sha256') return createHash('sha256');
  const git = createHash(file.etag.length === 64 ? 'sha256' : 'sha1');
  return git.update(`blob ${file.size}\0`);
}

/** Feeds what is there already into the hash; gives its length. */
async function hashPartial(path: string, hash: Hash): Promise<number> {
  if (!(await isFile(path))) return 0;
  let length = 0;
  for await (const chunk of createReadStream(path)) {
    hash.update(chunk as Uint8Array);
    length += (chunk as Uint8Array).length;
  }
  return length;
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}

/** A relative link, so that the cache can be moved; a copy where links are not allowed. */
async function linkBlob(blob: string, pointer: string): Promise<void> {
  if (await isFile(pointer)) return;
  await mkdir(dirname(pointer), { recursive: true });
  // The pointer of a blob that was removed stands in the way.
  await rm(pointer, { force: true });
  try {
    await symlink(relative(dirname(pointer), blob), pointer);
  } catch (error) {
    // Another process made the same link meanwhile.
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return;
    await copyFile(blob, pointer);
  }
}
