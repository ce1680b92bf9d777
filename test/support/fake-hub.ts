import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What goes wrong with the next answers for one file; each fault is used up once. */
export type Fault =
  | { readonly kind: 'cut'; readonly after: number }
  | { readonly kind: 'status'; readonly status: number }
  | { readonly kind: 'ignore-range' }
  | { readonly kind: 'corrupt' };

export interface FakeHub {
  readonly endpoint: string;
  /** Content by file name; change it as a new commit would. */
  readonly files: Map<string, Uint8Array>;
  readonly faults: Map<string, Fault[]>;
  /** One line per request for content: file, first byte, bytes sent. */
  readonly served: { file: string; start: number; sent: number }[];
  /** Every request, as `METHOD path`. */
  readonly requests: string[];
  /** Authorization headers that reached the content server, which must not see any. */
  readonly leaked: string[];
  commit: string;
  /** Status of every API answer; 200 unless set. */
  status: number;
  /** Pretend sizes in the file list. */
  readonly listedSizes: Map<string, number>;
  /** Awaited before a connection is cut: bytes on their way can be lost with it. */
  beforeCut: () => Promise<void>;
  /** Pause between pieces of content, in milliseconds. */
  pieceMs: number;
  close(): Promise<void>;
}

const PIECE = 16_384;

/** Files from this size on live on the content server, under their SHA-256, as on the hub. */
const LARGE = 10_000;

/**
 * A local server with the endpoints of the Hugging Face hub that a download uses: model
 * information, file list, content with ETag, ranges and redirects to a content server of another
 * origin.
 */
export async function startFakeHub(id: string): Promise<FakeHub> {
  const cdn = createServer((request, response) => void content(hub, request, response));
  const cdnUrl = await listen(cdn);
  const api = createServer((request, response) => answer(hub, { id, cdnUrl, request, response }));
  const hub: FakeHub = {
    endpoint: await listen(api),
    files: new Map(),
    faults: new Map(),
    served: [],
    requests: [],
    leaked: [],
    commit: 'c'.repeat(40),
    status: 200,
    listedSizes: new Map(),
    beforeCut: async () => {},
    pieceMs: 0,
    close: async () => {
      for (const server of [api, cdn]) {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
    },
  };
  return hub;
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function gitHash(bytes: Uint8Array): string {
  return createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
}

interface ApiCall {
  readonly id: string;
  readonly cdnUrl: string;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

function answer(hub: FakeHub, { id, cdnUrl, request, response }: ApiCall): void {
  const url = new URL(request.url ?? '/', hub.endpoint);
  hub.requests.push(`${request.method} ${url.pathname}`);
  const json = (status: number, value: unknown) => {
    response.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8' });
    response.end(JSON.stringify(value));
  };
  if (hub.status !== 200) {
    json(hub.status, { error: `status ${hub.status}` });
    return;
  }
  const parts = url.pathname.split('/').map(decodeURIComponent);
  if (url.pathname.startsWith(`/api/models/${id}/revision/`)) {
    const known = ['main', hub.commit].includes(parts.at(-1) ?? '');
    if (known) json(200, { _id: '1', id, sha: hub.commit, private: false, lastModified: 0 });
    else json(404, { error: 'Invalid rev id' });
    return;
  }
  if (url.pathname.startsWith(`/api/models/${id}/tree/${hub.commit}`)) {
    json(
      200,
      [...hub.files].map(([path, bytes]) => listEntry(hub, path, bytes)),
    );
    return;
  }
  const prefix = `/${id}/resolve/${hub.commit}/`;
  const file = url.pathname.startsWith(prefix)
    ? decodeURIComponent(url.pathname.slice(prefix.length))
    : '';
  const bytes = hub.files.get(file);
  if (bytes === undefined) {
    response.setHeader('X-Error-Code', 'EntryNotFound');
    json(404, { error: 'Entry not found' });
    return;
  }
  response.setHeader('X-Repo-Commit', hub.commit);
  if (bytes.length < LARGE) {
    void send(hub, { file, bytes, request, response });
    return;
  }
  response.setHeader('X-Linked-Size', bytes.length);
  response.setHeader('X-Linked-ETag', `"${sha256(bytes)}"`);
  response.writeHead(302, { Location: `${cdnUrl}/${file}` });
  response.end();
}

function listEntry(hub: FakeHub, path: string, bytes: Uint8Array): object {
  const size = hub.listedSizes.get(path) ?? bytes.length;
  const entry = { type: 'file', path, size, oid: gitHash(bytes) };
  if (bytes.length < LARGE) return entry;
  return { ...entry, lfs: { oid: sha256(bytes), size, pointerSize: 130 } };
}

function content(hub: FakeHub, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.headers.authorization) hub.leaked.push(request.headers.authorization);
  const file = decodeURIComponent((request.url ?? '/').slice(1));
  return send(hub, { file, bytes: hub.files.get(file) as Uint8Array, request, response });
}

async function send(
  hub: FakeHub,
  options: {
    readonly file: string;
    readonly bytes: Uint8Array;
    readonly request: IncomingMessage;
    readonly response: ServerResponse;
  },
): Promise<void> {
  const { file, bytes, request, response } = options;
  const probe = request.headers.range === 'bytes=0-0';
  const fault = probe ? undefined : hub.faults.get(file)?.shift();
  if (fault?.kind === 'status') {
    response.writeHead(fault.status).end();
    return;
  }
  const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
  const ranged = range !== null && fault?.kind !== 'ignore-range';
  const start = ranged ? Number(range[1]) : 0;
  const end = ranged ? Math.min(Number(range[2]) + 1, bytes.length) : bytes.length;
  const hash = bytes.length < LARGE ? gitHash(bytes) : sha256(bytes);
  const headers = { ETag: `"${hash}"`, 'Accept-Ranges': 'bytes', 'Content-Length': end - start };
  const contentRange = { 'Content-Range': `bytes ${start}-${end - 1}/${bytes.length}` };
  response.writeHead(ranged ? 206 : 200, ranged ? { ...headers, ...contentRange } : headers);
  const entry = { file, start, sent: 0 };
  if (!probe) hub.served.push(entry);
  const stop = fault?.kind === 'cut' ? Math.min(end, start + fault.after) : end;
  for (let at = start; at < stop && !response.destroyed; at += PIECE) {
    const piece = bytes.slice(at, Math.min(at + PIECE, stop));
    if (fault?.kind === 'corrupt') piece[0] ^= 1;
    await new Promise((resolve) => response.write(piece, resolve));
    entry.sent += piece.length;
    if (hub.pieceMs > 0) await new Promise((resolve) => setTimeout(resolve, hub.pieceMs));
  }
  if (stop === end) {
    response.end();
    return;
  }
  await hub.beforeCut();
  response.destroy();
}
