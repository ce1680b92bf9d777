import { createOnnxRuntime, type SessionCacheOptions } from '../onnx/runtime.ts';
import type { Runtime } from '../runtime.ts';
import { canStopBeforeCopies, createNodeSession, type NodeSessionOptions } from './session.ts';

/** How programs run natively, and how many compiled ones are kept. */
export interface NodeRuntimeOptions extends NodeSessionOptions, SessionCacheOptions {}

/**
 * Programs on onnxruntime-node. A run blocks the calling thread while it computes; servers use
 * {@link workerRuntime}. Outputs are written in place into arrays that are reused.
 */
export function nodeRuntime(options: NodeRuntimeOptions = {}): Runtime {
  return createOnnxRuntime(
    {
      name: 'node',
      memory: { canWrite: () => true, allocate: (bytes) => new ArrayBuffer(bytes) },
      canStopBeforeCopies,
      createSession: (model, external) => createNodeSession(model, external, options),
    },
    options,
  );
}
