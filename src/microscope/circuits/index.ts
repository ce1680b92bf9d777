/** Circuits: graphs of heads and MLPs, edge scores, discovery, exact evaluation, files. */
export { type AcdcOptions, type AcdcResult, acdc } from './acdc.ts';
export {
  type AttributionMethod,
  attributionMethods,
  type EdgeAttribution,
  type EdgeAttributionOptions,
  edgeAttribution,
} from './attribution.ts';
export { type RandomCurve, randomCurve } from './baseline.ts';
export {
  type CircuitEvaluation,
  type CompletenessCheck,
  CURVE_FRACTIONS,
  evaluateCircuit,
  type FaithfulnessCurve,
  faithfulness,
  faithfulnessCurve,
  type MinimalityCheck,
} from './evaluate.ts';
export { exactEdgeScores } from './exact.ts';
export { type Ablation, ablations } from './examples.ts';
export {
  type Circuit,
  type CircuitJson,
  circuitFromJson,
  circuitToJson,
  readCircuit,
  requireSameModel,
  writeCircuit,
} from './file.ts';
export {
  type CircuitMethod,
  circuitMethods,
  type FindCircuitOptions,
  findCircuit,
} from './find.ts';
export {
  type CircuitGraph,
  type CircuitShape,
  circuitGraph,
  circuitShape,
  countEdges,
  type Edge,
  type EdgeMask,
  type EdgeValues,
  edgeMask,
  findEdge,
  type HeadInput,
  nodesOf,
  pruneDeadEnds,
  type Receiver,
  receiverName,
  type Sender,
  senderName,
} from './graph.ts';
export { type CircuitExample, type CircuitMetric, circuitMetrics } from './metric.ts';
export {
  type PathEffect,
  type PathPatchingOptions,
  type PathPatchingResult,
  pathPatching,
} from './paths.ts';
export { type CircuitRunner, type CircuitRunOptions, circuitRunner } from './runner.ts';
export { topEdges } from './select.ts';
