import { GlassboxError, isGlassboxError } from '../../base/error.ts';
import type { ExternalData } from '../../graph/onnx/index.ts';
import type { Program } from '../../graph/program.ts';
import { bindFeeds, checkStorage } from '../feeds.ts';
import type { Executable, Feeds, Runtime } from '../runtime.ts';
import { createOnnxExecutable, type OutputMemory, type SessionHandle } from './executable.ts';
import { type OnnxSession, STOP_BEFORE_COPIES } from './session.ts';

/** What differs between the places where ONNX Runtime runs. */
export interface OnnxBackend {
  readonly name: string;
  readonly memory: OutputMemory;
  /** Whether models get the output {@link STOP_BEFORE_COPIES}; no unless told. */
  readonly canStopBeforeCopies?: () => Promise<boolean>;
  createSession(model: Uint8Array, external: readonly ExternalData[]): Promise<OnnxSession>;
}

/** How long compiled programs stay in memory after their last user has released them. */
export interface SessionCacheOptions {
  /**
   * How many compiled programs that nobody uses any more are kept for the next `compile` of the
   * same program with the same frozen arrays. 8 unless told; 0 frees at once.
   */
  readonly idleSessions?: number;
  /** Idle programs are freed when their frozen arrays take more than this, 256 MiB unless told. */
  readonly idleBytes?: number;
}

interface Entry {
  readonly key: string;
  readonly bytes: number;
  readonly ready: Promise<{
    readonly session: OnnxSession;
    readonly outputNames: Readonly<Record<string, string>>;
  }>;
  users: number;
}

/** Compiled sessions by program and frozen arrays; the least recently used idle ones are freed. */
class SessionCache {
  readonly #entries = new Map<string, Entry>();
  readonly #limit: number;
  readonly #byteLimit: number;

  constructor({ idleSessions = 8, idleBytes = 256 << 20 }: SessionCacheOptions) {
    this.#limit = idleSessions;
    this.#byteLimit = idleBytes;
  }

  async acquire(key: string, create: () => Omit<Entry, 'key' | 'users'>): Promise<SessionHandle> {
    let entry = this.#entries.get(key);
    if (!entry) {
      entry = { key, users: 0, ...create() };
      this.#entries.set(key, entry);
    }
    entry.users++;
    const held = entry;
    try {
      const { session, outputNames } = await held.ready;
      let released = false;
      const release = async () => {
        if (released) return;
        released = true;
        await this.#release(held);
      };
      return { session, outputNames, release };
    } catch (error) {
      if (this.#entries.get(key) === held) this.#entries.delete(key);
      throw error;
    }
  }

  async #release(entry: Entry): Promise<void> {
    entry.users--;
    if (entry.users > 0) return;
    // Map order is the order of insertion: what was let go last is freed last.
    this.#entries.delete(entry.key);
    this.#entries.set(entry.key, entry);
    const idle = [...this.#entries.values()].filter(({ users }) => users === 0);
    let bytes = idle.reduce((sum, { bytes }) => sum + bytes, 0);
    const freed: Entry[] = [];
    while (idle.length > this.#limit || (bytes > this.#byteLimit && idle.length > 0)) {
      const oldest = idle.shift()!;
      bytes -= oldest.bytes;
      this.#entries.delete(oldest.key);
      freed.push(oldest);
    }
    // Nothing may be awaited before all are out of the map, or a compile could take one meanwhile.
    for (const { ready } of freed) await (await ready).session.release();
  }
}

function compileFailed(cause: unknown): GlassboxError {
  if (isGlassboxError(cause)) return cause;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new GlassboxError(`ONNX Runtime could not load the program: ${reason}`, {
    code: 'compile-failed',
    remedy: 'Report this program: a graph that verifies should load.',
    kind: 'failure',
    cause,
  });
}

/** A runtime on one build of ONNX Runtime. */
export function createOnnxRuntime(backend: OnnxBackend, options: SessionCacheOptions): Runtime {
  const cache = new SessionCache(options);
  const identities = new WeakMap<object, number>();
  let nextIdentity = 0;
  // An executable that was dropped without `release` gives its session back when it is collected.
  const forgotten = new FinalizationRegistry((handle: SessionHandle) => {
    // Nobody is left to tell about a failure.
    handle.release().catch(() => undefined);
  });

  function identity(data: object): number {
    let id = identities.get(data);
    if (id === undefined) identities.set(data, (id = nextIdentity++));
    return id;
  }

  function sessionKey(program: Program, frozen: Feeds): string {
    const parts = Object.keys(frozen)
      .sort()
      .map((name) => `${name}=${identity(frozen[name].data)}[${frozen[name].shape}]`);
    return [program.hash, ...parts].join('|');
  }

  async function load(program: Program, frozen: Feeds) {
    const stop = await backend.canStopBeforeCopies?.();
    const { model, external, outputNames } = program.toOnnx({
      frozen,
      ...(stop && { emptySequence: STOP_BEFORE_COPIES }),
    });
    try {
      return { session: await backend.createSession(model, external), outputNames };
    } catch (error) {
      throw compileFailed(error);
    }
  }

  return {
    name: backend.name,
    async compile(program, { frozen = {} } = {}): Promise<Executable> {
      for (const [name, value] of Object.entries(frozen)) checkStorage(name, value);
      const isFrozen = (name: string) => Object.hasOwn(frozen, name);
      const frozenInputs = program.inputs.filter(({ attrs }) => isFrozen(attrs.name));
      const bindings = bindFeeds(frozenInputs, frozen);
      const handle = await cache.acquire(sessionKey(program, frozen), () => ({
        bytes: Object.values(frozen).reduce((sum, { data }) => sum + data.byteLength, 0),
        ready: load(program, frozen),
      }));
      const executable = createOnnxExecutable({
        program,
        inputs: program.inputs.filter(({ attrs }) => !isFrozen(attrs.name)),
        bindings,
        handle,
        memory: backend.memory,
      });
      forgotten.register(executable, handle);
      return executable;
    },
  };
}
