/** Exchanging activations between two prompts: sweeps and averages over many prompts. */
export { attributionPatching } from './attribution.ts';
export { type AveragedPatching, averagePatching } from './average.ts';
export { type PatchSite, patchSites, siteAddress } from './sites.ts';
export { activationPatching } from './sweep.ts';
export type * from './types.ts';
