import { listFiles, modelInfo } from '@huggingface/hub';
import { GlassboxError, isGlassboxError } from '../base/error.ts';
import type { HubSettings } from './hub-cache.ts';

/** A file of a model repository at one commit. */
export interface HubFile {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** Name of its content in the cache: the SHA-256 of large files, the git hash of small ones. */
  readonly etag: string;
  readonly hash: 'sha256' | 'git';
}

/** Which model of which hub a request is about. */
export interface HubTarget {
  readonly id: string;
  readonly settings: HubSettings;
}

/** The signature of the global `fetch`. */
export type Fetch = typeof globalThis.fetch;

/** Without data for this long, a connection counts as broken. */
const STALL_MS = 60_000;

/**
 * A `fetch` that sends the token to the hub only, and gives up when the caller does or when nothing
 * arrives for a minute.
 */
export function hubFetch(settings: HubSettings, signal: AbortSignal | undefined): Fetch {
  const origin = new URL(settings.endpoint).origin;
  return async (input, init) => {
    const url = input instanceof Request ? input.url : String(input);
    const headers = new Headers(init?.headers);
    const own = new URL(url).origin === origin;
    if (settings.token && own) headers.set('Authorization', `Bearer ${settings.token}`);
    const response = await answerInTime(fetch(input, { ...init, headers, signal }));
    const range = headers.get('Range');
    if (range && !range.startsWith('bytes=0-') && response.ok && response.status !== 206) {
      await response.body?.cancel();
      throw new RangeIgnored();
    }
    return response;
  };
}

/** The limit is for the answer to begin; its body has a limit of its own, per piece. */
async function answerInTime(answer: Promise<Response>): Promise<Response> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('no answer for 60 seconds')), STALL_MS);
  });
  return Promise.race([answer, late]).finally(() => clearTimeout(timer));
}

/** The server sends whole files only, so a partial one cannot be continued. */
export class RangeIgnored extends Error {
  override readonly name = 'RangeIgnored';
}

/** The commit a revision stands for now. */
export async function commitOf(
  target: HubTarget,
  options: { readonly revision: string; readonly fetch: Fetch },
): Promise<string> {
  const { id, settings } = target;
  const { sha } = await modelInfo({
    name: id,
    revision: options.revision,
    hubUrl: settings.endpoint,
    additionalFields: ['sha'],
    fetch: options.fetch,
  });
  if (typeof sha === 'string' && /^[\w-]{1,64}$/.test(sha)) return sha;
  throw new GlassboxError(`${settings.endpoint} gave no commit for ${id}`, {
    code: 'hub-bad-answer',
    remedy: 'Check HF_ENDPOINT; the server there does not answer as a hub does.',
    kind: 'failure',
    details: { id, endpoint: settings.endpoint },
  });
}

/** All files at the root of a repository; models keep what is needed there. */
export async function filesOf(
  target: HubTarget,
  options: { readonly commit: string; readonly fetch: Fetch },
): Promise<HubFile[]> {
  const { id, settings } = target;
  const repo = { type: 'model', name: id } as const;
  const { commit, fetch } = options;
  const out: HubFile[] = [];
  const entries = listFiles({ repo, revision: commit, hubUrl: settings.endpoint, fetch });
  for await (const entry of entries) {
    const etag = entry.lfs?.oid ?? entry.oid;
    const safe = etag !== undefined && /^[\w-]{1,128}$/.test(etag) && isPlainName(entry.path);
    if (entry.type !== 'file' || !safe) continue;
    out.push({ path: entry.path, size: entry.size, etag, hash: entry.lfs ? 'sha256' : 'git' });
  }
  return out;
}

/** The name becomes a path in the cache, so it must not leave its folder. */
function isPlainName(path: string): boolean {
  return /^[\w][\w.+-]*$/.test(path);
}

/** The error a user should see for a failed request. */
export function hubError(
  cause: unknown,
  target: HubTarget,
  signal: AbortSignal | undefined,
): GlassboxError {
  const { id, settings } = target;
  const details = { id, endpoint: settings.endpoint };
  if (signal?.aborted) {
    return new GlassboxError(`the download of ${id} was cancelled`, {
      code: 'cancelled',
      remedy: 'Run the same command again; what was downloaded is kept.',
      kind: 'failure',
      details,
      cause,
    });
  }
  if (isGlassboxError(cause)) return cause;
  const status = (cause as { statusCode?: unknown }).statusCode;
  if (status === 401 || status === 403) {
    const who = settings.token ? 'your token has no access' : 'it is private, gated or misspelt';
    return new GlassboxError(`${id} cannot be read: ${who}`, {
      code: 'gated-repo',
      remedy: `Accept its licence at ${settings.endpoint}/${id} and set HF_TOKEN to your token.`,
      details: { ...details, status },
      cause,
    });
  }
  if (status === 404) {
    return new GlassboxError(
      `${id} does not exist at ${settings.endpoint}, or not in this revision`,
      {
        code: 'unknown-repo',
        remedy: 'Check the spelling: owner/name, and the revision if you gave one.',
        details: { ...details, status },
        cause,
      },
    );
  }
  const reason = cause instanceof Error ? cause.message : String(cause);
  const deeper = cause instanceof Error && cause.cause instanceof Error ? cause.cause.message : '';
  return new GlassboxError(
    `cannot download ${id} from ${settings.endpoint}: ${[reason, deeper].filter(Boolean).join('; ')}`,
    {
      code: status === undefined ? 'hub-unreachable' : 'hub-failed',
      remedy: 'Check the connection and run the same command again; what was downloaded is kept.',
      kind: 'failure',
      details: status === undefined ? details : { ...details, status },
      cause,
    },
  );
}

/** True where trying again can help: broken connections and busy servers, not refusals. */
export function isTransient(cause: unknown): boolean {
  if (isGlassboxError(cause)) return false;
  const code = (cause as NodeJS.ErrnoException)?.code;
  if (code === 'ENOSPC' || code === 'EACCES' || code === 'EROFS' || code === 'EDQUOT') return false;
  const status = (cause as { statusCode?: unknown }).statusCode;
  return typeof status !== 'number' || status === 408 || status === 429 || status >= 500;
}

/** Passes bytes on and fails when none arrive for a minute. */
export async function* withStallLimit(
  chunks: ReadableStream<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const reader = chunks.getReader();
  try {
    for (;;) {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error('no data for 60 seconds')), STALL_MS);
      });
      const { done, value } = await Promise.race([reader.read(), late]).finally(() =>
        clearTimeout(timer),
      );
      if (done) return;
      yield value;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
