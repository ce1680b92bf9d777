import type { AskOptions } from './host.ts';
import { describeError } from './service.ts';

/** Makes an answer, reporting on the way. */
export type AnswerSource = (options: AskOptions) => Promise<Uint8Array>;

/** How often progress is told at most, in milliseconds. */
const TELL = 50;

const encoder = new TextEncoder();
const line = (value: object): Uint8Array => encoder.encode(`${JSON.stringify(value)}\n`);

/** An answer as one JSON document. What fails goes to the application's error handler. */
export async function jsonAnswer(source: AnswerSource, signal: AbortSignal): Promise<Response> {
  const body = await source({ signal });
  return new Response(body as BodyInit, {
    headers: { 'Content-Type': 'application/json; charset=utf-8', 'Cache-Control': 'no-store' },
  });
}

/** The last line: the answer between what names it. */
function lastLine(json: Uint8Array, generation: boolean): Uint8Array {
  const text = new TextDecoder().decode(json);
  return encoder.encode(
    generation ? `{"type":"done",${text.slice(1)}\n` : `{"type":"result","result":${text}}\n`,
  );
}

/**
 * An answer as lines of JSON: progress or tokens first, then the result. What fails before the first
 * line goes to the application's error handler, so that its status tells; later it is the last line.
 */
export function streamAnswer(
  source: AnswerSource,
  options: { readonly signal: AbortSignal; readonly generation: boolean },
): Promise<Response> {
  const gone = new AbortController();
  const signal = AbortSignal.any([options.signal, gone.signal]);
  return new Promise((resolve, reject) => {
    let stream: ReadableStreamDefaultController<Uint8Array> | undefined;
    const push = (bytes: Uint8Array) => {
      if (signal.aborted) return;
      if (!stream) {
        const body = new ReadableStream<Uint8Array>({
          start: (controller) => {
            stream = controller;
          },
          cancel: () => gone.abort(),
        });
        const headers = {
          'Content-Type': 'application/x-ndjson; charset=utf-8',
          'Cache-Control': 'no-store',
        };
        resolve(new Response(body, { headers }));
      }
      stream!.enqueue(bytes);
    };
    let told = Number.NEGATIVE_INFINITY;
    const answer = source({
      signal,
      progress: ({ label, done, total = null, unit }) => {
        const now = performance.now();
        if (options.generation || (now - told < TELL && done !== total)) return;
        told = now;
        push(line({ type: 'progress', label, done, total, unit }));
      },
      emit: (token) => push(line(token)),
    });
    answer
      .then((json) => push(lastLine(json, options.generation)))
      .catch((error) => {
        if (!stream) return reject(error);
        const { code, message, remedy } = describeError(error);
        push(line({ type: 'error', error: { code, message, remedy } }));
      })
      .finally(() => {
        if (!signal.aborted) stream?.close();
      });
  });
}
