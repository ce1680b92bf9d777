/** Running programs: on the native ONNX Runtime, in a worker thread, or in the reference evaluator. */
export { type NodeRuntimeOptions, nodeRuntime } from './node/index.ts';
export { referenceRuntime } from './reference/index.ts';
export type * from './runtime.ts';
export { type WorkerRuntime, type WorkerRuntimeOptions, workerRuntime } from './worker/index.ts';
