import type { InferenceSession, Tensor } from 'onnxruntime-node';
import type { TensorData } from '../../graph/op.ts';
import type { Feeds } from '../runtime.ts';

export type TensorConstructor = new (
  type: TensorData['dtype'],
  data: TensorData['data'],
  dims: readonly number[],
) => Tensor;

/** A loaded model. Names are those of the model. */
export interface OnnxSession {
  /**
   * Runs the model. Results are written into the given arrays where there is one; the others
   * (`null`) come back as fresh arrays, the only ones in the returned record.
   */
  run(
    feeds: Feeds,
    fetches: Readonly<Record<string, TensorData | null>>,
  ): Promise<Record<string, TensorData>>;
  release(): Promise<void>;
}

/**
 * An output that onnxruntime-node computes and cannot hand over. It converts outputs in order and
 * copies each into a fresh array, also those it has just written into an array of ours (onnxruntime
 * pull request 32346 is about that): of a run with every activation recorded a quarter of the time.
 * Asked for this one first, it stops after the run and before the copies.
 */
export const STOP_BEFORE_COPIES = '@stop-before-copies';

/** What onnxruntime-node says when it meets {@link STOP_BEFORE_COPIES}, after a run that went well. */
const STOPPED = 'Non tensor type is temporarily not supported.';

/** A session of ONNX Runtime's JavaScript interface. */
export function wrapSession(session: InferenceSession, Tensor: TensorConstructor): OnnxSession {
  // ONNX Runtime's own tensor objects, one per array, so that a weight fed at every step is wrapped once.
  const wrapped = new WeakMap<TensorData, Tensor>();
  const wrap = (value: TensorData): Tensor => {
    let tensor = wrapped.get(value);
    if (!tensor) {
      tensor = new Tensor(value.dtype, value.data, value.shape);
      wrapped.set(value, tensor);
    }
    return tensor;
  };
  const canStop = session.outputNames?.includes(STOP_BEFORE_COPIES) === true;
  return {
    async run(feeds, fetches) {
      const ortFeeds: Record<string, Tensor> = {};
      for (const name in feeds) ortFeeds[name] = wrap(feeds[name]);
      const ortFetches: Record<string, Tensor | null> = {};
      let fetchesFresh = false;
      for (const name in fetches) {
        const target = fetches[name];
        ortFetches[name] = target && wrap(target);
        fetchesFresh ||= target === null;
      }
      if (canStop && !fetchesFresh) {
        ortFetches[STOP_BEFORE_COPIES] = null;
        await session.run(ortFeeds, ortFetches).catch((error: unknown) => {
          if (!(error instanceof Error) || error.message !== STOPPED) throw error;
        });
        return {};
      }
      const written = await session.run(ortFeeds, ortFetches);
      const fresh: Record<string, TensorData> = {};
      for (const name in fetches) {
        if (fetches[name] !== null) continue;
        const { type, dims, data } = written[name] as Tensor;
        fresh[name] = { dtype: type, shape: dims, data } as TensorData;
      }
      return fresh;
    },
    release: () => session.release(),
  };
}
