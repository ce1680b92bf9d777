import { Worker } from 'node:worker_threads';
import { GlassboxError } from '../base/error.ts';
import type { ProgressListener } from '../base/progress.ts';
import { deferred } from './deferred.ts';
import type {
  ErrorParcel,
  FromThread,
  GeneratedToken,
  ModelFacts,
  Question,
  ThreadOptions,
  ToThread,
} from './messages.ts';

/** How long a thread may take to end by itself, in milliseconds: a native run must finish first. */
const PATIENCE = 10_000;

/** Who waits for an answer, and how to tell them what happens on the way. */
export interface AskOptions {
  readonly signal?: AbortSignal;
  readonly progress?: ProgressListener;
  readonly emit?: (token: GeneratedToken) => void;
}

export interface HostAnswer {
  readonly json: Uint8Array;
  /** Time the thread worked on it. */
  readonly seconds: number;
}

interface Asked extends AskOptions {
  readonly question: Question;
  readonly request: object;
  readonly call: number;
  resolve(answer: HostAnswer): void;
  reject(error: unknown): void;
}

export function unpackError({ message, code, remedy, failure }: ErrorParcel): Error {
  if (code === undefined || remedy === undefined) return new Error(message);
  return new GlassboxError(message, { code, remedy, kind: failure ? 'failure' : 'input' });
}

export function cancelledError(): GlassboxError {
  return new GlassboxError('the request was cancelled', {
    code: 'cancelled',
    remedy: 'Ask again.',
    kind: 'failure',
  });
}

/**
 * One model in a thread of its own. Questions are answered one at a time in the order they come;
 * cancelling one that waits takes it out, cancelling the running one stops it before its next
 * native run.
 */
export class ModelHost {
  readonly #worker: Worker;
  readonly #waiting: Asked[] = [];
  #running: Asked | undefined;
  #next = 0;
  #ended: Error | undefined;
  #stopping: Promise<void> | undefined;
  #exited = false;
  /** Loading progress goes to everyone who waits for the model. */
  readonly #loading = new Set<ProgressListener>();
  readonly ready: Promise<ModelFacts>;
  #settleReady: { resolve(facts: ModelFacts): void; reject(error: unknown): void };
  /** Counts questions, so that the least recently used model can be found. */
  lastUsed = 0;

  constructor(options: ThreadOptions) {
    const { promise, resolve, reject } = deferred<ModelFacts>();
    this.ready = promise;
    this.#settleReady = { resolve, reject };
    // Everyone who asks awaits it; without anyone asking, a failure must not end the process.
    promise.catch(() => undefined);
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
    const url = new URL(`./thread.${extension}`, import.meta.url);
    this.#worker = new Worker(url, { workerData: options, name: `model ${options.name}` });
    this.#worker.on('message', (message: FromThread) => this.#receive(message));
    this.#worker.on('error', (error) => this.#end(crashed(options.name, error.message, error)));
    this.#worker.on('exit', (code) => {
      this.#exited = true;
      this.#end(crashed(options.name, `exit code ${code}`));
    });
  }

  /** Whether the thread can take no more questions. */
  get ended(): boolean {
    return this.#ended !== undefined;
  }

  get busy(): boolean {
    return this.#running !== undefined || this.#waiting.length > 0 || this.#loading.size > 0;
  }

  /** Waits until the model is loaded, reporting on it. */
  async load({ progress, signal }: AskOptions): Promise<ModelFacts> {
    const listener = progress ?? (() => undefined);
    this.#loading.add(listener);
    try {
      const aborted = deferred<never>();
      const abort = () => aborted.reject(cancelledError());
      if (signal?.aborted) abort();
      signal?.addEventListener('abort', abort);
      aborted.promise.catch(() => undefined);
      try {
        return await Promise.race([this.ready, aborted.promise]);
      } finally {
        signal?.removeEventListener('abort', abort);
      }
    } finally {
      this.#loading.delete(listener);
    }
  }

  /** Asks the thread. Rejects with `cancelled` when the signal comes first. */
  ask(question: Question, request: object, options: AskOptions = {}): Promise<HostAnswer> {
    const { signal } = options;
    if (this.#ended) return Promise.reject(this.#ended);
    if (signal?.aborted) return Promise.reject(cancelledError());
    const { promise, resolve, reject } = deferred<HostAnswer>();
    const call = this.#next++;
    const asked: Asked = { ...options, question, request, call, resolve, reject };
    const abort = () => this.#cancel(asked);
    signal?.addEventListener('abort', abort);
    this.#waiting.push(asked);
    this.#advance();
    return promise.finally(() => signal?.removeEventListener('abort', abort));
  }

  #send(message: ToThread): void {
    this.#worker.postMessage(message);
  }

  #cancel(asked: Asked): void {
    if (this.#running === asked) {
      this.#send({ kind: 'cancel', call: asked.call });
      return;
    }
    const at = this.#waiting.indexOf(asked);
    if (at >= 0) this.#waiting.splice(at, 1);
    asked.reject(cancelledError());
  }

  #advance(): void {
    if (this.#running) return;
    this.#running = this.#waiting.shift();
    if (!this.#running) return;
    const { call, question, request } = this.#running;
    this.#send({ kind: 'ask', call, question, request });
  }

  #receive(message: FromThread): void {
    switch (message.kind) {
      case 'ready':
        this.#settleReady.resolve(message.facts);
        return;
      case 'unusable':
        this.#end(unpackError(message.error));
        void this.#stop();
        return;
      case 'progress':
        for (const listener of this.#loading) listener(message.progress);
        this.#running?.progress?.(message.progress);
        return;
      case 'token':
        this.#running?.emit?.(message.token);
        return;
      case 'answer':
      case 'error': {
        const asked = this.#running;
        if (asked?.call !== message.call) return;
        this.#running = undefined;
        if (message.kind === 'error') asked.reject(unpackError(message.error));
        else asked.resolve(message);
        this.#advance();
      }
    }
  }

  #end(error: Error): void {
    if (this.#ended) return;
    this.#ended = error;
    this.#settleReady.reject(error);
    for (const asked of [this.#running, ...this.#waiting]) asked?.reject(error);
    this.#running = undefined;
    this.#waiting.length = 0;
  }

  /** Ends the thread and frees the model. What it has not answered fails with `lab-closed`. */
  async close(): Promise<void> {
    this.#end(
      new GlassboxError('the lab put this model away', {
        code: 'model-closed',
        remedy: 'Ask again; the model is loaded anew.',
        kind: 'failure',
      }),
    );
    await this.#stop();
  }

  /** Lets the thread free its native memory and end; one that does not is ended from here. */
  async #stop(): Promise<void> {
    if (this.#exited) return;
    this.#stopping ??= new Promise<void>((resolve) => {
      const timer = setTimeout(() => this.#worker.terminate(), PATIENCE);
      this.#worker.once('exit', () => {
        clearTimeout(timer);
        resolve();
      });
      this.#send({ kind: 'close' });
    });
    await this.#stopping;
  }
}

function crashed(name: string, reason: string, cause?: unknown): GlassboxError {
  return new GlassboxError(`the thread of ${name} ended unexpectedly: ${reason}`, {
    code: 'model-failed',
    remedy: 'Ask again; check that there is enough memory for the model.',
    kind: 'failure',
    cause,
  });
}
