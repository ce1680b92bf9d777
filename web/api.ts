import { batch, effect, type ReadonlySignal, signal, untracked } from '@preact/signals';
import type { GenerateLine, GenerateRequest, LabGets, LabLine, LabPosts } from '../src/lab/api.ts';

/** A failure as people read it. */
export interface Problem {
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
}

/** How far long work has come; `total` is null where it is not known. */
export interface Advance {
  readonly label: string;
  readonly done: number;
  readonly total: number | null;
  readonly unit: string;
}

type Outcome<T> = { readonly data: T } | { readonly problem: Problem };

/** A request to the lab: the path and, for POST, the body. */
export interface Call<T> {
  readonly path: string;
  readonly body?: unknown;
  /** Never read: it ties the path to the type of its answer. */
  readonly answer?: T;
}

/** Describes a GET. A model's name goes into the query; empty means the default model. */
export function get<P extends keyof LabGets>(path: P, model = ''): Call<LabGets[P]> {
  return { path: model === '' ? path : `${path}?model=${encodeURIComponent(model)}` };
}

/** Describes a POST. */
export function post<P extends keyof LabPosts>(
  path: P,
  body: LabPosts[P]['request'],
): Call<LabPosts[P]['response']> {
  return { path, body };
}

/** The lab serves the page and its interface from the same folder, whatever that is called. */
function address(path: string): string {
  return new URL(path.replace(/^\//, ''), document.baseURI).href;
}

/** Sends one request. Failures are values; only an abort rejects. */
export async function send<T>(
  call: Call<T>,
  options: {
    readonly signal?: AbortSignal;
    readonly onAdvance?: (advance: Advance) => void;
  } = {},
): Promise<Outcome<T>> {
  const { body } = call;
  const streamed = body !== undefined && options.onAdvance !== undefined;
  let response: Response;
  try {
    response = await fetch(address(call.path), {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        accept: streamed ? 'application/x-ndjson' : 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: options.signal,
    });
  } catch (cause) {
    options.signal?.throwIfAborted();
    return { problem: unreachable(cause) };
  }
  try {
    const type = response.headers.get('content-type') ?? '';
    if (!type.includes('ndjson')) {
      const answer: unknown = await response.json();
      return response.ok ? { data: answer as T } : { problem: problemOf(answer, response.status) };
    }
    for await (const line of lines<LabLine<T>>(response)) {
      if (line.type === 'progress') options.onAdvance?.(line);
      else return line.type === 'result' ? { data: line.result } : { problem: line.error };
    }
    return { problem: unreachable('the answer ended early') };
  } catch (cause) {
    options.signal?.throwIfAborted();
    return { problem: unreachable(cause) };
  }
}

/** Streams a generated continuation. */
export async function* generate(
  body: GenerateRequest,
  signal: AbortSignal,
): AsyncGenerator<GenerateLine> {
  let response: Response;
  try {
    response = await fetch(address('/api/generate'), {
      method: 'POST',
      headers: { accept: 'application/x-ndjson', 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal,
    });
    if (!response.ok) {
      const answer: unknown = await response.json();
      yield { type: 'error', error: problemOf(answer, response.status) };
      return;
    }
    yield* lines<GenerateLine>(response);
  } catch (cause) {
    signal.throwIfAborted();
    yield { type: 'error', error: unreachable(cause) };
  }
}

async function* lines<T>(response: Response): AsyncGenerator<T> {
  if (response.body === null) return;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { value, done } = await reader.read();
    const parts = (rest + (value ?? '')).split('\n');
    rest = done ? '' : (parts.pop() ?? '');
    for (const part of parts) if (part.trim() !== '') yield JSON.parse(part) as T;
    if (done) return;
  }
}

function problemOf(answer: unknown, status: number): Problem {
  const { error } = (answer ?? {}) as { error?: Partial<Problem> };
  return {
    code: error?.code ?? `http-${status}`,
    message: error?.message ?? `the lab answered with status ${status}`,
    remedy: error?.remedy ?? '',
  };
}

function unreachable(cause: unknown): Problem {
  const message = cause instanceof Error ? cause.message : String(cause);
  return { code: 'unreachable', message, remedy: '' };
}

/** An answer of the lab that follows what it depends on. */
export interface Resource<T> {
  /** The newest answer; the previous one stays until the next has come. */
  readonly data: ReadonlySignal<T | undefined>;
  /** True while the shown answer is being replaced. */
  readonly busy: ReadonlySignal<boolean>;
  readonly problem: ReadonlySignal<Problem | undefined>;
  readonly advance: ReadonlySignal<Advance | undefined>;
  readonly retry: () => void;
  readonly cancel: () => void;
}

/** A resource that remembers what it asked. */
export interface AskedResource<T> extends Resource<T> {
  /** The body of the request that `data` answers; an older one while the next is under way. */
  readonly answered: ReadonlySignal<unknown>;
}

/** Questions that never reached the lab: they are asked again as soon as any answer comes. */
const lost = new Set<() => void>();

/** Asks again what did not reach the lab. */
export function askLostAgain(): void {
  const again = [...lost];
  lost.clear();
  for (const retry of again) retry();
}

/**
 * Asks the lab whenever the signals read in `ask` change. A newer request aborts the older; the same
 * request is not sent twice in a row. `ask` gives undefined when there is nothing to ask: then the
 * answer is forgotten.
 *
 * @param options.delay milliseconds to wait for further changes before asking, 0 unless told
 * @param options.progress asks for a stream with progress, for work of more than a second
 */
export function resource<T>(
  ask: () => Call<T> | undefined,
  options: { readonly delay?: number; readonly progress?: boolean } = {},
): AskedResource<T> {
  const data = signal<T | undefined>(undefined);
  const answered = signal<unknown>(undefined);
  const busy = signal(false);
  const problem = signal<Problem | undefined>(undefined);
  const advance = signal<Advance | undefined>(undefined);
  const attempt = signal(0);
  let running: AbortController | undefined;
  let asked = '';
  const retry = () => {
    attempt.value += 1;
  };

  const run = async (call: Call<T>, control: AbortController) => {
    busy.value = true;
    advance.value = undefined;
    try {
      const { delay = 0 } = options;
      if (delay > 0) await new Promise((resolve) => setTimeout(resolve, delay));
      control.signal.throwIfAborted();
      const onAdvance = options.progress
        ? (step: Advance) => {
            if (!control.signal.aborted) advance.value = step;
          }
        : undefined;
      const outcome = await send(call, { signal: control.signal, onAdvance });
      if (control.signal.aborted) return;
      if ('data' in outcome) {
        batch(() => {
          data.value = outcome.data;
          answered.value = call.body;
        });
      }
      problem.value = 'problem' in outcome ? outcome.problem : undefined;
      if (problem.value?.code === 'unreachable') lost.add(retry);
      else {
        lost.delete(retry);
        askLostAgain();
      }
    } catch (cause) {
      if (!control.signal.aborted) throw cause;
    } finally {
      if (running === control) {
        busy.value = false;
        advance.value = undefined;
      }
    }
  };

  effect(() => {
    const call = ask();
    const key =
      call === undefined ? '' : `${attempt.value} ${call.path} ${JSON.stringify(call.body)}`;
    if (key === asked) return;
    asked = key;
    running?.abort();
    lost.delete(retry);
    untracked(() => {
      if (call === undefined) {
        data.value = undefined;
        problem.value = undefined;
        busy.value = false;
        return;
      }
      running = new AbortController();
      void run(call, running);
    });
  });

  return {
    data,
    answered,
    busy,
    problem,
    advance,
    retry,
    cancel: () => {
      running?.abort();
      busy.value = false;
      advance.value = undefined;
      // The same request may be asked for again.
      asked = '';
    },
  };
}
