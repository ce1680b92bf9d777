import type { ModelConfig } from '../../model/config.ts';

/** Where activations are exchanged. */
export const patchSites = [
  'resid_pre',
  'resid_mid',
  'resid_post',
  'attn_out',
  'mlp_out',
  'z',
  'q',
  'k',
  'v',
  'pattern',
] as const;
/** The name of a site that can be patched. */
export type PatchSite = (typeof patchSites)[number];

/** The address of a site. */
export function siteAddress(site: PatchSite, layer: number): string {
  const inside = ['z', 'q', 'k', 'v', 'pattern'].includes(site);
  return `blocks.${layer}.${inside ? 'attn.' : ''}hook_${site}`;
}

/**
 * The residual stream from which a run continues when only this site changes, so that nothing before
 * it is computed again; null where the site is that stream itself.
 */
export function streamBefore(config: ModelConfig, site: PatchSite, layer: number): string | null {
  if (site.startsWith('resid_')) return null;
  const point = site === 'mlp_out' && !config.parallelBlocks ? 'mid' : 'pre';
  return `blocks.${layer}.hook_resid_${point}`;
}

/** Heads at a site: query heads, key/value heads, or 0 where all heads are one. */
export function headCount(config: ModelConfig, site: PatchSite): number {
  if (site === 'z' || site === 'q' || site === 'pattern') return config.nHeads;
  return site === 'k' || site === 'v' ? config.nKvHeads : 0;
}
