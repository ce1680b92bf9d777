import { parentPort, workerData } from 'node:worker_threads';
import { isGlassboxError } from '../../base/error.ts';
import type { TensorData } from '../../graph/op.ts';
import { createNodeSession } from '../node/session.ts';
import type { OnnxSession } from '../onnx/session.ts';
import type { Answer, ErrorParcel, Parcel, Request, ThreadOptions } from './messages.ts';
import { privateCopy, takesSharedMemory } from './shared.ts';

const options = (workerData as ThreadOptions).session;
const port = parentPort!;
const sessions = new Map<number, OnnxSession>();
const kept = new Map<number, TensorData>();

function unpack(parcel: Parcel): TensorData {
  if ('known' in parcel) return kept.get(parcel.known)!;
  if (parcel.keep !== undefined) kept.set(parcel.keep, parcel.tensor);
  return parcel.tensor;
}

function unpackAll<P extends Parcel | null>(
  parcels: Readonly<Record<string, P>>,
): Record<string, TensorData | Extract<P, null>> {
  return Object.fromEntries(
    Object.entries(parcels).map(([name, parcel]) => [name, parcel && unpack(parcel)]),
  ) as Record<string, TensorData | Extract<P, null>>;
}

/** Where ONNX Runtime refuses shared memory (Node 20), the run works on private copies. */
async function runOnCopies(
  session: OnnxSession,
  feeds: Record<string, TensorData>,
  fetches: Record<string, TensorData | null>,
): Promise<Record<string, TensorData>> {
  const copies = Object.fromEntries(
    Object.entries(feeds).map(([name, tensor]) => [name, privateCopy(tensor)]),
  );
  const written = await session.run(
    copies,
    Object.fromEntries(Object.keys(fetches).map((name) => [name, null])),
  );
  const fresh: Record<string, TensorData> = {};
  for (const [name, target] of Object.entries(fetches)) {
    if (target) (target.data as Float32Array).set(written[name].data as Float32Array);
    else fresh[name] = written[name];
  }
  return fresh;
}

async function serve(request: Exclude<Request, { kind: 'forget' }>) {
  if (request.kind === 'load') {
    const inPlace = await takesSharedMemory();
    const external = inPlace
      ? request.external
      : request.external.map(({ path, data }) => ({ path, data: data.slice() }));
    sessions.set(request.session, await createNodeSession(request.model, external, options));
    return {};
  }
  const session = sessions.get(request.session)!;
  if (request.kind === 'release') {
    sessions.delete(request.session);
    await session.release();
    return {};
  }
  const feeds = unpackAll(request.feeds);
  const fetches = unpackAll(request.fetches);
  return (await takesSharedMemory())
    ? session.run(feeds, fetches)
    : runOnCopies(session, feeds, fetches);
}

function packError(error: unknown): ErrorParcel {
  if (!isGlassboxError(error)) {
    return { message: error instanceof Error ? error.message : String(error) };
  }
  const { message, code, remedy, details, kind } = error;
  return { message, code, remedy, details, kind };
}

port.on('message', async (request: Request) => {
  if (request.kind === 'forget') {
    kept.delete(request.known);
    return;
  }
  let answer: Answer;
  try {
    answer = { call: request.call, fresh: await serve(request) };
  } catch (error) {
    answer = { call: request.call, error: packError(error) };
  }
  port.postMessage(answer);
});
