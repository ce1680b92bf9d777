/** What every layer uses: errors, seeded randomness, intervals, safe file writes, progress. */
export {
  GlassboxError,
  type GlassboxErrorOptions,
  isGlassboxError,
  nearestNames,
} from './error.ts';
export { type FileContent, writeFileAtomic } from './files.ts';
export type { Progress, ProgressListener } from './progress.ts';
export { Rng, type RngState } from './rng.ts';
export { type Rate, wilson } from './stats.ts';
