/** Labels of features: what each one detects, at what score on held-out text. */
export { randomDirections } from './baseline.ts';
export * from './explain/index.ts';
export { LABEL_BAR, type LabelOptions, type LabelRun, labelFeatures } from './label.ts';
export * from './show.ts';
export { readLabels, writeLabels } from './store.ts';
export { type LabelSummary, summariseLabels } from './summary.ts';
export * from './types.ts';
