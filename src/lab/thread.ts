/** The thread of one model: loads it, then answers one question after the other. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { GlassboxError, isGlassboxError } from '../base/error.ts';
import { loadModel } from '../model/index.ts';
import type { Manifest } from '../organisms/manifest.ts';
import { createWorld } from '../organisms/world/world.ts';
import { nodeRuntime, type Runtime } from '../runtime/index.ts';
import { handlers } from './answers/index.ts';
import type { Handler, Session } from './answers/session.ts';
import { modelHash } from './identity.ts';
import { answerJson } from './json.ts';
import type { ErrorParcel, FromThread, Question, ThreadOptions, ToThread } from './messages.ts';

const { folder, name, dictionaries = [] } = workerData as ThreadOptions;
const port = parentPort!;
const send = (message: FromThread, transfer: ArrayBuffer[] = []): void =>
  port.postMessage(message, transfer);
const cancels = new Map<number, AbortController>();
let running: AbortSignal | undefined;

/** Lets messages in between two native runs, so that a question can be cancelled there. */
async function breathe(): Promise<void> {
  await new Promise(setImmediate);
  running?.throwIfAborted();
}

function interruptible(runtime: Runtime): Runtime {
  return {
    name: runtime.name,
    async compile(program, options) {
      await breathe();
      const executable = await runtime.compile(program, options);
      return {
        program: executable.program,
        async run(feeds, runOptions) {
          await breathe();
          return executable.run(feeds, runOptions);
        },
        release: () => executable.release(),
      };
    },
  };
}

function packError(error: unknown): ErrorParcel {
  const message = error instanceof Error ? error.message : String(error);
  if (!isGlassboxError(error)) return { message, failure: true };
  const { code, remedy, kind } = error;
  return { message, code, remedy, failure: kind === 'failure' };
}

/** What the folder of a shipped model says about its making; null for any other folder. */
async function readManifest(): Promise<Pick<Manifest, 'dataHash' | 'recipe'> | null> {
  const path = join(folder, 'manifest.json');
  if (!existsSync(path)) return null;
  const manifest = JSON.parse(await readFile(path, 'utf8')) as Partial<Manifest>;
  const { dataHash, recipe } = manifest;
  return typeof dataHash === 'string' && recipe ? { dataHash, recipe } : null;
}

async function open(): Promise<Session> {
  const model = await loadModel(folder, {
    name,
    runtime: interruptible(nodeRuntime()),
    onProgress: (progress) => send({ kind: 'progress', progress }),
  });
  const [hash, manifest] = await Promise.all([modelHash(folder), readManifest()]);
  const bytes = Object.values(model.params).reduce((sum, { data }) => sum + data.byteLength, 0);
  send({ kind: 'ready', facts: { hash, dataHash: manifest?.dataHash ?? null, bytes } });
  const seed = manifest?.recipe.worldSeed;
  const world = seed === undefined ? null : createWorld({ seed });
  return { model, folder, dictionaries, world, texts: new Map() };
}

async function answer(session: Session, ask: Extract<ToThread, { kind: 'ask' }>): Promise<void> {
  const { call, question, request } = ask;
  const controller = new AbortController();
  cancels.set(call, controller);
  running = controller.signal;
  const started = performance.now();
  try {
    const handler = handlers[question] as Handler<Question>;
    const found = await handler(session, request, {
      signal: controller.signal,
      progress: (progress) => send({ kind: 'progress', progress }),
      emit: (token) => send({ kind: 'token', token }),
    });
    const json = answerJson(found);
    const seconds = (performance.now() - started) / 1000;
    send({ kind: 'answer', call, json, seconds }, [json.buffer as ArrayBuffer]);
  } catch (error) {
    const cancelled = controller.signal.aborted
      ? new GlassboxError('the request was cancelled', {
          code: 'cancelled',
          remedy: 'Ask again.',
          kind: 'failure',
        })
      : error;
    send({ kind: 'error', call, error: packError(cancelled) });
  } finally {
    running = undefined;
    cancels.delete(call);
  }
}

const opened = open();
opened.catch((error) => send({ kind: 'unusable', error: packError(error) }));
let work: Promise<void> = Promise.resolve();

/** Ends the thread by itself: native sessions are released, and no native call is cut off. */
async function close(): Promise<void> {
  for (const controller of cancels.values()) controller.abort();
  await work;
  const session = await opened.catch(() => null);
  await session?.model.release();
  port.close();
}

// The other side asks one question at a time, so nothing here waits in a queue.
port.on('message', (message: ToThread) => {
  if (message.kind === 'cancel') cancels.get(message.call)?.abort();
  else if (message.kind === 'close') void close();
  else work = opened.then((session) => answer(session, message));
});
