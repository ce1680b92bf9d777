/** Which part of the world a prompt is drawn from. Nothing of `held-out` is ever trained on. */
export type Split = 'train' | 'held-out';

/** A well-mixed 32-bit hash of a text: FNV-1a with a final avalanche. */
export function stableHash(key: string): number {
  let h = 2166136261;
  for (let i = 0; i < key.length; i++) h = Math.imul(h ^ key.charCodeAt(i), 16777619);
  h = Math.imul(h ^ (h >>> 16), 0x21f0aaad);
  h = Math.imul(h ^ (h >>> 15), 0x735a2d97);
  return (h ^ (h >>> 15)) >>> 0;
}

/**
 * Decides by hash whether a combination is held out, so that training and evaluation agree without
 * sharing a list. `percent` in [0, 100] is the share held out.
 */
export function isHeldOut(key: string, percent: number): boolean {
  return stableHash(key) % 10000 < percent * 100;
}
