/** Labels of features: what each one detects, at what score on held-out text. */
export { randomDirections } from './baseline.ts';
export { LABEL_BAR, LARGEST_BAR } from './detect.ts';
export * from './explain/index.ts';
export { type LabelOptions, type LabelRun, labelFeatures } from './label.ts';
export { labelRequest } from './request.ts';
export * from './show.ts';
export { asWritten, readLabels, writeLabels } from './store.ts';
export { summariseLabels } from './summary.ts';
export * from './types.ts';
