/** Transformers: configurations, weights, addresses, running with edits, generation, export. */
export * from './address.ts';
export { DEFAULT_MODEL, findModel, listModels, type ModelEntry, openModel } from './catalogue.ts';
export * from './config.ts';
export type { ExportedModel, ExportOptions, LinearHead } from './export-onnx.ts';
export type * from './generate/types.ts';
export * from './hub.ts';
export { type LoadModelOptions, loadModel, readConfig, saveModel } from './load.ts';
export {
  createModel,
  type Model,
  type ModelOptions,
  type RunModelOptions,
  type RunResult,
} from './model.ts';
export { randomModel, randomParameters } from './random.ts';
export { contextLength, type Tokens } from './run/batch.ts';
export type * from './run/edit-types.ts';
export { type LogitsMode, parameterInputs } from './run/program.ts';
export type { WeightMode } from './run/runner.ts';
export * from './tokenizer.ts';
export { loadTokenizer } from './tokenizer-file.ts';
export type { Hook, KeyValue, SplitInputs } from './transformer/context.ts';
export { type ForwardInputs, type ForwardOutputs, traceForward } from './transformer/forward.ts';
export {
  linearLayers,
  type ParameterRole,
  type ParameterSpec,
  parameterCount,
  parameterSpecs,
} from './transformer/parameters.ts';
export { type TensorDifference, type Verification, verifyAgainstReference } from './verify.ts';
export { type Parameters, readCheckpoint, toCheckpoint } from './weights/checkpoint.ts';
