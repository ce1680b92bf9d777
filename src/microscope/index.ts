/** Tools that look inside a model: lenses, attribution, patching, head scores, interventions. */
export * from './attribution.ts';
export * from './circuits/index.ts';
export * from './dictionary/index.ts';
export * from './edit-spec.ts';
export { type DictionaryFinder, dictionariesIn } from './feature-edit.ts';
export * from './graph/index.ts';
export * from './heads.ts';
export { bootstrap, bootstrapMean, type Estimate } from './intervals.ts';
export * from './interventions.ts';
export * from './ioi/index.ts';
export * from './lens.ts';
export * from './loss.ts';
export * from './patching.ts';
export * from './prompt.ts';
export * from './readout.ts';
export * from './token-attribution/index.ts';
export * from './toy/index.ts';
