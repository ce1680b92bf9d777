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
  return {
    async run(feeds, fetches) {
      const ortFeeds: Record<string, Tensor> = {};
      for (const name in feeds) ortFeeds[name] = wrap(feeds[name]);
      const ortFetches: Record<string, Tensor | null> = {};
      for (const name in fetches) {
        const target = fetches[name];
        ortFetches[name] = target && wrap(target);
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
