/** Reading and writing safetensors files: one codec for models, checkpoints and caches. */
export * from './codec.ts';
export { openSafetensors, writeSafetensors } from './file.ts';
