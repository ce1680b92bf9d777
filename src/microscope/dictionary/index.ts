/** Dictionaries of features: training, measuring, files. */
export * from './compare/index.ts';
export {
  type ActivationBatch,
  type BatchSource,
  blockSource,
  shufflingBuffer,
} from './data/buffer.ts';
export { diskSource, storeActivations } from './data/disk.ts';
export * from './data/source.ts';
export * from './files.ts';
export * from './formats/index.ts';
export { dictionaryHash, type HarvestOptions, harvest } from './harvest/harvest.ts';
export * from './harvest/store.ts';
export * from './harvest/text.ts';
export * from './harvest/types.ts';
export * from './imported/labels.ts';
export * from './imported/store.ts';
export type * from './imported/types.ts';
export * from './labels/index.ts';
export * from './metrics/check.ts';
export type { CrosscoderComparison, Ownership } from './metrics/comparison.ts';
export * from './metrics/concepts.ts';
export { type CrosscoderReport, evaluateCrosscoder } from './metrics/crosscoder.ts';
export * from './metrics/evaluate.ts';
export type { FiringMetrics } from './metrics/firing.ts';
export * from './metrics/ground-truth.ts';
export * from './metrics/logistic.ts';
export { assign } from './metrics/matching.ts';
export * from './metrics/probing.ts';
export * from './metrics/reconstruction.ts';
export * from './metrics/replacement.ts';
export { type SpliceMetrics, spliceMetrics } from './metrics/splice.ts';
export * from './metrics/synthetic-bench.ts';
export * from './metrics/synthetic-world.ts';
export { modelHash, otherWeights } from './model-hash.ts';
export * from './report.ts';
export { createEncoder, type Encoded, type Encoder, runDictionary } from './run.ts';
export * from './runs/index.ts';
export * from './set.ts';
export * from './train/config.ts';
export type { ActivationStatistics } from './train/params.ts';
export * from './train/rule.ts';
export * from './train/train.ts';
export {
  createDictionaryTrainer,
  type DictionaryStepReport,
  type DictionaryTrainer,
  type DictionaryTrainerOptions,
  inputScales,
} from './train/trainer.ts';
export * from './types.ts';
