/** Explanations of features by another model, with scores. */
export { createEndpoint, type Endpoint, type EndpointOptions } from './endpoint.ts';
export type { ExampleCounts } from './examples.ts';
export { type ExplainOptions, explainFeatures } from './explain.ts';
export * from './types.ts';
