/** A background: `share` in [0, 1] of a colour over paper. */
export function tint(
  colour: 'magnitude' | 'positive' | 'negative' | 'uncertain',
  share: number,
): { readonly backgroundColor: string } {
  const percent = Math.round(Math.min(1, Math.max(0, share)) * 1000) / 10;
  return {
    backgroundColor: `color-mix(in srgb, var(--gb-${colour}) ${percent}%, var(--gb-paper))`,
  };
}
