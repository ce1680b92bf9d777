/** Training: parameters, losses, optimisers traced into the step, the loop, checkpoints, LoRA. */
export {
  type Checkpoint,
  type CheckpointMeta,
  loadCheckpoint,
  saveCheckpoint,
} from './checkpoint.ts';
export {
  type BestOptions,
  bestCheckpoint,
  listCheckpoints,
  pruneCheckpoints,
} from './checkpoint-folder.ts';
export * from './data.ts';
export * from './evaluate.ts';
export * from './events.ts';
export * from './init.ts';
export * from './interrupt.ts';
export * from './lora.ts';
export { readLora, writeLora } from './lora-files.ts';
export * from './losses.ts';
export * from './muon.ts';
export {
  noDecayOn,
  noDecayOnVectors,
  type Optimiser,
  type ParamGroup,
  type ScalarContext,
  type UpdateContext,
} from './optimiser.ts';
export * from './optimisers.ts';
export * from './params.ts';
export * from './run-folder.ts';
export * from './schedule.ts';
export type {
  BatchSpec,
  LossFunction,
  LossGraphOptions,
  LossOutput,
  StepOptions,
} from './step.ts';
export * from './train.ts';
export {
  createTrainer,
  type StepResult,
  type Trainer,
  type TrainerOptions,
  type TrainerState,
} from './trainer.ts';
