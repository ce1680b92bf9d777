/** Labels of features: what each one detects, at what score on held-out text. */
export { BAR, type LabelOptions, type LabelRun, labelFeatures } from './label.ts';
export * from './show.ts';
export { LABELS, readLabels, writeLabels } from './store.ts';
export * from './types.ts';
