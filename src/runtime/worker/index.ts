import { Worker } from 'node:worker_threads';
import { GlassboxError } from '../../base/error.ts';
import type { TensorData } from '../../graph/op.ts';
import { canStopBeforeCopies, type NodeSessionOptions } from '../node/session.ts';
import { createOnnxRuntime, type SessionCacheOptions } from '../onnx/runtime.ts';
import type { Feeds, Runtime } from '../runtime.ts';
import type { Answer, ErrorParcel, Parcel, Request, ThreadOptions } from './messages.ts';
import { isShared, sharedCopy } from './shared.ts';

/** The same choices as for {@link nodeRuntime}; they apply inside the thread. */
export interface WorkerRuntimeOptions extends NodeSessionOptions, SessionCacheOptions {}

/** A runtime whose programs run in a thread of their own. */
export interface WorkerRuntime extends Runtime {
  /**
   * Copies arrays into memory that the thread sees too. Feeding or freezing the copies costs
   * nothing per run, where other arrays are copied each time: do this once for weights.
   */
  share(feeds: Feeds): Record<string, TensorData>;
  /** Ends the thread. What it has not finished fails with `runtime-closed`. */
  close(): Promise<void>;
}

/** Leaves out `call`, which the connection adds. */
type Call = Request extends infer R
  ? R extends { call: number }
    ? Omit<R, 'call'>
    : never
  : never;

interface Pending {
  resolve(fresh: Record<string, TensorData>): void;
  reject(error: unknown): void;
}

function unpackError({ message, code, remedy, ...rest }: ErrorParcel): Error {
  if (code === undefined || remedy === undefined) return new Error(message);
  return new GlassboxError(message, { code, remedy, ...rest });
}

function closedError(): GlassboxError {
  return new GlassboxError('the worker runtime was closed', {
    code: 'runtime-closed',
    remedy: 'Create another runtime and compile the program there.',
    kind: 'failure',
  });
}

function crashedError(reason: string, cause?: unknown): GlassboxError {
  return new GlassboxError(`the worker of the runtime ended unexpectedly: ${reason}`, {
    code: 'worker-failed',
    remedy: 'Create another runtime; check that there is enough memory for the model.',
    kind: 'failure',
    cause,
  });
}

/** Requests and answers, matched by number. The thread keeps the process alive only while it works. */
class Connection {
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  readonly #known = new WeakMap<TensorData, number>();
  readonly #forgotten: FinalizationRegistry<number>;
  #next = 0;
  /** Why nothing can be asked any more. */
  ended: GlassboxError | undefined;

  constructor(options: NodeSessionOptions) {
    // The compiled package has the thread beside this file under its compiled name.
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
    const workerData: ThreadOptions = { session: options };
    this.#worker = new Worker(new URL(`./thread.${extension}`, import.meta.url), { workerData });
    this.#worker.unref();
    this.#worker.on('message', (answer: Answer) => this.#settle(answer));
    this.#worker.on('error', (error) => this.#end(crashedError(error.message, error)));
    this.#worker.on('exit', (code) => this.#end(crashedError(`exit code ${code}`)));
    this.#forgotten = new FinalizationRegistry((known) => {
      if (!this.ended) this.#worker.postMessage({ kind: 'forget', known } satisfies Request);
    });
  }

  call(request: Call): Promise<Record<string, TensorData>> {
    if (this.ended) return Promise.reject(this.ended);
    const call = this.#next++;
    return new Promise((resolve, reject) => {
      this.#worker.postMessage({ ...request, call });
      this.#pending.set(call, { resolve, reject });
      this.#worker.ref();
    });
  }

  /** Shared memory is sent once and named by number afterwards; other arrays are copied each time. */
  pack(tensor: TensorData): Parcel {
    const known = this.#known.get(tensor);
    if (known !== undefined) return { known };
    if (!isShared(tensor)) return { tensor };
    const keep = this.#next++;
    this.#known.set(tensor, keep);
    this.#forgotten.register(tensor, keep);
    return { keep, tensor };
  }

  async close(): Promise<void> {
    this.#end(closedError());
    await this.#worker.terminate();
  }

  #settle(answer: Answer): void {
    const pending = this.#pending.get(answer.call);
    if (!pending) return;
    this.#pending.delete(answer.call);
    if (this.#pending.size === 0) this.#worker.unref();
    if ('error' in answer) pending.reject(unpackError(answer.error));
    else pending.resolve({ ...answer.fresh });
  }

  #end(reason: GlassboxError): void {
    this.ended ??= reason;
    for (const { reject } of this.#pending.values()) reject(this.ended);
    this.#pending.clear();
  }
}

/**
 * Programs on onnxruntime-node in a worker thread, so that a server answers while it computes.
 * Results lie in memory shared with the thread and are reused from run to run.
 */
export function workerRuntime(options: WorkerRuntimeOptions = {}): WorkerRuntime {
  const { idleSessions, idleBytes, ...sessionOptions } = options;
  const connection = new Connection(sessionOptions);
  let nextSession = 0;
  const runtime = createOnnxRuntime(
    {
      name: 'worker',
      canStopBeforeCopies,
      memory: { canWrite: isShared, allocate: (bytes) => new SharedArrayBuffer(bytes) },
      async createSession(model, external) {
        const session = nextSession++;
        const parts = external.map(({ path, data }) => ({ path, data }));
        await connection.call({ kind: 'load', session, model, external: parts });
        const pack = (tensor: TensorData) => connection.pack(tensor);
        return {
          run: (feeds, fetches) =>
            connection.call({
              kind: 'run',
              session,
              feeds: mapValues(feeds, pack),
              fetches: mapValues(fetches, (target) => target && pack(target)),
            }),
          async release() {
            // A thread that has ended took its sessions with it.
            if (!connection.ended) await connection.call({ kind: 'release', session });
          },
        };
      },
    },
    { idleSessions, idleBytes },
  );
  return {
    ...runtime,
    compile: (program, compileOptions) =>
      connection.ended
        ? Promise.reject(connection.ended)
        : runtime.compile(program, compileOptions),
    share: (feeds) =>
      mapValues(feeds, (tensor) => (isShared(tensor) ? tensor : sharedCopy(tensor))),
    close: () => connection.close(),
  };
}

function mapValues<A, B>(record: Readonly<Record<string, A>>, map: (value: A) => B) {
  return Object.fromEntries(
    Object.entries(record).map(([name, value]) => [name, map(value)]),
  ) as Record<string, B>;
}
