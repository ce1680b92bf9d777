import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';
import { GlassboxError } from '../base/error.ts';

/** Who may use a lab. */
export interface AccessOptions {
  /** The address the server listens on. */
  readonly host: string;
  readonly port: number;
  /** Required off loopback. */
  readonly token?: string;
  /** Further exact origins, such as a reverse proxy's, e.g. `https://lab.example.org`. */
  readonly origins?: readonly string[];
}

/** The parts of a request that decide whether it may pass. */
export interface Visit {
  readonly host: string | undefined;
  readonly origin: string | undefined;
  /** `Sec-Fetch-Site`, which browsers add and pages cannot forge. */
  readonly site: string | undefined;
  /** Token given in a header, a cookie or the address. */
  readonly token: string | undefined;
}

export interface Access {
  /** Why a request is refused, or null when its host and origin are right. */
  refusal(visit: Visit): GlassboxError | null;
  /** True when no token is needed or the right one is given. */
  knows(token: string | undefined): boolean;
  readonly needsToken: boolean;
}

/** True for addresses that only this machine reaches. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

const bracketed = (host: string): string => (isIP(host) === 6 ? `[${host}]` : host);

/** The names under which this server can be reached. */
function ownNames(host: string): string[] {
  const loopback = ['127.0.0.1', 'localhost', '::1'];
  if (isLoopback(host)) return [...new Set([...loopback, host])];
  if (host !== '0.0.0.0' && host !== '::') return [host];
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return [...loopback, hostname(), ...addresses.map(({ address }) => address)];
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** An exact origin, as browsers write it. Throws `bad-origin`. */
function checkedOrigin(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url && /^https?:$/.test(url.protocol) && url.origin === text.replace(/\/$/, '')) return url;
  throw new GlassboxError(`'${text}' is no origin`, {
    code: 'bad-origin',
    remedy: 'Give scheme, host and port only, such as https://lab.example.org.',
  });
}

/**
 * Exact lists of hosts and origins. The host is checked as well as the origin because a name that a
 * stranger owns can be made to point at 127.0.0.1 (DNS rebinding): such a page is same-origin with
 * itself, but its requests name the stranger's host.
 *
 * @throws GlassboxError `token-needed` off loopback without a token; `bad-origin`
 */
export function createAccess({ host, port, token, origins = [] }: AccessOptions): Access {
  if (!isLoopback(host) && (token === undefined || token.length < 16)) {
    throw new GlassboxError(
      token === undefined
        ? `listening on ${host} lets other machines in, and there is no token`
        : 'the token has less than 16 characters',
      {
        code: 'token-needed',
        remedy: 'Put a long random text in GLASSBOX_LAB_TOKEN, or stay on 127.0.0.1.',
        details: { host },
      },
    );
  }
  const further = origins.map(checkedOrigin);
  const suffixes = port === 80 ? ['', ':80'] : [`:${port}`];
  const own = ownNames(host).flatMap((name) =>
    suffixes.map((suffix) => `${bracketed(name)}${suffix}`.toLowerCase()),
  );
  const hosts = new Set([...own, ...further.map((url) => url.host)]);
  const allowed = new Set([
    ...own.map((name) => `http://${name}`),
    ...further.map((u) => u.origin),
  ]);
  const secret = token === undefined ? null : digest(token);
  const refuse = (message: string, code: string): GlassboxError =>
    new GlassboxError(message, {
      code,
      remedy: 'Open the address that the lab printed; other pages may not use it.',
    });
  return {
    needsToken: secret !== null,
    knows: (given) =>
      secret === null || (given !== undefined && timingSafeEqual(digest(given), secret)),
    refusal(visit) {
      const named = visit.host?.toLowerCase();
      if (named === undefined || !hosts.has(named)) {
        return refuse(`this lab is not '${visit.host ?? ''}'`, 'foreign-host');
      }
      if (visit.origin !== undefined && !allowed.has(visit.origin)) {
        return refuse(`the origin '${visit.origin}' may not use this lab`, 'foreign-origin');
      }
      const trusted = [undefined, 'same-origin', 'none'];
      // A page of an allowed further origin is cross-site for the browser.
      if (visit.origin === undefined && !trusted.includes(visit.site)) {
        return refuse('another site may not use this lab', 'foreign-origin');
      }
      return null;
    },
  };
}
