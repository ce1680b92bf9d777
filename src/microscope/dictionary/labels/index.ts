/** Labels of features: what each one detects, at what score on held-out text. */
export { randomDirections } from './baseline.ts';
export { BAR, type LabelOptions, type LabelRun, labelFeatures } from './label.ts';
export * from './show.ts';
export { LABELS, readLabels, writeLabels } from './store.ts';
export { type LabelSummary, labelF1, summariseLabels } from './summary.ts';
export * from './types.ts';
