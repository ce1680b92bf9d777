/** Tools that look inside a model: lenses, attribution, patching, head scores, interventions. */
export * from './attribution.ts';
export * from './edit-spec.ts';
export * from './graph/index.ts';
export * from './heads.ts';
export * from './interventions.ts';
export * from './lens.ts';
export * from './loss.ts';
export * from './patching.ts';
export * from './prompt.ts';
export * from './readout.ts';
