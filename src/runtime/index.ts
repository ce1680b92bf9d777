/** Running programs: on the native ONNX Runtime here, in a worker, or in the reference evaluator. */
export { type NodeRuntimeOptions, nodeRuntime } from './node/index.ts';
export type * from './runtime.ts';
