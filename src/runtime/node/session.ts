import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { ExternalData } from '../../graph/onnx/index.ts';
import { type OnnxSession, wrapSession } from '../onnx/session.ts';

/** How ONNX Runtime runs programs natively. */
export interface NodeSessionOptions {
  /** Where to run, best first: `cpu` unless told; `cuda` and `webgpu` where their libraries are present. */
  readonly providers?: readonly ('cpu' | 'cuda' | 'webgpu')[];
  /** Threads per run; ONNX Runtime's choice, the physical cores, unless told. */
  readonly threads?: number;
  /** How far ONNX Runtime rewrites the graph, `all` unless told. */
  readonly optimization?: 'disabled' | 'basic' | 'extended' | 'all';
  /** Keep freed memory for the next run; on unless told. Off is slower and smaller. */
  readonly arena?: boolean;
}

/** Loads a model into onnxruntime-node. */
export async function createNodeSession(
  model: Uint8Array,
  external: readonly Pick<ExternalData, 'path' | 'data'>[],
  options: NodeSessionOptions,
): Promise<OnnxSession> {
  const { providers = ['cpu'], threads, optimization = 'all', arena = true } = options;
  const session = await InferenceSession.create(model, {
    executionProviders: [...providers],
    graphOptimizationLevel: optimization,
    enableCpuMemArena: arena,
    externalData: external.map(({ path, data }) => ({ path, data })),
    ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
    // What goes wrong is thrown; printing it too would only mix into the caller's output.
    logSeverityLevel: 4,
  });
  return wrapSession(session, Tensor);
}
