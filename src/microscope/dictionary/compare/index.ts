/** Dictionaries beside each other: what their files say about how good they are. */
export { readDictionaryCard, readSetCards } from './cards.ts';
export { densityShape, labelShape } from './shapes.ts';
export type * from './types.ts';
