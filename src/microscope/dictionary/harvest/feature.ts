import { GlassboxError } from '../../../base/error.ts';

/** Throws `unknown-feature` unless a dictionary of that many features has this one. */
export function requireFeature(feature: number, dDict: number): void {
  if (Number.isInteger(feature) && feature >= 0 && feature < dDict) return;
  throw new GlassboxError(`there is no feature ${feature}`, {
    code: 'unknown-feature',
    remedy: `Features run from 0 to ${dDict - 1}.`,
    details: { feature, features: dDict },
  });
}
