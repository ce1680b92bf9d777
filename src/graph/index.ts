/** Tensors as plain graph nodes: build an expression, differentiate it, lower it to ONNX. */
export { batchedVjp, batchOver, batchRules } from './batch.ts';
export * from './build.ts';
export * from './dim.ts';
export { grad, vjp } from './gradient.ts';
export { gradRules } from './gradient-rules.ts';
export type * from './op.ts';
export * from './program.ts';
export { broadcastShapes, shapeRules } from './shape.ts';
