/** Dictionaries in the formats of other projects. */
export { circuitTracerRemark } from './circuit-tracer.ts';
export * from './load.ts';
export * from './neuronpedia.ts';
export * from './neuronpedia-read.ts';
export type { Place } from './others.ts';
export * from './save.ts';
export { readTorchFile, type TorchTensor, type TorchValue } from './torch.ts';
