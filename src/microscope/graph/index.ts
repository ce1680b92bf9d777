/** Attribution graphs: from a prompt to its answer, through features. */

export * from './attribute.ts';
export { withBeginning } from './beginning.ts';
export * from './direct-effects.ts';
export type { ActiveFeature, Decomposition } from './features.ts';
export * from './file.ts';
export * from './format/imported-label.ts';
export { cantorPair, cantorUnpair, kindOfType } from './format/node-ids.ts';
export { type ReadGraph, type ReadNode, readGraph, withUniqueIds } from './format/read.ts';
export * from './group.ts';
export * from './head-loadings.ts';
export * from './influence.ts';
export * from './intervene.ts';
export * from './prune.ts';
export * from './qk.ts';
export type { GraphFile, GraphFileLink, GraphFileNode } from './schema.ts';
export * from './subgraph-scores.ts';
export { attributionTargets, type LogitTarget, type TargetOptions } from './targets.ts';
export { readTorchGraph, type TorchGraph } from './torch-graph.ts';
export type * from './types.ts';
