import type { Server } from 'node:http';
import { isIP } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { GlassboxError } from '../base/error.ts';
import { createAccess, isLoopback } from './access.ts';
import { createApp } from './app.ts';
import { PAGE_FOLDER, programIdentity } from './identity.ts';
import { LabRuns } from './runs.ts';
import { LabService } from './service.ts';

/** Where a lab listens unless told. */
export const DEFAULT_PORT = 5757;

/** How many ports after the default one are tried when it is taken. */
const TRIES = 50;

export interface LabOptions {
  /** The model of requests that name none; the built-in one unless told. */
  readonly model?: string;
  /** A port given here must be free; without it the first free one from 5757 on is taken. 0: any. */
  readonly port?: number;
  /** Address to listen on, 127.0.0.1 unless told; others need a token. */
  readonly host?: string;
  readonly token?: string;
  /** Further exact origins that may use the lab. */
  readonly origins?: readonly string[];
  /** Folder of the built page; null serves the API alone. */
  readonly page?: string | null;
  /** Bytes of weights that may be loaded together. */
  readonly memory?: number;
  /** Folders of dictionaries to look for each model's in, beside its own. */
  readonly dictionaries?: readonly string[];
  /** Folders of dictionary trainings to follow. */
  readonly runs?: readonly string[];
  /** Whether to load the default model and compute first answers at once; true unless told. */
  readonly warm?: boolean;
}

/** A running lab. */
export interface Lab {
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** Settles when the default model's first answers are there; with the error when they failed. */
  readonly warmed: Promise<Error | null>;
  /** Stops listening, drops open connections and ends the models' threads. */
  close(): Promise<void>;
}

function tryListen(
  server: Server,
  host: string,
  port: number,
): Promise<NodeJS.ErrnoException | null> {
  return new Promise((resolve) => {
    const failed = (error: NodeJS.ErrnoException) => {
      server.off('listening', listening);
      resolve(error);
    };
    const listening = () => {
      server.off('error', failed);
      resolve(null);
    };
    server.once('error', failed);
    server.once('listening', listening);
    server.listen(port, host);
  });
}

/** Listens on the port, or on the first free one. Throws `port-taken` or `cannot-listen`. */
async function listen(server: Server, { host, port }: { host: string; port?: number }) {
  const ports =
    port === undefined ? Array.from({ length: TRIES }, (_, i) => DEFAULT_PORT + i) : [port];
  for (const wanted of ports) {
    const error = await tryListen(server, host, wanted);
    if (!error) {
      const address = server.address();
      return typeof address === 'object' && address ? address.port : wanted;
    }
    if (error.code === 'EADDRINUSE') continue;
    throw new GlassboxError(`cannot listen on ${host}:${wanted}: ${error.message}`, {
      code: 'cannot-listen',
      remedy: 'Choose an address of this machine and a port of 1024 or more.',
      details: { host, port: wanted },
      cause: error,
    });
  }
  const range = port === undefined ? `ports ${ports[0]} to ${ports.at(-1)} are` : `port ${port} is`;
  throw new GlassboxError(`${range} taken on ${host}`, {
    code: 'port-taken',
    remedy:
      port === undefined
        ? 'Give a free one with --port.'
        : 'Give another port, or leave --port out to take the next free one.',
    details: { host, port: port ?? DEFAULT_PORT },
  });
}

/**
 * Serves the lab: the page and the API behind it.
 *
 * @throws GlassboxError `port-taken`, `cannot-listen`, `token-needed`, `bad-origin`
 */
export async function startLab(options: LabOptions = {}): Promise<Lab> {
  const { host = '127.0.0.1', token, origins, page = PAGE_FOLDER } = options;
  // Wrong options must fail before a socket is opened.
  createAccess({ host, port: options.port ?? DEFAULT_PORT, token, origins });
  const program = await programIdentity();
  const { model, memory, dictionaries } = options;
  const service = new LabService({ model, memory, dictionaries, program });
  let fetch: ((request: Request) => Response | Promise<Response>) | undefined;
  const server = createAdaptorServer({
    // Requests come only after listening, when the application knows its port.
    fetch: (request: Request) => fetch!(request),
  }) as Server;
  const port = await listen(server, { host, port: options.port });
  const access = createAccess({ host, port, token, origins });
  const runs = new LabRuns({ runs: options.runs, dictionaries });
  const app = createApp({ access, service, runs, program, page, port });
  fetch = (request) => app.fetch(request);
  const closing = new AbortController();
  const warmed =
    options.warm === false
      ? Promise.resolve(null)
      : service.warm(closing.signal).then(
          () => null,
          (error: Error) => (closing.signal.aborted ? null : error),
        );
  const shown = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  const name = isIP(shown) === 6 ? `[${shown}]` : shown;
  const query =
    token === undefined || isLoopback(host) ? '' : `?token=${encodeURIComponent(token)}`;
  return {
    url: `http://${name}:${port}/${query}`,
    host,
    port,
    warmed,
    async close() {
      closing.abort();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await service.close();
      await closed;
    },
  };
}
