/** What panels use of the page's state. The shell reads the parts it alone needs from their files. */
export type { State } from './fields.ts';
export { LENS_SHADES, SHADES } from './fields.ts';
export { focus, frozen, hovered, lock, locked, preview } from './focus.ts';
export { analysis, modelName } from './run.ts';
export { setState, state } from './url.ts';
