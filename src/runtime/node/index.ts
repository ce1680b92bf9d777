import { InferenceSession, Tensor } from 'onnxruntime-node';
import { createOnnxRuntime, type SessionCacheOptions } from '../onnx/runtime.ts';
import type { Runtime } from '../runtime.ts';

export interface NodeRuntimeOptions extends SessionCacheOptions {
  /** Where to run, best first: `cpu` unless told; `cuda` and `webgpu` where their libraries are present. */
  readonly providers?: readonly ('cpu' | 'cuda' | 'webgpu')[];
  /** Threads per run; ONNX Runtime's choice, the physical cores, unless told. */
  readonly threads?: number;
  /** How far ONNX Runtime rewrites the graph, `all` unless told. */
  readonly optimization?: 'disabled' | 'basic' | 'extended' | 'all';
  /** Keep freed memory for the next run; on unless told. Off is slower and smaller. */
  readonly arena?: boolean;
}

/**
 * Programs on onnxruntime-node. A run blocks the calling thread while it computes; servers use
 * {@link workerRuntime}. Outputs are written in place into arrays that are reused.
 */
export function nodeRuntime(options: NodeRuntimeOptions = {}): Runtime {
  const { providers = ['cpu'], threads, optimization = 'all', arena = true } = options;
  return createOnnxRuntime(
    {
      name: 'node',
      Tensor,
      writesInPlace: true,
      allocate: (bytes) => new ArrayBuffer(bytes),
      createSession: (model, external) =>
        InferenceSession.create(model, {
          executionProviders: [...providers],
          graphOptimizationLevel: optimization,
          enableCpuMemArena: arena,
          externalData: external.map(({ path, data }) => ({ path, data })),
          ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
          // What goes wrong is thrown; printing it too would only mix into the caller's output.
          logSeverityLevel: 4,
        }),
    },
    options,
  );
}
