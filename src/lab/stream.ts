import type { AskOptions } from './host.ts';
import { describeError } from './service.ts';

/** Makes an answer, reporting on the way. */
export type StreamSource = (options: AskOptions) => Promise<Uint8Array>;

/** How often progress is told at most, in milliseconds. */
const TELL = 50;

const encoder = new TextEncoder();
const line = (value: object): Uint8Array => encoder.encode(`${JSON.stringify(value)}\n`);

/** An answer as one JSON document. What fails goes to the application's error handler. */
export async function jsonAnswer(source: StreamSource, signal: AbortSignal): Promise<Response> {
  const body = await source({ signal });
  return new Response(body as BodyInit, {
    headers: { 'Content-Type': 'application/json; charset=utf-8', 'Cache-Control': 'no-store' },
  });
}

/** An answer as lines of JSON: progress or tokens first, then the result or the error. */
export function streamAnswer(
  source: StreamSource,
  options: { readonly signal: AbortSignal; readonly generation: boolean },
): Response {
  const gone = new AbortController();
  const signal = AbortSignal.any([options.signal, gone.signal]);
  const body = new ReadableStream<Uint8Array>({
    async start(stream) {
      let told = Number.NEGATIVE_INFINITY;
      const push = (bytes: Uint8Array) => {
        if (!signal.aborted) stream.enqueue(bytes);
      };
      try {
        const json = await source({
          signal,
          progress: ({ label, done, total = null, unit }) => {
            const now = performance.now();
            if (now - told < TELL && done !== total) return;
            told = now;
            if (!options.generation) push(line({ type: 'progress', label, done, total, unit }));
          },
          emit: (token) => push(line(token)),
        });
        if (options.generation) {
          push(encoder.encode('{"type":"done",'));
          push(json.subarray(1));
          push(encoder.encode('\n'));
        } else {
          push(encoder.encode('{"type":"result","result":'));
          push(json);
          push(encoder.encode('}\n'));
        }
      } catch (error) {
        const { code, message, remedy } = describeError(error);
        push(line({ type: 'error', error: { code, message, remedy } }));
      }
      if (!signal.aborted) stream.close();
    },
    cancel: () => gone.abort(),
  });
  return new Response(body, {
    headers: {
      'Content-Type': 'application/x-ndjson; charset=utf-8',
      'Cache-Control': 'no-store',
      'X-Accel-Buffering': 'no',
    },
  });
}
